package secure

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

// Files names the PEM files of an Identity.
type Files struct {
	Certificate string // certificate, intermediate ones behind it; "" for a client that shows none
	Key         string // its private key
	Authorities string // certificates that peers' certificates must go back to; "" trusts those of the system
}

// stamp tells versions of a file apart.
type stamp struct {
	modified time.Time
	size     int64
}

// material is what one version of the files says. It is not changed once made.
type material struct {
	certificate *tls.Certificate // nil: none
	authorities *x509.CertPool   // nil: those of the system
	stamps      [3]stamp
}

// Identity is one side's certificate and the authorities it trusts. All methods may be called from any goroutine.
type Identity struct {
	files Files
	log   *slog.Logger
	now   func() time.Time

	mu      sync.Mutex
	current *material // guarded by mu
	refused [3]stamp  // guarded by mu; version of the files that could not be used
}

// Load reads the files. now is time.Now outside tests.
func Load(files Files, log *slog.Logger, now func() time.Time) (*Identity, error) {
	i := &Identity{files: files, log: log, now: now}
	var err error
	i.current, err = files.read(files.look())
	return i, err
}

// look never fails: a file that is not there has no stamp, and reading it says why.
func (f Files) look() (stamps [3]stamp) {
	for i, path := range []string{f.Certificate, f.Key, f.Authorities} {
		if info, err := os.Stat(path); err == nil {
			stamps[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return stamps
}

func (f Files) read(stamps [3]stamp) (*material, error) {
	m := &material{stamps: stamps}
	if f.Certificate != "" || f.Key != "" {
		certificate, err := tls.LoadX509KeyPair(f.Certificate, f.Key)
		if err != nil {
			return nil, fmt.Errorf("read certificate %s with key %s: %w", f.Certificate, f.Key, err)
		}
		m.certificate = &certificate
	}
	if f.Authorities != "" {
		text, err := os.ReadFile(f.Authorities)
		if err != nil {
			return nil, fmt.Errorf("read certificate authorities: %w", err)
		}
		m.authorities = x509.NewCertPool()
		if !m.authorities.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("read certificate authorities: no certificate in %s", f.Authorities)
		}
	}
	return m, nil
}

// fresh is the newest usable version of the files.
func (i *Identity) fresh() *material {
	i.mu.Lock()
	defer i.mu.Unlock()
	stamps := i.files.look()
	if stamps == i.current.stamps || stamps == i.refused {
		return i.current
	}
	next, err := i.files.read(stamps)
	if err != nil {
		i.refused = stamps
		i.log.Error("TLS files have changed and cannot be used; the old ones stay until they are repaired", "error", err)
		return i.current
	}
	i.current, i.refused = next, [3]stamp{}
	i.log.Info("TLS files have changed and are used from now on", i.describe(next)...)
	return next
}

func (i *Identity) describe(m *material) []any {
	if m.certificate == nil {
		return []any{"authorities", i.files.Authorities}
	}
	leaf := m.certificate.Leaf
	return []any{"certificate", i.files.Certificate, "names", Names(leaf), "issuer", leaf.Issuer.String(), "expires",
		leaf.NotAfter.UTC().Format(time.RFC3339)}
}

// Names are the common name and the DNS names, addresses and mail names of a certificate, each once.
func Names(c *x509.Certificate) []string {
	var names []string
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	add(c.Subject.CommonName)
	for _, name := range c.DNSNames {
		add(name)
	}
	for _, ip := range c.IPAddresses {
		add(ip.String())
	}
	for _, name := range c.EmailAddresses {
		add(name)
	}
	return names
}

// Certificate is the one in use, nil if there is none.
func (i *Identity) Certificate() *x509.Certificate {
	if c := i.fresh().certificate; c != nil {
		return c.Leaf
	}
	return nil
}

// CipherSuites are those of TLS 1.2. Suites without forward secrecy or authenticated encryption are left out (RFC 9325 4.2);
// those of TLS 1.3 need no choice.
func CipherSuites() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	}
}

// profile is what both sides share. Resumption is off: each association proves its certificate anew.
func profile() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, CipherSuites: CipherSuites(), SessionTicketsDisabled: true}
}

// Server is the configuration of a listener. A client that shows a certificate must show a good one; with require, each has to
// show one.
func (i *Identity) Server(require bool) *tls.Config {
	c := profile()
	c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		m := i.fresh()
		if m.certificate == nil {
			return nil, errors.New("a listener needs a certificate")
		}
		each := profile()
		each.Certificates = []tls.Certificate{*m.certificate}
		each.ClientCAs = m.authorities
		each.Time = i.now
		switch {
		case require:
			each.ClientAuth = tls.RequireAndVerifyClientCert
		case m.authorities != nil:
			each.ClientAuth = tls.VerifyClientCertIfGiven
		}
		return each, nil
	}
	return c
}

// Client is the configuration of a requestor. A new certificate is taken from the files without a restart, new authorities are
// not. The peer's certificate must have the name; with "" it is the caller's to set: ServerName.
func (i *Identity) Client(name string) *tls.Config {
	c := profile()
	c.ServerName = name
	c.RootCAs = i.fresh().authorities
	c.Time = i.now
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if m := i.fresh(); m.certificate != nil {
			return m.certificate, nil
		}
		return &tls.Certificate{}, nil // none is shown
	}
	return c
}

const (
	watchInterval = time.Hour
	warnInterval  = 24 * time.Hour
)

// Watch logs the certificate, takes changed files even when nobody connects, and warns once a day when less than ahead is
// left until the certificate expires. It returns when ctx ends.
func (i *Identity) Watch(ctx context.Context, ahead time.Duration) {
	i.log.Info("TLS certificate", i.describe(i.fresh())...)
	var warned time.Time
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		if now := i.now(); now.Sub(warned) >= warnInterval && i.warn(ahead) {
			warned = now
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// warn says that the certificate expires soon or has expired, if it does.
func (i *Identity) warn(ahead time.Duration) bool {
	c := i.Certificate()
	if c == nil {
		return false
	}
	left := c.NotAfter.Sub(i.now())
	switch {
	case left <= 0:
		i.log.Error("TLS certificate has expired, peers will refuse it: put a new one into its file, no restart is needed",
			i.describe(i.fresh())...)
	case left <= ahead:
		i.log.Warn("TLS certificate expires soon: put a new one into its file, no restart is needed",
			append(i.describe(i.fresh()), "left", left.Round(time.Minute))...)
	default:
		return false
	}
	return true
}
