package config

import (
	"bytes"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"time"
)

// Webhook is a receiver of notifications.
type Webhook struct {
	Name        string   `toml:"name"`
	URL         string   `toml:"url"`         // https, or http to this machine
	SecretFile  string   `toml:"secret_file"` // key of the signature
	On          []string `toml:"on"`          // of notificationKinds; default: those about studies
	Identifiers string   `toml:"identifiers"` // "uids", "accession" or "patient"
	CA          string   `toml:"ca"`          // PEM file; empty: the authorities of the system
	TLSName     string   `toml:"tls_name"`    // that its certificate must have; empty: the host of the URL
	Insecure    bool     `toml:"insecure"`    // http to other machines
	Timeout     Duration `toml:"timeout"`     // for a whole request
}

// Stuck says after how long something counts as stuck.
type Stuck struct {
	Study    Duration `toml:"study"`    // complete, and without an outcome
	Delivery Duration `toml:"delivery"` // with an outcome that a destination lacks
}

// Kinds of notifications, those of the ledger, and identifiers that go with them, the fewest first.
var (
	notificationKinds = []string{"result", "failure", "stuck", "silent", "disk"}
	aboutStudies      = []string{"result", "failure", "stuck"}
	identifierLevels  = []string{IdentifiersUIDs, IdentifiersAccession, IdentifiersPatient}
)

// Values of Webhook.Identifiers.
const (
	IdentifiersUIDs      = "uids"
	IdentifiersAccession = "accession"
	IdentifiersPatient   = "patient"
)

// minSecret is the shortest key of a signature, in bytes.
const minSecret = 16

// resolve fills what the file leaves out; in makes paths absolute.
func (w *Webhook) resolve(in func(string) string) {
	w.SecretFile, w.CA = in(w.SecretFile), in(w.CA)
	if w.Name == "" {
		if u, err := url.Parse(w.URL); err == nil {
			w.Name = u.Host
		}
	}
	if w.On == nil {
		w.On = slices.Clone(aboutStudies)
	}
	if w.Identifiers == "" {
		w.Identifiers = IdentifiersUIDs
	}
	if w.Timeout == 0 {
		w.Timeout = Duration(10 * time.Second)
	}
}

// Secret reads the key of the signature. White space at its ends is not part of it.
func (w *Webhook) Secret() ([]byte, error) {
	text, err := os.ReadFile(w.SecretFile)
	if err != nil {
		return nil, err
	}
	secret := bytes.TrimSpace(text)
	if len(secret) < minSecret {
		return nil, fmt.Errorf("%s holds %d bytes; a secret has at least %d, such as those of `openssl rand -hex 32`",
			w.SecretFile, len(secret), minSecret)
	}
	return secret, nil
}

func (c *Config) checkWebhooks(add adder) {
	names := map[string]bool{}
	for i := range c.Webhooks {
		w := &c.Webhooks[i]
		key := fmt.Sprintf("webhook[%d]", i+1)
		if w.Name != "" && names[w.Name] {
			add("%s.name: %q is used twice", key, w.Name)
		}
		names[w.Name] = true
		w.check(add, key)
	}
	atLeastASecond(add, "stuck.study", c.Stuck.Study)
	atLeastASecond(add, "stuck.delivery", c.Stuck.Delivery)
}

func atLeastASecond(add adder, key string, d Duration) {
	if d < Duration(time.Second) {
		add("%s: %v; at least \"1s\"", key, d)
	}
}

func (w *Webhook) check(add adder, key string) {
	u, err := url.Parse(w.URL)
	switch {
	case err != nil || u.Host == "":
		add("%s.url: no URL, such as \"https://ris.hospital/jcsnode\"", key) // it may hold a token: it is not repeated
	case u.User != nil:
		add("%s.url: names a user; the signature is what proves who we are, leave the user out", key)
	case u.Scheme == "http" && !w.Insecure && !loopback(u.Hostname()):
		add("%s.url: http to another machine is open to everybody on the way; use https, or say insecure = true", key)
	case u.Scheme != "https" && u.Scheme != "http":
		add("%s.url: scheme %q; https, or http to this machine", key, u.Scheme)
	case u.Scheme == "http" && w.CA != "":
		add("%s.ca: is set for an http URL", key)
	default:
		checkTLSName(add, key, w.TLSName, u.Scheme == "https")
	}
	if w.SecretFile == "" {
		add("%s.secret_file: missing; name a file with the key of the signature, such as `openssl rand -hex 32` makes", key)
	} else if _, err := w.Secret(); err != nil {
		add("%s.secret_file: %v", key, err)
	}
	if len(w.On) == 0 {
		add("%s.on: empty; name some of %q", key, notificationKinds)
	}
	for _, kind := range w.On {
		oneOf(add, key+".on", kind, notificationKinds...)
	}
	oneOf(add, key+".identifiers", w.Identifiers, identifierLevels...)
	if w.CA != "" {
		checkAuthorities(add, key+".ca", w.CA)
	}
	if w.Timeout <= 0 || w.Timeout > Duration(5*time.Minute) {
		add("%s.timeout: %v; more than 0, at most \"5m\"", key, w.Timeout)
	}
}

// loopback says whether a host is this machine by its name alone.
func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback() || host == "localhost"
}
