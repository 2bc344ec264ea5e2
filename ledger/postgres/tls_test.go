package postgres_test

import (
	"crypto/x509"
	"database/sql"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"jcsnode/ledger/ledgertest"
	"jcsnode/ledger/postgres"
	"jcsnode/pgtest"
)

// speakTLS has a server speak TLS, with a certificate of its own making for 127.0.0.1. authority is the file of whom it comes from.
func speakTLS(t *testing.T, server *pgtest.Cluster) (authority string) {
	t.Helper()
	web := httptest.NewTLSServer(nil)
	defer web.Close()
	key, err := x509.MarshalPKCS8PrivateKey(web.TLS.Certificates[0].PrivateKey)
	ledgertest.Must(t, err)
	data := filepath.Join(server.Folder(), "data")
	owner, err := os.Stat(data)
	ledgertest.Must(t, err)
	id := owner.Sys().(*syscall.Stat_t)
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})
	for name, text := range map[string][]byte{
		"server.crt": certificate,
		"server.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
	} {
		path := filepath.Join(data, name)
		ledgertest.Must(t, os.WriteFile(path, text, 0o600), os.Chown(path, int(id.Uid), int(id.Gid)))
	}
	authority = filepath.Join(t.TempDir(), "authority.pem")
	ledgertest.Must(t, os.WriteFile(authority, certificate, 0o600))
	db, err := sql.Open("pgx", server.Address("postgres"))
	ledgertest.Must(t, err)
	defer db.Close()
	for _, statement := range []string{"ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()"} {
		_, err := db.ExecContext(t.Context(), statement)
		ledgertest.Must(t, err)
	}
	return authority
}

// A server that cannot prove who it is is not asked, and the error speaks of that, not of a way that is cut.
func TestOpen_AsksWhoTheServerIs(t *testing.T) {
	server := pgtest.Start(t)
	plain := server.Database(t, "", nil)
	check := func(address, settings string) string {
		address = strings.Replace(address, "sslmode=disable", settings, 1)
		if err := postgres.Check(t.Context(), address, postgres.Options{}); err != nil {
			return err.Error()
		}
		return ""
	}
	if said := check(plain, "sslmode=verify-full"); !strings.Contains(said, "set ssl = on") {
		t.Errorf("a server without TLS: %s", said)
	}
	authority := speakTLS(t, server)
	sure := "sslmode=verify-full&sslrootcert=" + authority
	said := check(plain, sure)
	for range 50 { // until the server has read its settings
		if said == "" {
			break
		}
		time.Sleep(100 * time.Millisecond)
		said = check(plain, sure)
	}
	if said != "" {
		t.Fatalf("a good server: %s", said)
	}
	for _, c := range []struct{ address, settings, want string }{
		{plain, "sslmode=verify-full", "sslrootcert in [ledger] url has to name"},
		{plain, "sslmode=verify-ca", "sslrootcert in [ledger] url has to name"},
		{strings.Replace(plain, "127.0.0.1", "localhost", 1), sure, "as the server's certificate has it"},
		{plain, sure + "2", "authority.pem2: no such file or directory (see that the node can read it)"},
	} {
		if said := check(c.address, c.settings); !strings.Contains(said, c.want) || strings.Contains(said, "can be reached from here") {
			t.Errorf("%s: %s, want %q", c.settings, said, c.want)
		}
	}
}
