package config

import (
	"net/netip"
	"time"
)

func (c *Config) checkPeer(add adder, key string, peer *Peer) {
	if peer.AETitle != "" {
		aeTitle(add, key+".ae_title", peer.AETitle)
	}
	if _, err := peer.Prefix(); err != nil {
		add("%s.network: %q is no address or CIDR, such as 10.20.0.0/16", key, peer.Network)
	}
	if peer.Certificate != "" && (c.TLS.Listen == "" || c.TLS.ClientCA == "") {
		add("%s.certificate: needs tls.listen and tls.client_ca, or nobody can prove to be %q", key, peer.Certificate)
	}
	if peer.AETitle == "" && peer.Network == "" && peer.Certificate == "" {
		add("%s: give ae_title, network, certificate or some of them; "+
			"an empty peer would let everybody in (to mean that: network = \"0.0.0.0/0\")", key)
	}
	switch {
	case peer.Quiet < 0 || peer.Quiet > c.Settle.Limit:
		add("%s.quiet: %v; more than 0, at most settle.limit, %v", key, peer.Quiet, c.Settle.Limit)
	case peer.Quiet != 0 && peer.AETitle == "":
		add("%s.quiet: needs ae_title, by which the studies of the peer are known", key)
	}
	switch {
	case peer.SilentAfter < 0 || peer.SilentAfter > 0 && peer.SilentAfter < Duration(time.Minute):
		add("%s.silent_after: %v; at least \"1m\", or 0 for never", key, peer.SilentAfter)
	case peer.SilentAfter != 0 && peer.AETitle == "":
		add("%s.silent_after: needs ae_title, by which the instances of the peer are known", key)
	}
	if peer.Address != "" {
		address(add, key+".address", peer.Address, false)
		if peer.AETitle == "" {
			add("%s.address: needs ae_title, or nobody is known to live there", key)
		}
	} else if peer.TLS {
		add("%s.tls: needs address", key)
	}
	checkTLSName(add, key, peer.TLSName, peer.TLS)
	switch {
	case peer.CA != "" && !peer.TLS:
		add("%s.ca: is set without tls = true", key)
	case peer.CA != "":
		checkAuthorities(add, key+".ca", peer.CA)
	}
}

// checkNamesakes compares a peer with those before it. Several may have one AE title, a scanner in two networks for one, if each lets
// in what no other does, and one alone says where reports go.
func checkNamesakes(add adder, key string, before []Peer, peer *Peer) {
	for i := range before {
		other := &before[i]
		if peer.AETitle == "" || other.AETitle != peer.AETitle {
			continue
		}
		if covers(other, peer) || covers(peer, other) {
			add("%s.ae_title: %q is that of peer[%d], too, and one lets in all that the other does; "+
				"make one of them, or give each a network of its own",
				key, peer.AETitle, i+1)
		}
		if peer.Address != "" && other.Address != "" {
			add("%s.address: peer[%d] says where reports for %q go; leave one of the addresses out", key, i+1, peer.AETitle)
		}
	}
}

// covers says whether a peer lets in whatever another one of its AE title does.
func covers(a, b *Peer) bool {
	all, errA := a.Prefix()
	some, errB := b.Prefix()
	if errA != nil || errB != nil || a.Certificate != "" && a.Certificate != b.Certificate {
		return false
	}
	return all == netip.Prefix{} || some.IsValid() && all.Bits() <= some.Bits() && all.Contains(some.Addr())
}
