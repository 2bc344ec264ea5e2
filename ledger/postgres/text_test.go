package postgres_test

import (
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

func TestRedacted(t *testing.T) {
	for from, want := range map[string]string{
		"postgres://jcsnode:secret@db:5432/jcsnode?password=secret": "postgres://jcsnode@db:5432/jcsnode",
		"postgresql://db/jcsnode?sslpassword=secret":                "postgresql://db/jcsnode",
		"postgres://u@/jcsnode?host=/run/postgresql":                "postgres://u@/jcsnode",
		"host=db user=jcsnode password=secret dbname=jcsnode":       "postgres://?",
		"postgres://u:secret@db:port/jcsnode":                       "postgres://?",
		"postgres://u:1/secret@db/jcsnode":                          "postgres://?",
		"postgres://u:1/0/secret":                                   "postgres://?",
		"postgres://u:1?secret@db/jcsnode":                          "postgres://?",
		"postgres://u:1#secret@db/jcsnode":                          "postgres://?",
		"POSTGRES://u:secret@db/jcsnode":                            "postgres://?",
		"secret":                                                    "postgres://?",
		"":                                                          "postgres://?",
	} {
		if got := postgres.Redacted(from); got != want {
			t.Errorf("%s: %s, want %s", from, got, want)
		}
	}
}
