package node

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"syscall"
	"time"

	"jcsnode/config"
	"jcsnode/dimse/secure"
)

// identity loads the TLS files of one use.
func identity(use string, files secure.Files, log *slog.Logger) (*secure.Identity, error) {
	i, err := secure.Load(files, log.With("for", use), time.Now)
	if err != nil {
		return nil, fmt.Errorf("TLS of the %s: %w", use, err)
	}
	return i, nil
}

// Listen opens the plain port and, if there are such, those of TLS, the page and metrics; the last two Run serves by itself. Who is no
// door has none of the first two.
func (n *Node) Listen() (listeners []net.Listener, err error) {
	if err := errors.Join(n.ListenPage(), n.listenMetrics()); err != nil {
		return nil, err
	}
	if !n.has(config.RoleDoor) {
		n.log.Info("the node takes no studies, and listens for none", "roles", n.config.Node.Roles, "device", n.Device())
		return nil, nil
	}
	plain, err := net.Listen("tcp", n.config.Node.Listen)
	if err != nil {
		return nil, portError(n.config.Node.Listen, err)
	}
	n.log.Info("listening", "address", plain.Addr().String(), "ae_title", n.config.Node.AETitle, "device", n.Device())
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

// portError says what to do about a port that cannot be had.
func portError(address string, err error) error {
	remedy := ""
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		remedy = "; another program has this port (ss -ltnp names it): stop it, or choose another port"
	case errors.Is(err, syscall.EACCES):
		remedy = "; ports below 1024 need a right: AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit, or choose another port"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		remedy = "; no network interface of this machine has that address now: leave the host out to listen on all"
	}
	return fmt.Errorf("listen on %s: %w%s", address, err, remedy)
}
