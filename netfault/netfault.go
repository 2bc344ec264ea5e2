// Package netfault says in the words of an operator what went wrong on a network or in a TLS handshake. Go's own texts speak of its
// contexts, end of file and system calls. It knows nothing of DICOM, of configuration, or of what was being done.
package netfault

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Words is the text of an error, with what went wrong on the network or with a certificate in plain words. Other errors keep their text.
func Words(err error) string {
	text := err.Error()
	for _, c := range []cause{certificate(err), alert(err), operation(err), bare(err)} {
		if c.internal != "" && strings.Contains(text, c.internal) {
			return strings.Replace(text, c.internal, c.words, 1)
		}
	}
	return text
}

// cause is a part of a text and what it means.
type cause struct{ internal, words string }

// certificate is about one of the peer that does not hold.
func certificate(err error) cause {
	var failed *tls.CertificateVerificationError
	if !errors.As(err, &failed) {
		return cause{}
	}
	var name x509.HostnameError
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	words := ""
	switch {
	case errors.As(err, &name):
		words = "its certificate is for " + list(CertificateNames(name.Certificate)) + ", not for " + name.Host
	case errors.As(err, &authority):
		words = "its certificate comes from an authority that is not known here"
		if authority.Cert != nil {
			words += ": " + authority.Cert.Issuer.String()
		}
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		words = "its certificate is valid from " + day(invalid.Cert.NotBefore) + " to " + day(invalid.Cert.NotAfter) +
			", and this machine's clock says otherwise"
	default:
		words = "its certificate does not hold: " + failed.Err.Error()
	}
	return cause{failed.Error(), words}
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func list(names []string) string {
	if len(names) == 0 {
		return "no name at all"
	}
	return strings.Join(names, ", ")
}

// CertificateNames are the names that a certificate can be checked for: DNS names and addresses.
func CertificateNames(c *x509.Certificate) []string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// WrongName gives the names of a certificate that is good for others than the one wanted.
func WrongName(err error) (names []string, ok bool) {
	var name x509.HostnameError
	if !errors.As(err, &name) {
		return nil, false
	}
	return CertificateNames(name.Certificate), true
}

// alerts are texts of crypto/tls for what a peer says of our handshake (RFC 8446 6.2).
var alerts = []cause{
	{"bad certificate", "the peer refuses our certificate"},
	{"unsupported certificate", "the peer refuses our certificate: of a kind that it does not take"},
	{"revoked certificate", "the peer refuses our certificate: revoked"},
	{"expired certificate", "the peer refuses our certificate: expired"},
	{"unknown certificate authority", "the peer does not know the authority of our certificate"},
	{"unknown certificate", "the peer refuses our certificate"},
	{"certificate required", "the peer wants a certificate of ours, and none is configured"},
	{"protocol version not supported", "the peer does not speak TLS 1.2 or 1.3"},
	{"handshake failure", "the peer and this program have no TLS cipher in common, or it refuses us"},
	{"unrecognized name", "the peer does not go by the name that it was called"},
	{"access denied", "the peer refuses our certificate: access denied"},
}

// alert is a TLS alert of the peer, which crypto/tls tells by its text alone.
func alert(err error) cause {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return cause{}
	}
	for _, a := range alerts {
		if strings.Contains(op.Error(), a.internal) {
			return cause{op.Error(), a.words}
		}
	}
	return cause{op.Error(), "the peer ended the TLS handshake: " + strings.TrimPrefix(op.Error(), "remote error: tls: ")}
}

// operation is a system call that failed.
func operation(err error) cause {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		words := "the name service does not answer for " + dns.Name
		if dns.IsNotFound {
			words = "no host is called " + dns.Name
		}
		var op *net.OpError
		if errors.As(err, &op) {
			return cause{op.Error(), words}
		}
		return cause{dns.Error(), words}
	}
	var op *net.OpError
	if !errors.As(err, &op) {
		return cause{}
	}
	return cause{op.Error(), system(op)}
}

func system(err error) string {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens there (connection refused)"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED):
		return "the other side cut the connection"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no way leads there in this network"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT), errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, net.ErrClosed):
		return "the connection was closed on this side"
	case errors.Is(err, io.EOF):
		return "the other side closed the connection"
	}
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Timeout() {
		return "no answer in time"
	}
	return err.Error()
}

// bare is an error of Go without a system call around it.
func bare(err error) cause {
	for _, c := range []struct {
		is    error
		words string
	}{
		{context.DeadlineExceeded, "no answer in time"},
		{os.ErrDeadlineExceeded, "no answer in time"},
		{context.Canceled, "it was stopped on this side"},
		{io.ErrUnexpectedEOF, "it ended early"},
		{io.EOF, "the other side closed the connection"},
		{syscall.ECONNRESET, "the other side cut the connection"},
		{syscall.EPIPE, "the other side cut the connection"},
	} {
		if errors.Is(err, c.is) {
			return cause{c.is.Error(), c.words}
		}
	}
	return cause{}
}
