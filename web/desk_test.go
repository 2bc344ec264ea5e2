package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"jcsnode/findings"
	"jcsnode/ledger"
	"jcsnode/status"
	"jcsnode/web/access"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const foreign = `"><script>alert(1)</script>`

// views are those of a node with one study, in which scanners wrote what they liked.
type views struct {
	study  status.Study
	filter *ledger.Filter // last asked for
	err    error
}

func (v views) Overview(context.Context) (status.Overview, error) {
	return status.Overview{
		AETitle: "JCSNODE",
		Running: status.Running{State: status.Runs, Weights: "trained"},
		Peers:   []status.Peer{{AETitle: foreign, RejectedBecause: foreign, LastRejection: time.Unix(1e9, 0)}},
		Destinations: []status.Destination{{Name: "pacs", Configured: true, Waiting: 29, Answer: foreign,
			TroubleSince: time.Unix(1e9, 0)}},
		Webhooks: []status.Webhook{{Name: "ris", Configured: true, Failed: 2}},
	}, v.err
}

func (v views) Studies(_ context.Context, f ledger.Filter) (status.StudyList, error) {
	*v.filter = f
	one := status.Row{Decision: v.study.Decision, Limits: v.study.Limits,
		Lesions: &findings.Lesions{VolumeML: 330}, Lungs: &findings.Lungs{LesionShare: 0.12}}
	one.StudyUID, one.State, one.CallingAE, one.Accession = v.study.StudyUID, v.study.State, foreign, foreign
	one.Destinations = map[string]map[string]int{"pacs": {ledger.DeliverySent: 40, ledger.DeliveryFailed: 2}}
	return status.StudyList{Studies: []status.Row{one}, Total: 120, More: 70}, v.err
}

func (v views) Study(_ context.Context, uid string) (status.Study, error) {
	if v.err != nil || !strings.HasPrefix(v.study.StudyUID, uid) {
		return status.Study{}, errors.Join(v.err, &status.NotStoredError{StudyUID: uid})
	}
	return v.study, nil
}

func positive(t *testing.T) status.Study {
	t.Helper()
	f := findings.Findings{Decision: &findings.Decision{Positive: true, Text: "20 of 20 slices"},
		Limits: []string{"only 100 mm of the chest was read " + foreign},
		Models: []findings.Model{{Status: "preliminary"}},
		Slices: []findings.Slice{{SOPInstanceUID: "1.2.1"},
			{SOPInstanceUID: "1.2.2", Probability: 0.9, Positive: true, LesionAreaMM2: 500}}}
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	revision := ledger.RevisionHistory{Revision: ledger.Revision{Number: 1, Findings: text}}
	return status.Study{
		History: &ledger.History{StudyUID: "1.2", State: ledger.StateReported, Revisions: []ledger.RevisionHistory{revision},
			Instances: []ledger.Instance{{SOPInstanceUID: "1.2.1", Path: "inbox/a"}, {SOPInstanceUID: "1.2.2", Path: "inbox/b"}}},
		Decision: f.Decision, Limits: f.Limits, Cautions: []string{foreign},
		Explains: []status.Part{{Heading: "What arrived", Sentences: []status.Sentence{{Text: foreign, Details: []string{foreign}}}}},
	}
}

// desk is a page behind a login, with an account that may look and one that may act.
type desk struct {
	*Server
	views views
	asked *[]Action
}

const password = "correct horse"

func newDesk(t *testing.T, change func(*Settings, *access.Settings)) desk {
	t.Helper()
	users := access.NewUsers(filepath.Join(t.TempDir(), "users"))
	cost := access.Cost{KiB: 64, Passes: 1, Lanes: 1}
	for _, u := range []access.User{{Name: "ann", Role: access.Look}, {Name: "bob", Role: access.Act}} {
		hash, err := access.Hash(password, cost)
		if err != nil {
			t.Fatal(err)
		}
		if err := users.Put(access.Account{User: u, Hash: hash}); err != nil {
			t.Fatal(err)
		}
	}
	d := desk{views: views{study: positive(t), filter: new(ledger.Filter)}, asked: new([]Action)}
	set := Settings{
		Views: d.views,
		Act: func(_ context.Context, user string, a Action) (Answer, error) {
			*d.asked = append(*d.asked, a)
			return Answer{Good: true, Text: "done for " + user + foreign}, nil
		},
		Identify: func(context.Context, string) ([]Identifier, error) { return []Identifier{{"Patient ID", foreign}}, nil },
		Logger:   slog.New(slog.DiscardHandler),
		Poll:     5 * time.Millisecond,
	}
	guard := access.Settings{Loopback: true, Users: users, Now: time.Now, Cost: cost}
	if change != nil {
		change(&set, &guard)
	}
	set.Guard = access.NewGuard(guard)
	d.Server = NewServer(set)
	return d
}

// ask sends a request as a browser does.
func (d desk) ask(method, path string, form url.Values, change func(*http.Request)) *http.Response {
	r := httptest.NewRequest(method, "http://localhost"+path, strings.NewReader(form.Encode()))
	r.RemoteAddr = "127.0.0.1:1"
	r.Header.Set("Accept", "text/html,*/*")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w.Result()
}

// as logs somebody in and gives what later requests need.
func (d desk) as(t *testing.T, name string) func(*http.Request) {
	t.Helper()
	answer := d.ask("POST", "/login", url.Values{"name": {name}, "password": {password}}, nil)
	if answer.StatusCode != http.StatusSeeOther || len(answer.Cookies()) != 1 {
		t.Fatalf("login of %s: %s", name, answer.Status)
	}
	return func(r *http.Request) { r.AddCookie(answer.Cookies()[0]) }
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
