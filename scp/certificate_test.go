package scp

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"jcsnode/dimse"
)

func TestAdmit_CertificateProvesThePeer(t *testing.T) {
	leaf := func(common string, dns ...string) *x509.Certificate {
		return &x509.Certificate{Subject: pkix.Name{CommonName: common}, DNSNames: dns}
	}
	proven := func(c *x509.Certificate) *tls.ConnectionState {
		return &tls.ConnectionState{PeerCertificates: []*x509.Certificate{c}, VerifiedChains: [][]*x509.Certificate{{c}}}
	}
	ct, any := Peer{AETitle: "CT1", Certificate: "ct1.hospital"}, Peer{Network: netip.MustParsePrefix("10.0.0.0/8")}
	for _, c := range []struct {
		name  string
		peers []Peer
		state *tls.ConnectionState
		tell  string // "": admitted
	}{
		{"common name", []Peer{ct}, proven(leaf("ct1.hospital")), ""},
		{"DNS name in other case", []Peer{ct}, proven(leaf("x", "a", "CT1.Hospital")), ""},
		{"other certificate", []Peer{ct}, proven(leaf("ct2.hospital")), `came with the certificate "ct2.hospital"`},
		{"shown but not verified", []Peer{ct}, &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf("ct1.hospital")}},
			"TLS without a client certificate"},
		{"no TLS", []Peer{ct}, nil, "a connection without TLS"},
		{"a [[peer]] for any title does not let it in", []Peer{any, ct}, nil, "must prove the name"},
		{"another [[peer]] of its title does", []Peer{ct, {AETitle: "CT1", Network: any.Network}}, nil, ""},
		{"a [[peer]] for any title lets others in", []Peer{{AETitle: "CT2", Certificate: "x"}, any}, nil, ""},
		{"any certificate will do", []Peer{{AETitle: "CT1"}}, proven(leaf("ct2.hospital")), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := doorFor(t, Settings{AETitle: "JCS", Peers: c.peers})
			err := d.Admit(dimse.Requestor{CallingAETitle: "CT1", Addr: &net.TCPAddr{IP: net.IPv4(10, 1, 1, 1), Port: 1}, TLS: c.state})
			var r *dimse.Rejection
			switch {
			case c.tell == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.tell != "" && (!errors.As(err, &r) || r.Reason != 3 || !strings.Contains(r.Detail, c.tell)):
				t.Errorf("%v, want RJ 1/1/3 that tells %q", err, c.tell)
			}
		})
	}
}
