package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "a secret of some length"

// request is what a receiver was sent.
type request struct {
	event, signature, timestamp, body string
}

// hook is a receiver in the test's own process.
type hook struct {
	mu       sync.Mutex
	received []request
	answer   func(w http.ResponseWriter, n int) // to request n, from 1; nil: 204
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	h.received = append(h.received, request{
		r.Header.Get("Jcsnode-Event"),
		r.Header.Get("Jcsnode-Signature"),
		r.Header.Get("Jcsnode-Timestamp"),
		string(body),
	})
	n := len(h.received)
	h.mu.Unlock()
	if h.answer != nil {
		h.answer(w, n)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (h *hook) requests() []request {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.received
}

// authentic checks a request as docs/operations.md tells receivers to.
func (r *request) authentic(key string) bool {
	mac := hmac.New(sha256.New, []byte(key))
	fmt.Fprintf(mac, "%s.%s", r.timestamp, r.body)
	return r.signature == "v1="+hex.EncodeToString(mac.Sum(nil))
}

func serve(t *testing.T, h *hook, start func(http.Handler) *httptest.Server) *httptest.Server {
	t.Helper()
	s := start(h)
	t.Cleanup(s.Close)
	return s
}

func receiver(url string) *Webhook {
	return &Webhook{
		Name:    "ris",
		URL:     url,
		Secret:  func() ([]byte, error) { return []byte(secret), nil },
		Timeout: 5 * time.Second,
		Agent:   "jcsnode/test",
	}
}

func TestPost_SignedOverHTTPS(t *testing.T) {
	h := &hook{}
	s := serve(t, h, httptest.NewTLSServer)
	trusted := x509.NewCertPool()
	trusted.AddCert(s.Certificate())
	r := receiver(s.URL + "/hook?token=1")
	r.TLS = &tls.Config{RootCAs: trusted}
	now := time.Unix(1767225600, 0)
	code, err := r.Post(t.Context(), "00ff", []byte(`{"id":"00ff"}`), now)
	if err != nil || code != http.StatusNoContent {
		t.Fatalf("%d, %v", code, err)
	}
	got := h.requests()[0]
	if got.event != "00ff" || got.timestamp != "1767225600" || got.body != `{"id":"00ff"}` ||
		!got.authentic(secret) || got.authentic("another secret") {
		t.Errorf("received %+v", got)
	}

	// An authority that the site did not name is not trusted, and the error does not tell the URL.
	r.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
	if _, err := r.Post(t.Context(), "00ff", []byte(`{}`), now); err == nil || strings.Contains(err.Error(), "token") {
		t.Errorf("untrusted certificate: %v", err)
	}
	if len(h.requests()) != 1 {
		t.Errorf("%d requests arrived", len(h.requests()))
	}
}

func TestPost_Refusals(t *testing.T) {
	elsewhere := &hook{}
	other := serve(t, elsewhere, httptest.NewServer)
	for _, c := range []struct {
		name   string
		answer func(w http.ResponseWriter, n int)
		want   HTTPError
	}{
		{"redirection", func(w http.ResponseWriter, _ int) {
			w.Header().Set("Location", other.URL)
			w.WriteHeader(http.StatusTemporaryRedirect)
		}, HTTPError{StatusCode: 307}},
		{"busy", func(w http.ResponseWriter, _ int) {
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(http.StatusServiceUnavailable)
		}, HTTPError{503, 2 * time.Minute}},
		{"busy for longer than we believe", func(w http.ResponseWriter, _ int) {
			w.Header().Set("Retry-After", "99999999999")
			w.WriteHeader(http.StatusTooManyRequests)
		}, HTTPError{429, 6 * time.Hour}},
		{"busy until a date", func(w http.ResponseWriter, _ int) {
			w.Header().Set("Retry-After", "Fri, 31 Dec 2027 23:59:59 GMT")
			w.WriteHeader(http.StatusTooManyRequests)
		}, HTTPError{StatusCode: 429}},
		{"wrong secret", func(w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusUnauthorized) }, HTTPError{StatusCode: 401}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, &hook{answer: c.answer}, httptest.NewServer)
			_, err := receiver(s.URL).Post(t.Context(), "00ff", []byte(`{}`), time.Now())
			var refusal *HTTPError
			if !errors.As(err, &refusal) || *refusal != c.want {
				t.Errorf("got %v, want %+v", err, c.want)
			}
		})
	}
	if len(elsewhere.requests()) != 0 {
		t.Error("a redirection was followed")
	}
}

// A receiver that talks without end, or says nothing, holds nobody up.
func TestPost_EndlessAndSilentReceivers(t *testing.T) {
	endless := serve(t, &hook{answer: func(w http.ResponseWriter, _ int) {
		for chunk := make([]byte, 32<<10); ; {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}}, httptest.NewServer)
	if code, err := receiver(endless.URL).Post(t.Context(), "00ff", []byte(`{}`), time.Now()); err != nil || code != http.StatusOK {
		t.Errorf("endless answer: %d, %v", code, err)
	}
	released := make(chan struct{})
	silent := serve(t, &hook{answer: func(http.ResponseWriter, int) { <-released }}, httptest.NewServer)
	defer close(released)
	r := receiver(silent.URL)
	r.Timeout = 50 * time.Millisecond
	if _, err := r.Post(t.Context(), "00ff", []byte(`{}`), time.Now()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("silent receiver: %v", err)
	}
}

// What the URL calls this machine may be resolved to another one: nothing is sent there in the clear.
func TestPost_PlainStaysOnThisMachine(t *testing.T) {
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hook{}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: h}}
	s.Start()
	t.Cleanup(s.Close)
	address := foreignAddress(t)
	r := receiver(fmt.Sprintf("http://%s/", net.JoinHostPort(address, fmt.Sprint(l.Addr().(*net.TCPAddr).Port))))
	if _, err := r.Post(t.Context(), "00ff", []byte(`{}`), time.Now()); err == nil || !strings.Contains(err.Error(), "another machine") {
		t.Errorf("got %v", err)
	}
	r.Insecure = true
	if _, err := r.Post(t.Context(), "00ff", []byte(`{}`), time.Now()); err != nil || len(h.requests()) != 1 {
		t.Errorf("allowed: %v, %d requests", err, len(h.requests()))
	}
}

// foreignAddress is one of this machine that is no loopback.
func foreignAddress(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			return n.IP.String()
		}
	}
	t.Skip("this machine has loopback addresses alone")
	return ""
}
