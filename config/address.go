package config

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

func address(add adder, key, a string, listen bool) {
	host, port, err := net.SplitHostPort(a)
	if err != nil {
		such := "10.20.0.7:104"
		if listen {
			such = ":104, or 10.20.0.7:104 for one address of this machine"
		}
		add("%s: %q; host:port, such as %s", key, a, such)
		return
	}
	if host == "" && !listen {
		add("%s: %q names no host", key, a)
	}
	if host != "" && numeric(host) {
		if _, err := netip.ParseAddr(host); err != nil {
			add("%s: %q is no IP address, such as 10.20.0.7", key, host)
		}
	}
	lowest := 1
	if listen {
		lowest = 0
	}
	if n, err := strconv.Atoi(port); err != nil || n < lowest || n > 65535 {
		add("%s: port %q; %d to 65535", key, port, lowest)
	}
}

// numeric says whether a host is written as an address: no name of a host has digits and points alone (RFC 1123 2.1), or a colon.
func numeric(host string) bool {
	return strings.Trim(host, "0123456789.") == "" || strings.Contains(host, ":")
}

// checkReturn finds a destination that is this node itself: it would take its own results for studies, or refuse them for ever.
func (c *Config) checkReturn(add adder, key, address string) {
	for _, own := range []struct{ key, listen string }{{"node.listen", c.Node.Listen}, {"tls.listen", c.TLS.Listen}} {
		if leadsTo(address, own.listen) {
			add("%s.address: %q is this node itself, by %s; name the archive that is to have the results", key, address, own.key)
		}
	}
}

// collide says whether two listeners cannot be open at a time.
func collide(a, b string) bool {
	hostA, portA := endpoint(a)
	hostB, portB := endpoint(b)
	return portA == portB && portA != 0 && (hostA == hostB || unspecified(hostA) || unspecified(hostB))
}

// leadsTo says whether who connects to the address meets the listener, as far as that shows without asking the machine for its names.
func leadsTo(address, listen string) bool {
	host, port := endpoint(address)
	ownHost, ownPort := endpoint(listen)
	return port == ownPort && port != 0 && (host == ownHost || unspecified(ownHost) && (loopback(host) || unspecified(host)))
}

// endpoint takes an address apart, each host written in one way. The port is 0 if the address has no port, or one that the system chooses.
func endpoint(address string) (host string, port int) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0
	}
	port, _ = strconv.Atoi(text)
	host = strings.ToLower(host)
	if host == "localhost" {
		host = "127.0.0.1"
	}
	if a, err := netip.ParseAddr(host); err == nil {
		host = a.Unmap().String()
	}
	return host, port
}

// unspecified says whether a host stands for every interface. Go listens by IPv4 and IPv6 on each of these.
func unspecified(host string) bool { return host == "" || host == "0.0.0.0" || host == "::" }
