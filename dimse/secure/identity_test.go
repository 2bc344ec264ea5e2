package secure_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"jcsnode/dimse/secure"
	"jcsnode/dimse/secure/securetest"
)

func load(t *testing.T, f secure.Files, log *slog.Logger) *secure.Identity {
	t.Helper()
	i, err := secure.Load(f, log, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// shake lets client and server meet and returns the error of each side and what the client saw.
func shake(t *testing.T, server, client *tls.Config) (state tls.ConnectionState, serverErr, clientErr error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			done <- err
			return
		}
		defer conn.Close()
		s := tls.Server(conn, server)
		if err = s.HandshakeContext(t.Context()); err == nil {
			_, err = s.Write([]byte("x"))
		}
		done <- err
	}()
	client = client.Clone()
	client.ServerName = "127.0.0.1"
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := tls.Client(conn, client)
	if clientErr = c.HandshakeContext(t.Context()); clientErr == nil {
		_, clientErr = c.Read(make([]byte, 1)) // TLS 1.3 tells a client of its refusal only here
	}
	state = c.ConnectionState()
	if clientErr != nil {
		conn.Close()
	}
	return state, <-done, clientErr
}

func TestIdentity_WhoMayConnect(t *testing.T) {
	ours, theirs := securetest.NewAuthority(t, "ours"), securetest.NewAuthority(t, "theirs")
	later, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	log := slog.New(slog.DiscardHandler)
	certificate, key := ours.Issue("node", later)
	node := load(t, secure.Files{Certificate: certificate, Key: key, Authorities: ours.File}, log)
	client := func(a *securetest.Authority, name string, expires time.Time) *tls.Config {
		certificate, key := a.Issue(name, expires)
		return load(t, secure.Files{Certificate: certificate, Key: key, Authorities: ours.File}, log).Client("")
	}
	bare := load(t, secure.Files{Authorities: ours.File}, log).Client("")
	old := bare.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	old.CipherSuites = nil
	twelve := client(ours, "twelve", later)
	twelve.MaxVersion = tls.VersionTLS12
	weak := twelve.Clone()
	weak.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
	for _, c := range []struct {
		name    string
		client  *tls.Config
		require bool
		good    bool
	}{
		{"certificate of our authority", client(ours, "ct", later), true, true},
		{"TLS 1.2", twelve, true, true},
		{"TLS 1.2 without authenticated encryption", weak, true, false},
		{"no certificate, required", bare, true, false},
		{"no certificate, not required", bare, false, true},
		{"other authority", client(theirs, "ct", later), true, false},
		{"other authority, not required", client(theirs, "ct", later), false, false},
		{"expired", client(ours, "old", past), true, false},
		{"TLS 1.1", old, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, serverErr, clientErr := shake(t, node.Server(c.require), c.client)
			if good := serverErr == nil && clientErr == nil; good != c.good {
				t.Errorf("server %v, client %v; want good %v", serverErr, clientErr, c.good)
			}
		})
	}
	t.Run("server of another authority", func(t *testing.T) {
		client := load(t, secure.Files{Authorities: theirs.File}, log).Client("")
		if _, _, clientErr := shake(t, node.Server(false), client); clientErr == nil {
			t.Error("the client trusted it")
		}
	})
}

func TestIdentity_TakesNewFilesAndKeepsTheOldWhenTheyAreBroken(t *testing.T) {
	ca := securetest.NewAuthority(t, "ca")
	certificate, key := ca.Issue("node", time.Now().Add(time.Hour))
	var text bytes.Buffer
	node := load(t, secure.Files{Certificate: certificate, Key: key}, slog.New(slog.NewTextHandler(&text, nil)))
	server := node.Server(false)
	client := load(t, secure.Files{Authorities: ca.File}, slog.Default()).Client("")
	serial := func() int64 {
		t.Helper()
		state, serverErr, clientErr := shake(t, server, client)
		if serverErr != nil || clientErr != nil {
			t.Fatal(serverErr, clientErr)
		}
		return state.PeerCertificates[0].SerialNumber.Int64()
	}
	touch := func(name string, at time.Time) {
		t.Helper()
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
	}
	first := serial()
	saved, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	ca.Issue("node", time.Now().Add(2*time.Hour))
	fresh, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, saved, 0o600); err != nil { // the key is still the old one
		t.Fatal(err)
	}
	touch(certificate, time.Now().Add(time.Second))
	touch(key, time.Now().Add(time.Second))
	if got := serial(); got != first {
		t.Errorf("serial %d while certificate and key do not fit, want %d", got, first)
	}
	serial()
	if n := strings.Count(text.String(), "cannot be used"); n != 1 {
		t.Errorf("%d complaints, want one:\n%s", n, text.String())
	}
	if err := os.WriteFile(key, fresh, 0o600); err != nil {
		t.Fatal(err)
	}
	touch(key, time.Now().Add(2*time.Second))
	if got := serial(); got == first {
		t.Error("the new certificate is not in use")
	}
}

func TestIdentity_WatchWarns(t *testing.T) {
	ca := securetest.NewAuthority(t, "ca")
	for _, c := range []struct {
		name    string
		expires time.Duration
		want    string
	}{{"long", 20 * time.Hour, ""}, {"soon", 2 * time.Hour, "expires soon"}, {"over", -time.Hour, "has expired"}} {
		t.Run(c.name, func(t *testing.T) {
			certificate, key := ca.Issue(c.name, time.Now().Add(c.expires))
			var text bytes.Buffer
			node := load(t, secure.Files{Certificate: certificate, Key: key}, slog.New(slog.NewTextHandler(&text, nil)))
			ended, cancel := context.WithCancel(context.Background())
			cancel()
			node.Watch(ended, 10*time.Hour)
			if !strings.Contains(text.String(), `names="[`+c.name) || !strings.Contains(text.String(), "expires=") {
				t.Errorf("log does not name the certificate: %s", text.String())
			}
			if got := strings.Contains(text.String(), "TLS certificate expires soon") ||
				strings.Contains(text.String(), "TLS certificate has expired"); got != (c.want != "") ||
				!strings.Contains(text.String(), c.want) {
				t.Errorf("log %s, want %q", text.String(), c.want)
			}
		})
	}
}

func TestLoad_SaysWhatIsWrong(t *testing.T) {
	ca := securetest.NewAuthority(t, "ca")
	certificate, key := ca.Issue("a", time.Now().Add(time.Hour))
	_, other := ca.Issue("b", time.Now().Add(time.Hour))
	for name, f := range map[string]secure.Files{
		"missing": {Certificate: "nowhere.pem", Key: key}, "no key": {Certificate: certificate},
		"mismatched":   {Certificate: certificate, Key: other},
		"no authority": {Authorities: key}, "missing authority": {Authorities: "nowhere.pem"},
	} {
		if _, err := secure.Load(f, slog.Default(), time.Now); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
