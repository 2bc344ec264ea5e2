package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jcsnode/dimse/secure/securetest"
)

func TestLoad_TLSMistakes(t *testing.T) {
	ca := securetest.NewAuthority(t, "ca")
	certificate, key := ca.Issue("node", time.Now().Add(time.Hour))
	_, otherKey := ca.Issue("other", time.Now().Add(time.Hour))
	locked := filepath.Join(t.TempDir(), "folder.pem")
	if err := os.Mkdir(locked, 0o700); err != nil {
		t.Fatal(err)
	}
	section := func(certificate, key, authorities string) string {
		return fmt.Sprintf("[tls]\nlisten = \":2762\"\ncertificate = %q\nkey = %q\nclient_ca = %q\n", certificate, key, authorities)
	}
	pacs := "[[destination]]\nname = \"pacs\"\nae_title = \"PACS\"\naddress = \"pacs:104\"\n"
	for _, c := range []struct {
		name, text string
		want       []string // none: good
	}{
		{"good", section(certificate, key, ca.File) + "[[peer]]\ncertificate = \"ct\"\n", nil},
		{"good without client certificates", section(certificate, key, "") + "require_client_certificate = false\n", nil},
		{"missing", section("nowhere.pem", "nowhere.key", "nowhere.ca"),
			[]string{"tls.certificate", "tls.key", "tls.client_ca", "nowhere.pem"}},
		{"unreadable", section(certificate, locked, ca.File), []string{"tls.key"}},
		{"mismatched", section(certificate, otherKey, ca.File), []string{"does not match"}},
		{"no certificate among the authorities", section(certificate, key, key), []string{"tls.client_ca: no PEM"}},
		{"no authorities", section(certificate, key, ""), []string{"tls.client_ca: missing"}},
		{"no files", "[tls]\nlisten = \"x\"\nexpiry_warning = \"-1h\"\n",
			[]string{"tls.listen", "tls.certificate and tls.key", "tls.expiry_warning"}},
		{"files without a port", "[tls]\nkey = \"k\"\n", []string{"tls.listen: missing"}},
		{"names of certificates", pacs + "tls = true\ntls_name = \"pacs.hospital\"\n" +
			"[[peer]]\nae_title = \"CT\"\nstays_open = true\naddress = \"ct:104\"\ntls = true\ntls_name = \"10.0.0.5\"\n", nil},
		{"name of a certificate without TLS", pacs + "tls_name = \"pacs.hospital\"\n[[peer]]\nae_title = \"CT\"\ntls_name = \"ct\"\n",
			[]string{"destination[1].tls_name", "peer[1].tls_name"}},
		{"name of a certificate that is an address with a port",
			pacs + "tls = true\ntls_name = \"pacs:104\"\n", []string{"destination[1].tls_name"}},
		{"peer that cannot prove itself", "[[peer]]\ncertificate = \"ct\"\n", []string{"peer[1].certificate"}},
		{"peer with an address", fmt.Sprintf("[[peer]]\nae_title = \"CT\"\naddress = \"ct:104\"\ntls = true\nca = %q\n", ca.File), nil},
		{"peer with a wrong address", "[[peer]]\nnetwork = \"10.0.0.0/8\"\naddress = \"ct\"\nca = \"x\"\n",
			[]string{"peer[1].address: needs ae_title", "host:port", "peer[1].ca"}},
		{"peer with TLS to nowhere", "[[peer]]\nae_title = \"CT\"\ntls = true\n", []string{"peer[1].tls: needs address"}},
		{"destination", pacs + fmt.Sprintf("tls = true\nca = %q\ncertificate = %q\nkey = %q\n", ca.File, certificate, key), nil},
		{"destination without tls", pacs + "ca = \"x\"\n", []string{"without tls = true"}},
		{"destination with half a pair", pacs + "tls = true\nkey = \"x\"\n", []string{"belong together"}},
		{"destination with wrong files",
			pacs + fmt.Sprintf("tls = true\nca = %q\ncertificate = %q\nkey = %q\n", key, certificate, otherKey),
			[]string{"destination[1].ca", "does not match"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, c.text)
			if len(c.want) == 0 && err != nil {
				t.Fatal(err)
			}
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want a text with %q", err, want)
				}
			}
		})
	}
}
