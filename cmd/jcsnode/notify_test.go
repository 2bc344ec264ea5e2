package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"jcsnode/dimse/secure/securetest"
	"jcsnode/ledger"
	"jcsnode/notify"
)

// webhookServer is a receiver that keeps what it is sent.
type webhookServer struct {
	url     string
	mu      sync.Mutex
	all     []received
	holding chan struct{} // until it is closed, requests get no answer; nil: they do at once
}

type received struct {
	timestamp, signature, body string
	event                      notify.Event
}

func startWebhook(t *testing.T, authority *securetest.Authority) *webhookServer {
	t.Helper()
	certificate, key := authority.Issue("ris", time.Now().Add(time.Hour))
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	s := &webhookServer{url: fmt.Sprintf("https://127.0.0.1:%d/jcsnode", l.Addr().(*net.TCPAddr).Port)}
	server := &http.Server{Handler: s}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return s
}

func (s *webhookServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	one := received{timestamp: r.Header.Get("Jcsnode-Timestamp"), signature: r.Header.Get("Jcsnode-Signature"), body: string(body)}
	if err := json.Unmarshal(body, &one.event); err != nil || one.event.ID != r.Header.Get("Jcsnode-Event") {
		http.Error(w, "no event", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.all = append(s.all, one)
	holding := s.holding
	s.mu.Unlock()
	if holding != nil {
		<-holding
	}
	w.WriteHeader(http.StatusAccepted)
}

// hold has requests wait for their answer until release is called.
func (s *webhookServer) hold() (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holding = make(chan struct{})
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		close(s.holding)
		s.holding = nil
	})
}

// of lists what came of one type.
func (s *webhookServer) of(kind string) []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	var some []received
	for _, r := range s.all {
		if r.event.Type == kind {
			some = append(some, r)
		}
	}
	return some
}

// A node tells a receiver over HTTPS what it found, is killed before it hears the answer, and tells the same event again; it tells
// that the delivery is stuck, and once only. OpenSSL, knowing nothing of the node, finds every signature right.
func TestNotify_ResultAndStuckDeliveryThroughACrash(t *testing.T) {
	t.Parallel()
	openssl := tool(t, "openssl")
	authority := securetest.NewAuthority(t, "hospital")
	hook := startWebhook(t, authority)
	const secret = "0123456789abcdef0123456789abcdef"
	dead := freePort(t)
	l := newLabWith(t, exactNetworks(t), destination("pacs", "PACS", dead), "[settle]\nquiet = \"1s\"\n[stuck]\ndelivery = \"2s\"\n",
		fmt.Sprintf("[[webhook]]\nname = \"ris\"\nurl = %q\nsecret_file = \"ris.secret\"\n"+
			"ca = %q\nidentifiers = \"patient\"\ntimeout = \"60s\"\n", hook.url, authority.File))
	if err := os.WriteFile(filepath.Join(l.dir, "ris.secret"), []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const told = "webhook ris is told of result, failure, stuck, with UIDs, accession number and patient ID"
	if out := jcsnode(t, "check", "--config", l.config); !strings.Contains(out, told) {
		t.Errorf("check says nothing of the webhook:\n%s", out)
	}
	if out := jcsnode(t, "notify", "--config", l.config, "--test"); !strings.Contains(out, "ris: HTTP 202") {
		t.Errorf("test event: %s", out)
	}

	release := hook.hold()
	defer release()
	l.serve(t)
	phantom := filepath.Join(l.dir, "phantom")
	jcsnode(t, "phantom", "--out", phantom, "--slices", "24")
	jcsnode(t, "send", "--to", l.address(), "--called", "JCSNODE", phantom)
	study := studyUID(t, phantom)
	eventually(t, 3*time.Minute, "the result is told", func() bool { return len(hook.of(notify.TypeStudyResult)) == 1 })
	l.node.kill()
	release()
	l.serve(t)
	eventually(t, time.Minute, "both events have arrived", func() bool {
		s := l.study(t, study)
		sent := 0
		for _, n := range s.Notifications {
			if n.State == ledger.NotificationSent {
				sent++
			}
		}
		return sent == 2
	})

	results, stuck := hook.of(notify.TypeStudyResult), hook.of(notify.TypeDeliveryStuck)
	if len(results) != 2 || results[0].body != results[1].body || results[0].event.ID == "" {
		t.Errorf("the result was told %d times: %+v", len(results), results)
	}
	e := results[0].event
	if e.Study.StudyInstanceUID != study || e.Study.PatientID == "" || e.Result == nil ||
		e.Result.Decision != "negative" || e.Result.Slices != 24 || e.Result.LengthMM == 0 {
		t.Errorf("the event says %s", results[0].body)
	}
	if len(stuck) == 0 || stuck[0].event.Problem.Destination != "pacs" || stuck[0].event.Problem.Objects[ledger.DeliveryWaiting] == 0 {
		t.Errorf("stuck delivery: %+v", stuck)
	}
	ids := map[string]bool{}
	for _, r := range append(append(results, stuck...), hook.of(notify.TypeTest)...) {
		ids[r.event.ID] = true
		mac := exec.Command(openssl, "dgst", "-sha256", "-hmac", secret, "-r")
		mac.Stdin = strings.NewReader(r.timestamp + "." + r.body)
		out, err := mac.Output()
		if err != nil || r.signature != "v1="+strings.Fields(string(out))[0] {
			t.Errorf("signature %s, OpenSSL says %s %v", r.signature, out, err)
		}
	}
	if len(ids) != 3 {
		t.Errorf("%d events, want a test, a result and a stuck delivery", len(ids))
	}
	for _, want := range []string{"ris was told of the result at", "ris was told of the stuck delivery to pacs at"} {
		if out := jcsnode(t, "explain", "--config", l.config, study); !strings.Contains(out, want) {
			t.Errorf("explain lacks %q:\n%s", want, out)
		}
	}
	if out := jcsnode(t, "notify", "--config", l.config); strings.Count(out, study) != 2 {
		t.Errorf("notify lists:\n%s", out)
	}
	text, _ := os.ReadFile(l.node.log)
	if strings.Contains(string(text), secret) || !strings.Contains(string(text), "stuck delivery to pacs") {
		t.Errorf("the log tells the secret, or not of the stuck delivery")
	}
}
