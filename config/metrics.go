package config

import "net/netip"

// Metrics is what a monitoring system asks, off without an address.
type Metrics struct {
	Listen          string   `toml:"listen"`           // host:port; empty: none
	AllowedNetworks []string `toml:"allowed_networks"` // CIDR or addresses that may ask
}

// Networks are those of AllowedNetworks.
func (m Metrics) Networks() ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range m.AllowedNetworks {
		p, err := Peer{Network: text}.Prefix()
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

func (c *Config) checkMetrics(add adder) {
	m := &c.Metrics
	for _, text := range m.AllowedNetworks {
		if _, err := (Peer{Network: text}).Prefix(); err != nil || text == "" {
			add("metrics.allowed_networks: %q; an address or CIDR, such as \"10.20.0.9\"", text)
		}
	}
	if m.Listen == "" {
		return
	}
	address(add, "metrics.listen", m.Listen, true)
	for _, own := range []struct{ key, listen string }{
		{"node.listen", c.Node.Listen}, {"tls.listen", c.TLS.Listen}, {"web.listen", c.Web.Listen},
	} {
		if own.listen != "" && collide(own.listen, m.Listen) {
			add("metrics.listen: %q takes the port of %s, %q; give it another", m.Listen, own.key, own.listen)
		}
	}
	if len(m.AllowedNetworks) == 0 {
		add("metrics.allowed_networks: empty; name who may ask, such as \"127.0.0.1\"")
	}
}
