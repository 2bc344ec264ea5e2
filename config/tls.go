package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// TLS is the listener for DICOM over TLS, beside that of [Node].
type TLS struct {
	Listen                   string   `toml:"listen"` // host:port; empty: none
	Certificate              string   `toml:"certificate"`
	Key                      string   `toml:"key"`
	ClientCA                 string   `toml:"client_ca"`
	RequireClientCertificate bool     `toml:"require_client_certificate"`
	ExpiryWarning            Duration `toml:"expiry_warning"` // before a certificate of ours expires
}

func (t *TLS) check(add adder) {
	if t.ExpiryWarning < 0 {
		add("tls.expiry_warning: %v; 0 or more, such as \"720h\"", t.ExpiryWarning)
	}
	if t.Listen == "" {
		if t.Certificate != "" || t.Key != "" || t.ClientCA != "" {
			add("tls.listen: missing, and files are named; give a port, such as \":2762\"")
		}
		return
	}
	address(add, "tls.listen", t.Listen, true)
	if t.Certificate == "" || t.Key == "" {
		add("tls.certificate and tls.key: both are needed for tls.listen")
	} else {
		checkPair(add, "tls", t.Certificate, t.Key)
	}
	switch {
	case t.ClientCA != "":
		checkAuthorities(add, "tls.client_ca", t.ClientCA)
	case t.RequireClientCertificate:
		add("tls.client_ca: missing; name the authorities of the peers' certificates, or set tls.require_client_certificate = false")
	}
}

// Describe names the certificate for the operator, as far as it can be read.
func (t *TLS) Describe() string {
	pair, err := tls.LoadX509KeyPair(t.Certificate, t.Key)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%q, which expires %s", pair.Leaf.Subject.CommonName, pair.Leaf.NotAfter.Format(time.DateOnly))
}

func (d *Destination) checkTLS(add adder, key string) {
	checkTLSName(add, key, d.TLSName, d.TLS)
	if !d.TLS {
		if d.CA != "" || d.Certificate != "" || d.Key != "" {
			add("%s: names TLS files without tls = true", key)
		}
		return
	}
	if (d.Certificate == "") != (d.Key == "") {
		add("%s: certificate and key belong together; one is missing", key)
	} else if d.Certificate != "" {
		checkPair(add, key, d.Certificate, d.Key)
	}
	if d.CA != "" {
		checkAuthorities(add, key+".ca", d.CA)
	}
}

// checkPair finds files that are missing, cannot be read or do not belong together. One that is out of date is no mistake here:
// the node starts with it and says so, since the plain port needs none.
func checkPair(add adder, key, certificate, private string) {
	_, certificateErr := os.ReadFile(certificate)
	_, keyErr := os.ReadFile(private)
	if certificateErr != nil {
		add("%s.certificate: %v", key, certificateErr)
	}
	if keyErr != nil {
		add("%s.key: %v", key, keyErr)
	}
	if certificateErr != nil || keyErr != nil {
		return
	}
	if _, err := tls.LoadX509KeyPair(certificate, private); err != nil {
		add("%s.certificate: %s with key %s: %v", key, certificate, private, err)
	}
}

func checkAuthorities(add adder, key, path string) {
	text, err := os.ReadFile(path)
	switch {
	case err != nil:
		add("%s: %v", key, err)
	case !x509.NewCertPool().AppendCertsFromPEM(text):
		add("%s: no PEM certificate in %s", key, path)
	}
}

// checkTLSName checks a name that the certificate of another machine must have.
func checkTLSName(add adder, key, name string, tls bool) {
	switch {
	case name == "":
	case !tls:
		add("%s.tls_name: is set, and no TLS is spoken", key)
	case strings.ContainsAny(name, " /:*") && net.ParseIP(name) == nil:
		add("%s.tls_name: %q; one of the names in the certificate, such as \"pacs.hospital\"", key, name)
	}
}
