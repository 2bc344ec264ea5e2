package config

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Values of Web.Auth.
const (
	AuthNone  = "none"  // whoever is at this machine
	AuthLocal = "local" // accounts of Web.UsersFile
	AuthProxy = "proxy" // whom a proxy names in a header
)

// StudyPlace is where a study's UID goes in Web.ViewerURL.
const StudyPlace = "{study}"

// Web is the page for people, off without an address.
type Web struct {
	Listen         string   `toml:"listen"` // host:port; empty: no page
	Certificate    string   `toml:"certificate"`
	Key            string   `toml:"key"`
	Auth           string   `toml:"auth"`            // "none", "local" or "proxy"
	UsersFile      string   `toml:"users_file"`      // accounts and their roles
	ProxyHeader    string   `toml:"proxy_header"`    // that names the user
	TrustedProxies []string `toml:"trusted_proxies"` // CIDR or addresses; the header of others is not believed
	Hosts          []string `toml:"hosts"`           // names in the address line, without a port
	Identifiers    string   `toml:"identifiers"`     // what is shown of a study: "uids", "accession" or "patient"
	ViewerURL      string   `toml:"viewer_url"`      // of the site's viewer, with StudyPlace in it
	Try            Try      `toml:"try"`
}

// Try lets people give studies to the page, to see what the node says of them.
type Try struct {
	Enabled bool     `toml:"enabled"`
	MaxSize Size     `toml:"max_size"` // of a study, packed and unpacked
	Keep    Duration `toml:"keep"`     // since it was read
	Waiting int      `toml:"waiting"`  // studies that may wait while one is read
	PerHour int      `toml:"per_hour"` // studies taken within an hour
}

func defaultTry() Try {
	return Try{MaxSize: 1 << 30, Keep: Duration(time.Hour), Waiting: 3, PerHour: 20}
}

func (t *Try) check(add adder) {
	if t.MaxSize < 1<<20 || t.MaxSize > 64<<30 {
		add("web.try.max_size: %d bytes; \"1MB\" to \"64GB\"", t.MaxSize)
	}
	if t.Keep < Duration(time.Minute) || t.Keep > Duration(24*time.Hour) {
		add("web.try.keep: %v; \"1m\" to \"24h\"", t.Keep)
	}
	between(add, "web.try.waiting", t.Waiting, 0, 20)
	between(add, "web.try.per_hour", t.PerHour, 1, 1000)
}

// Loopback says whether the page can be reached from this machine only.
func (w Web) Loopback() bool {
	host, _, err := net.SplitHostPort(w.Listen)
	return err == nil && loopback(host)
}

// Proxies are the networks of TrustedProxies.
func (w Web) Proxies() ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range w.TrustedProxies {
		p, err := Peer{Network: text}.Prefix()
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// checkWeb finds what would show the page to others than those it is for: off this machine it needs TLS and a login.
func (c *Config) checkWeb(add adder) {
	w := &c.Web
	oneOf(add, "web.auth", w.Auth, AuthNone, AuthLocal, AuthProxy)
	oneOf(add, "web.identifiers", w.Identifiers, identifierLevels...)
	w.checkViewer(add)
	w.Try.check(add)
	if w.Listen == "" {
		if w.Try.Enabled || w.Certificate != "" || w.Key != "" || w.UsersFile != "" || w.ProxyHeader != "" || w.Auth != AuthNone {
			add("web.listen: missing, and more of [web] is set; give an address, such as \"127.0.0.1:8080\"")
		}
		return
	}
	address(add, "web.listen", w.Listen, true)
	for _, own := range []struct{ key, listen string }{{"node.listen", c.Node.Listen}, {"tls.listen", c.TLS.Listen}} {
		if own.listen != "" && collide(own.listen, w.Listen) {
			add("web.listen: %q takes the port of %s, %q; give it another", w.Listen, own.key, own.listen)
		}
	}
	switch {
	case w.Certificate != "" && w.Key != "":
		checkPair(add, "web", w.Certificate, w.Key)
	case w.Certificate != "" || w.Key != "":
		add("web: certificate and key belong together; one is missing")
	case !w.Loopback():
		add("web.certificate and web.key: both are needed, since others than this machine reach %q; or listen on 127.0.0.1", w.Listen)
	}
	if !w.Loopback() && w.Auth == AuthNone {
		add("web.auth: \"none\" lets everybody in who reaches %q; use \"local\" or \"proxy\", or listen on 127.0.0.1", w.Listen)
	}
	w.checkLogin(add)
	w.checkHosts(add)
}

func (w *Web) checkLogin(add adder) {
	if w.Auth == AuthLocal && w.UsersFile == "" {
		add("web.users_file: missing; name a file, and make accounts with `jcsnode user add NAME`")
	}
	if w.Auth != AuthProxy {
		if w.ProxyHeader != "" || len(w.TrustedProxies) > 0 {
			add("web.proxy_header and web.trusted_proxies: are for auth = \"proxy\"")
		}
		return
	}
	if w.ProxyHeader == "" || strings.ContainsAny(w.ProxyHeader, " :\t\r\n") {
		add("web.proxy_header: %q; the header in which the proxy names the user, such as \"X-Remote-User\"", w.ProxyHeader)
	}
	if len(w.TrustedProxies) == 0 {
		add("web.trusted_proxies: empty; without it anybody could name any user in %s", w.ProxyHeader)
	}
	for _, text := range w.TrustedProxies {
		if p, err := (Peer{Network: text}).Prefix(); err != nil || text == "" {
			add("web.trusted_proxies: %q; an address or CIDR, such as \"10.20.0.9\"", text)
		} else if p.Bits() == 0 {
			add("web.trusted_proxies: %q is everybody; name the proxy alone", text)
		}
	}
}

// checkHosts: a name in the address line that is not ours is somebody else's page in front of us (DNS rebinding).
func (w *Web) checkHosts(add adder) {
	if len(w.Hosts) == 0 && !w.Loopback() {
		add("web.hosts: empty; name what people type for this machine, such as \"jcsnode.hospital\"")
	}
	for _, host := range w.Hosts {
		if host == "" || strings.ContainsAny(host, "/ *@") || strings.Count(host, ":") == 1 {
			add("web.hosts: %q; a name or an address without a port, such as \"jcsnode.hospital\"", host)
		}
	}
}

func (w *Web) checkViewer(add adder) {
	if w.ViewerURL == "" {
		return
	}
	u, err := url.Parse(w.ViewerURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || !strings.Contains(w.ViewerURL, StudyPlace) {
		add("web.viewer_url: %q; a URL with {study} in it, such as \"https://pacs/viewer?StudyInstanceUIDs={study}\"", w.ViewerURL)
	}
}
