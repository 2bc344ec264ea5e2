package config

import (
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeAuthority writes a certificate as a PEM file.
func writeAuthority(t *testing.T) (path string) {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	path = filepath.Join(t.TempDir(), "authority.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLedger_Check(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const verified, sure = "postgres://jcsnode@db.example.org:5432/jcsnode?sslmode=verify-full", "sslmode=verify-full"
	authority := writeAuthority(t)
	for _, c := range []struct {
		url, file string
		insecure  bool
		want      string
	}{
		{"", "", false, ""},
		{verified, file, false, ""},
		{"postgresql:///jcsnode?host=/run/postgresql", "", false, ""},
		{"", file, false, "ledger.url names none"},
		{"postgres://jcsnode@db/jcsnode", file + "2", false, "no such file"},

		{"postgres://jcsnode:secret@db/jcsnode", "", false, "has a password in it"},
		{"postgres://jcsnode@db/jcsnode?password=secret", "", false, "has a password in it"},
		{"postgres://jcsnode@db/jcsnode?sslpassword=secret", "", false, "has a password in it"},
		{"postgres://jcsnode@db/jcsnode?pass%77ord=secret", "", false, "has a password in it"},
		{"postgres://jcsnode:secret@db:port/jcsnode", "", false, "is no URL"},
		{"postgres://jcsnode@db/jcsnode?password=secret;x", "", false, "is no URL"},
		{"postgres://jcsnode:1#secret@db/jcsnode", "", false, "is no URL"},
		{"postgres://jcsnode:1/secret@db/jcsnode", "", false, "a URL with host and database"},
		{"host=db user=jcsnode password=secret dbname=jcsnode", "", false, "neither postgres:// nor postgresql://"},
		{"POSTGRES://jcsnode:secret@db/jcsnode", "", false, "neither postgres:// nor postgresql://"},
		{" postgres://jcsnode:secret@db/jcsnode", "", false, "neither postgres:// nor postgresql://"},
		{"jcsnode:secret@db/jcsnode", "", false, "neither postgres:// nor postgresql://"},
		{"mysql://db/jcsnode", "", false, "neither postgres:// nor postgresql://"},
		{"postgres://db", "", false, "a URL with host and database"},
		{"postgres:///jcsnode", "", false, "a URL with host and database"},
		{"postgres://u@:5432/jcsnode", "", false, "a URL with host and database"},
		{verified + "&sslmode=disable", "", false, "stands there twice"},

		{"postgres://jcsnode@db/jcsnode", "", false, ""},
		{"postgres://jcsnode@db/jcsnode?sslmode=disable", "", false, sure},
		{"postgres://jcsnode@db/jcsnode?sslmode=allow", "", false, sure},
		{"postgres://jcsnode@db/jcsnode?sslmode=prefer", "", false, sure},
		{"postgres://jcsnode@db/jcsnode?sslmode=require", "", false, sure},
		{"postgres://jcsnode@db/jcsnode?sslmode=verify-ca", "", false, sure},
		{"postgres://jcsnode@db/jcsnode?ssl=true", "", false, "sslmode does"},
		{"postgres://jcsnode@db/jcsnode?sslmode=", "", false, "sslmode is none of"},
		{"postgres://jcsnode@db/jcsnode?sslmode=verify_full", "", true, "sslmode is none of"},
		{"postgres://jcsnode@localhost,db/jcsnode?sslmode=prefer", "", false, sure},
		{"postgres://jcsnode@127.0.0.1/jcsnode?host=db&sslmode=prefer", "", false, sure},
		{"postgres://jcsnode@db/jcsnode?sslmode=require", "", true, ""},
		{"postgres://jcsnode@db/jcsnode?sslmode=verify-ca&sslrootcert=" + authority, "", false, ""},
		{"postgres://jcsnode@db/jcsnode?sslrootcert=" + authority + "2", "", false, "no such file"},
		{"postgres://jcsnode@db/jcsnode?sslrootcert=" + file, "", false, "ledger.url: sslrootcert"},
		{"postgres://jcsnode@127.0.0.1:5432/jcsnode?sslmode=disable", "", false, ""},
		{"postgres://jcsnode@[::1]:5432/jcsnode?sslmode=disable", "", false, ""},
		{"postgres://jcsnode@localhost/jcsnode?host=/run/postgresql&sslmode=disable", "", false, ""},
	} {
		var p Problems
		l := Ledger{URL: c.url, PasswordFile: c.file, Insecure: c.insecure}
		l.check(func(format string, a ...any) { p = append(p, fmt.Sprintf(format, a...)) })
		text := strings.Join(p, "\n")
		if (c.want == "") != (text == "") || !strings.Contains(text, c.want) {
			t.Errorf("%s: %q, want %q", c.url, text, c.want)
		}
		if strings.Contains(text, "secret") {
			t.Errorf("%s: it names the password: %s", c.url, text)
		}
	}
	if p, err := (Ledger{PasswordFile: file}).Password(); p != "secret" || err != nil {
		t.Errorf("password %q, %v", p, err)
	}
}

// Without a word about it another machine has to prove who it is.
func TestLedger_Address(t *testing.T) {
	for url, want := range map[string]string{
		"":                                              "",
		"postgres://db/jcsnode":                         "postgres://db/jcsnode?sslmode=verify-full",
		"postgres://db/jcsnode?":                        "postgres://db/jcsnode?sslmode=verify-full",
		"postgres://db/jcsnode?options=-c%20x":          "postgres://db/jcsnode?options=-c%20x&sslmode=verify-full",
		"postgres://db/jcsnode?sslmode=require":         "postgres://db/jcsnode?sslmode=require", // [ledger] insecure
		"postgres://127.0.0.1:5432/jcsnode":             "postgres://127.0.0.1:5432/jcsnode",
		"postgres://localhost/jcsnode":                  "postgres://localhost/jcsnode",
		"postgres://u@/jcsnode?host=/run/postgresql":    "postgres://u@/jcsnode?host=/run/postgresql",
		"postgres://127.0.0.1/jcsnode?host=db":          "postgres://127.0.0.1/jcsnode?host=db&sslmode=verify-full",
		"postgres://127.0.0.1:5432,db:5432/jcsnode":     "postgres://127.0.0.1:5432,db:5432/jcsnode?sslmode=verify-full",
		"postgres://u@/jcsnode?host=/run/postgresql,db": "postgres://u@/jcsnode?host=/run/postgresql,db&sslmode=verify-full",
	} {
		if got := (Ledger{URL: url}).Address(); got != want {
			t.Errorf("%s: %s, want %s", url, got, want)
		}
	}
}

// Commands that only look take what is no URL for no path of a file, which they would print.
func TestRead_RefusesALedgerThatIsNoURL(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.toml")
	for _, text := range []string{"[ledger]\nurl = \"host=db password=secret\"\n", "ledger = \"postgres://u:secret@db/jcsnode\"\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestNode_Part(t *testing.T) {
	for _, c := range []struct {
		name  string
		roles []string
		want  string
	}{
		{"", Roles(), ""},
		{"ct-1.hospital", []string{RoleRead}, ""},
		{"a b", Roles(), "node.name"},
		{"", nil, "node.roles: empty"},
		{"", []string{"cook"}, "is none of door, read, deliver"},
		{"", []string{RoleRead, RoleRead}, "named twice"},
	} {
		var p Problems
		Node{Name: c.name, Roles: c.roles}.checkPart(func(format string, a ...any) { p = append(p, fmt.Sprintf(format, a...)) })
		if text := strings.Join(p, "\n"); (c.want == "") != (text == "") || !strings.Contains(text, c.want) {
			t.Errorf("%+v: %q", c, text)
		}
	}
}
