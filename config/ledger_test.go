package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLedger_Check(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ url, file, want string }{
		{"", "", ""},
		{"postgres://jcsnode@db.example.org:5432/jcsnode?sslmode=verify-full", file, ""},
		{"postgresql:///jcsnode?host=/run/postgresql", "", ""},
		{"", file, "ledger.url names none"},
		{"postgres://jcsnode@db/jcsnode", file + "2", "no such file"},
		{"postgres://jcsnode:secret@db/jcsnode", "", "has a password in it"},
		{"postgres://jcsnode@db/jcsnode?password=secret", "", "has a password in it"},
		{"postgres://jcsnode:secret@db:port/jcsnode", "", "is no URL"},
		{"postgres://db", "", "a URL with host and database"},
		{"mysql://db/jcsnode", "", "a URL with host and database"},
	} {
		var p Problems
		Ledger{URL: c.url, PasswordFile: c.file}.check(func(format string, a ...any) { p = append(p, fmt.Sprintf(format, a...)) })
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
