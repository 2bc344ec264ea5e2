package s3

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"jcsnode/dimse/secure"
	"jcsnode/dimse/secure/securetest"
	"jcsnode/store"
	"jcsnode/store/s3test"
)

// A full service says so, and nothing is left under the name.
func TestFullService(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("a small disk needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	server := s3test.Start(t, s3test.In(dir))
	s := openOn(t, server, server.Address, func(o *Options) { o.Attempts = 1 })
	put(t, s, "in/small", random(t, 100_000))
	err := store.Put(t.Context(), s, "in/large", random(t, 6<<20))
	var told *store.Error
	if !errors.As(err, &told) || told.Kind == nil {
		t.Errorf("%v, want one that passes when there is room", err)
	}
	if has, err := s.Has(t.Context(), "in/large"); has || err != nil {
		t.Errorf("there %v, %v", has, err)
	}
	if gone, err := s.Remove(t.Context(), "in/small", time.Time{}); !gone || err != nil {
		t.Errorf("a full service does not let go: %v, %v", gone, err)
	}
	put(t, s, "in/small", random(t, 100_000))
}

// A service is who its certificate says, by the authority that the site named.
func TestTLS(t *testing.T) {
	own, other := securetest.NewAuthority(t, "site"), securetest.NewAuthority(t, "other")
	certificate, key := own.Issue("127.0.0.1", time.Now().Add(time.Hour))
	server := s3test.Start(t, s3test.WithTLS(certificate, key))
	for name, c := range map[string]struct {
		authority *securetest.Authority
		words     string
	}{"own": {own, ""}, "other": {other, "its certificate comes from an authority that is not known here"}} {
		t.Run(name, func(t *testing.T) {
			i, err := secure.Load(secure.Files{Authorities: c.authority.File}, slog.New(slog.DiscardHandler), time.Now)
			if err != nil {
				t.Fatal(err)
			}
			s := openOn(t, server, server.Address, func(o *Options) { o.Attempts, o.TLS = 1, i.Client("127.0.0.1") })
			err = store.Put(t.Context(), s, "in/file", random(t, 100_000))
			switch {
			case c.words == "" && err != nil:
				t.Error(err)
			case c.words != "" && (!errors.Is(err, store.ErrTemporary) || !strings.Contains(err.Error(), c.words)):
				t.Errorf("%v, want %q", err, c.words)
			}
		})
	}
}

// What stands in front of a service that is away may say 404: that is no word about a file.
func TestNotFound_IsTheServicesToSay(t *testing.T) {
	for status, kind := range map[int]error{404: store.ErrTemporary, 502: store.ErrTemporary, 200: nil} {
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			w.Write([]byte("<html>nothing here</html>"))
		}))
		t.Cleanup(proxy.Close)
		t.Setenv("AWS_ACCESS_KEY_ID", "a")
		t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
		s, err := Open(Options{Endpoint: proxy.URL, Bucket: "studies", Spool: os.TempDir(), Attempts: 1})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Open(t.Context(), "in/file")
		var told *store.Error
		if !errors.As(err, &told) || told.Kind != kind {
			t.Errorf("%d: open: %v, want kind %v", status, err, kind)
		}
		if has, err := s.Has(t.Context(), "in/file"); kind != nil && (has || !errors.Is(err, kind)) {
			t.Errorf("%d: has: %v, %v", status, has, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
