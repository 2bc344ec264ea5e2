package postgres_test

import (
	"strings"
	"testing"

	"jcsnode/ledger/postgres"
)

func TestRebind(t *testing.T) {
	for from, want := range map[string]string{
		`a = ? AND b = ?`:        `a = $1 AND b = $2`,
		`a = ?2 OR a = ?12`:      `a = $2 OR a = $12`,
		`a = '?' AND b = ?`:      `a = '?' AND b = $1`,
		`a = 'it''s ?' OR b = ?`: `a = 'it''s ?' OR b = $1`,
	} {
		if got := postgres.Rebind(from); got != want {
			t.Errorf("%s: %s, want %s", from, got, want)
		}
	}
}

func TestClean(t *testing.T) {
	for from, want := range map[string]string{"CT1": "CT1", "Müller": "Müller", "a\x00b": "a\uFFFDb", "M\xfcller": "M\uFFFDller"} {
		if got := postgres.Clean(from); got != want {
			t.Errorf("%q: %q, want %q", from, got, want)
		}
	}
}

func TestCheckAddress(t *testing.T) {
	for address, want := range map[string]string{
		"postgres://jcsnode@db.example.org:5432/jcsnode":                            "",
		"postgresql:///jcsnode?host=/run/postgresql":                                "",
		"postgres://jcsnode@db/jcsnode?sslmode=verify-full":                         "",
		"postgres://jcsnode:secret@db/jcsnode":                                      "without the password",
		"postgres://jcsnode@db/jcsnode?password=secret":                             "without the password",
		"mysql://db/jcsnode":                                                        "must be as",
		"postgres://db":                                                             "must be as",
		"postgres://jcsnode:secret@db:port/jcsnode":                                 "is no URL",
		"postgres://jcsnode@db/jcsnode?sslmode=verify-nothing":                      "cannot be used",
		"postgres://jcsnode@db/jcsnode?sslrootcert=/no/such/file&sslmode=verify-ca": "cannot be used",
	} {
		err := postgres.CheckAddress(address)
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", address, err, want)
		case err != nil && strings.Contains(err.Error(), "secret"):
			t.Errorf("%s: the error names the password: %v", address, err)
		}
	}
	if got := postgres.Redacted("postgres://jcsnode:secret@db:5432/jcsnode?password=secret"); got != "postgres://jcsnode@db:5432/jcsnode" {
		t.Errorf("redacted: %s", got)
	}
}
