package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jcsnode/config"
	"jcsnode/dimse/secure/securetest"
	"jcsnode/ledger"
	"jcsnode/scp"
	"jcsnode/store/disk"
	"jcsnode/web/access"
)

// The page as it is wired: by TLS, behind a login, and what somebody has done there stands in the ledger under their name.
func TestWeb(t *testing.T) {
	dir, log := t.TempDir(), slog.New(slog.DiscardHandler)
	authority := securetest.NewAuthority(t, "hospital")
	certificate, key := authority.Issue("localhost", time.Now().Add(time.Hour))
	c := config.Default()
	c.Node.DataDir = dir
	c.Web = config.Web{Listen: "127.0.0.1:0", Certificate: certificate, Key: key, Auth: config.AuthLocal,
		UsersFile: filepath.Join(dir, "users"), Identifiers: config.IdentifiersUIDs}
	c.Metrics = config.Metrics{Listen: "127.0.0.1:0", AllowedNetworks: []string{"127.0.0.1"}}
	const password = "correct horse"
	hash, err := access.Hash(password, access.Cost{KiB: 64, Passes: 1, Lanes: 1})
	if err != nil {
		t.Fatal(err)
	}
	bob := access.Account{User: access.User{Name: "bob", Role: access.Act}, Hash: hash}
	if err := access.NewUsers(c.Web.UsersFile).Put(bob); err != nil {
		t.Fatal(err)
	}
	n := newNode(c, "0.0.0", log)
	if n.ledger, err = ledger.Open(t.Context(), LedgerPlace(c), ledger.Options{Logger: log}); err != nil {
		t.Fatal(err)
	}
	if n.store, err = disk.Open(dir, disk.Options{Staging: scp.Staging}); err != nil {
		t.Fatal(err)
	}
	if err := n.wire(noNetworks{}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(n.ListenPage(), n.listenMetrics()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.runWeb(ctx) }()
	endMetrics := n.runMetrics(ctx)
	ready := func(want int) {
		t.Helper()
		for tries := 0; ; tries++ { // a node learns of its end beside us
			r, err := http.Get("http://" + n.metricsPort.Addr().String() + "/readyz")
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(r.Body)
			r.Body.Close()
			if r.StatusCode == want {
				return
			}
			if tries == 100 {
				t.Fatalf("ready: %s %s", r.Status, text)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	ready(http.StatusOK)
	defer func() {
		cancel()
		ready(http.StatusServiceUnavailable) // until it has drained
		endMetrics()
		http.DefaultClient.CloseIdleConnections()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}()

	study := ledger.Instance{StudyUID: "1.2", SeriesUID: "1.2.1", SOPInstanceUID: "1.2.1.1", Path: "inbox/a", CallingAE: "CT"}
	if err := n.ledger.Record(t.Context(), study); err != nil {
		t.Fatal(err)
	}
	if err := n.ledger.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	client, base := browser(t, authority), "https://"+n.webListener.Addr().String()
	defer client.CloseIdleConnections()
	post := func(path string, form url.Values) string {
		t.Helper()
		r, err := client.PostForm(base+path, form)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if text := post("/login", url.Values{"name": {"bob"}, "password": {password}}); !strings.Contains(text, "Last studies") {
		t.Fatalf("no overview after the login:\n%s", text)
	}
	for _, c := range []struct{ action, of, want string }{
		{"read-again", "1.2", "is still being received"},
		{"send-again", "3.4", "not known here"},
		{"echo", "pacs", "Nothing of that name is configured."},
		{"test-webhook", "ris", "Nothing of that name is configured."},
		{"shutdown", "1.2", "There is no such action."},
	} {
		if text := post("/act", url.Values{"action": {c.action}, "of": {c.of}}); !strings.Contains(text, c.want) {
			t.Errorf("%s of %s: no %q in\n%s", c.action, c.of, c.want, text)
		}
	}
	if err := n.ledger.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	h, err := n.ledger.History(t.Context(), "1.2")
	if err != nil {
		t.Fatal(err)
	}
	last := h.Events[len(h.Events)-1]
	if last.Kind != eventAsked || last.Text != "read again, by bob" || last.Attributes["user"] != "bob" {
		t.Errorf("%+v", last)
	}
}

// browser is a client that keeps cookies and believes an authority.
func browser(t *testing.T, authority *securetest.Authority) *http.Client {
	t.Helper()
	text, err := os.ReadFile(authority.File)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "localhost"}}}
}
