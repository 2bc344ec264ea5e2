package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"jcsnode/dimse/secure"
	"jcsnode/scp"
)

// identity loads the TLS files of one use and has their certificate watched.
func (n *node) identity(use string, files secure.Files) (*secure.Identity, error) {
	i, err := secure.Load(files, n.log.With("for", use), time.Now)
	if err != nil {
		return nil, fmt.Errorf("TLS of the %s: %w", use, err)
	}
	if i.Certificate() != nil {
		n.watched = append(n.watched, i)
	}
	return i, nil
}

// listen opens the plain port and, if there is one, that of TLS.
func (n *node) listen() (listeners []net.Listener, err error) {
	plain, err := net.Listen("tcp", n.config.Node.Listen)
	if err != nil {
		return nil, portError(n.config.Node.Listen, err)
	}
	n.log.Info("listening", "address", plain.Addr().String(), "ae_title", n.config.Node.AETitle, "device", n.runtime.Device())
	if n.own == nil {
		return []net.Listener{plain}, nil
	}
	l, err := net.Listen("tcp", n.config.TLS.Listen)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("TLS: %w", portError(n.config.TLS.Listen, err)), plain.Close())
	}
	n.log.Info("listening for TLS", "address", l.Addr().String(), "client_certificate_required", n.config.TLS.RequireClientCertificate)
	return []net.Listener{plain, tls.NewListener(l, n.own.Server(n.config.TLS.RequireClientCertificate))}, nil
}

// reportAddresses says where reports of storage commitment go.
func (n *node) reportAddresses() ([]scp.ReportAddress, error) {
	var all []scp.ReportAddress
	for _, p := range n.config.Peers {
		if p.Address == "" {
			continue
		}
		a := scp.ReportAddress{AETitle: p.AETitle, Address: p.Address}
		if p.TLS {
			own := n.config.TLS
			identity, err := n.identity("peer "+p.AETitle, secure.Files{Certificate: own.Certificate, Key: own.Key, Authorities: p.CA})
			if err != nil {
				return nil, err
			}
			a.TLS = identity.Client(p.TLSName)
		}
		all = append(all, a)
	}
	return all, nil
}
