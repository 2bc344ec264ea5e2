package status_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jcsnode/findings"
	"jcsnode/ledger"
	"jcsnode/status"
	"jcsnode/store"
)

// answers is a ledger that has the same answer for everybody, or an error.
type answers struct {
	standing ledger.Standing
	studies  []ledger.Summary
	refused  []ledger.RefusedInstances
	history  *ledger.History // nil: the study is not known
	err      error
}

func (a answers) Standing(_ context.Context, midnight time.Time) (ledger.Standing, error) {
	a.standing.Today.Since = midnight
	return a.standing, a.err
}
func (a answers) Studies(_ context.Context, f ledger.Filter) ([]ledger.Summary, error) {
	found := a.filtered(f)
	return found[:min(f.Limit, len(found))], a.err
}
func (a answers) CountStudies(_ context.Context, f ledger.Filter) (int, bool, error) {
	return len(a.filtered(f)), false, a.err
}
func (a answers) filtered(f ledger.Filter) (found []ledger.Summary) {
	for _, s := range a.studies {
		if strings.HasPrefix(s.StudyUID, f.StudyUID) {
			found = append(found, s)
		}
	}
	return found
}
func (a answers) Refusals(_ context.Context, limit int) ([]ledger.RefusedInstances, error) {
	return a.refused[:min(limit, len(a.refused))], a.err
}
func (a answers) RefusalsOf(context.Context, string) ([]ledger.RefusedInstances, error) {
	return a.refused, a.err
}
func (a answers) History(_ context.Context, uid string) (*ledger.History, error) {
	if a.err == nil && (a.history == nil || a.history.StudyUID != uid) {
		return nil, ledger.ErrNotFound
	}
	return a.history, a.err
}

// reader reads what a ledger answers.
func reader(l status.Ledger, self status.Self) status.Reader {
	return status.Reader{
		Ledger: l,
		Site:   func() status.Site { return site },
		Self:   func() status.Self { return self },
		Now:    func() time.Time { return now },
	}
}

const closeCall = "Close to the threshold: 20.0 mm of positive slices, where more than 25.0 mm are needed."

const tenMM = "The stack is 10 mm long, shorter than a chest: the result speaks only about that part."

func limited(t *testing.T) ledger.Summary {
	return ledger.Summary{StudyUID: "1.2", State: ledger.StateReported,
		Findings: encoded(t, findings.Findings{
			Decision: &findings.Decision{Text: "negative"},
			Cautions: []string{closeCall},
			Limits:   []string{tenMM},
		})}
}

func TestReader_Node(t *testing.T) {
	l := answers{
		standing: ledger.Standing{
			Counts: ledger.Counts{Instances: 1, Refused: 4, Bytes: 1 << 20, Missing: 1, Deliveries: map[string]int{"sent": 2},
				Studies:     map[string]int{ledger.StateReceiving: 1, ledger.StateProcessing: 2},
				Commitments: map[string]int{"committed": 2}, Notifications: map[string]int{"waiting": 1}},
			Today:       ledger.Day{Positive: 1, Negative: 2, NotProcessed: 3, Median: 90 * time.Second},
			BytesPerDay: 1 << 30,
		},
		studies: []ledger.Summary{limited(t), {StudyUID: "1.3", State: ledger.StateReceiving}, {StudyUID: "1.4"}},
		refused: []ledger.RefusedInstances{
			{StudyUID: "1.2", CallingAE: "CT", Address: "10.0.0.1", Status: "C000H",
				Text: "cut short", Count: 2, FirstAt: now, LastAt: now},
			{CallingAE: "CT", Address: "10.0.0.1", Status: "C000H", Text: "no UID", Count: 1, FirstAt: now, LastAt: now}},
	}
	self := status.Self{Version: "1.0", AETitle: "JCS",
		Models: []findings.Model{{Status: "trained"}, {Status: "preliminary"}}, Disk: &status.Disk{Free: 3 << 30, Reserve: 1 << 30}}
	n, err := reader(l, self).Node(t.Context(), ledger.Filter{Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	shared := status.DiskOf(store.Room{Free: 1 << 30, Reserve: 2 << 30}, "/mnt/ct").String()
	for _, c := range []struct {
		name      string
		got, want []string
	}{
		{"overview", n.Sentences(), []string{
			"JCS is not running; no node has started on this data_dir",
			"jcsnode 1.0, weights preliminary. " + findings.Notice,
			"1 study being received, 0 wait to be read, 2 being read; " +
				"today 6 finished (1 positive, 2 negative, 3 not processed), half of them within 90 s",
			"1 instance (0 flagged, 4 refused), 1.0 MB; deliveries: 2 sent; storage commitment: 2 committed; notifications: 1 waiting",
			"3.0 GB free on the disk of data_dir; about 2 days left at the pace of the last days",
			"files of 1 study are missing; `jcsnode explain` of it says what to do"}},
		{"shared folder", []string{shared}, []string{
			"1.0 GB free in /mnt/ct, not more than node.reserve, 2.0 GB: instances are refused until there is room"}},
		{"limits", n.LimitSentences(), []string{"caution about 1.2: " + closeCall, "limit of 1.2: " + tenMM}},
		{"more", []string{n.MoreSentence()}, []string{"and 1 more, 3 in all"}},
		{"refusals", n.RefusalSentences(), []string{
			"study 1.2: 2 instances from CT at 10.0.0.1 were refused at TIME with status C000H: cut short.",
			"no known study: 1 instance from CT at 10.0.0.1 was refused at TIME with status C000H: no UID."}},
		{"results", []string{n.Studies[0].Result(), n.Studies[1].Result()}, []string{"negative, with caution, limited", "-"}},
	} {
		got := strings.Split(clock.ReplaceAllString(strings.Join(c.got, "\n"), "TIME"), "\n")
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	if len(n.Studies) != 2 {
		t.Errorf("%d studies, want the limit", len(n.Studies))
	}
	if _, err := reader(answers{err: errors.New("no ledger")}, self).Node(t.Context(), ledger.Filter{Limit: 2}); err == nil {
		t.Error("no error without an answer")
	}
}

func TestRow_Result(t *testing.T) {
	positive, negative := &findings.Decision{Positive: true}, &findings.Decision{}
	for want, r := range map[string]status.Row{
		"positive":               {Summary: ledger.Summary{State: ledger.StateReported}, Decision: positive},
		"positive, limited":      {Summary: ledger.Summary{State: ledger.StateReported}, Decision: positive, Limits: []string{tenMM}},
		"positive, with caution": {Summary: ledger.Summary{State: ledger.StateReported}, Decision: positive, Cautions: []string{closeCall}},
		"negative":               {Summary: ledger.Summary{State: ledger.StateReported}, Decision: negative},
		"-":                      {Summary: ledger.Summary{State: ledger.StateProcessing}, Decision: negative}, // of the revision before
		"no-axial-series": {Summary: ledger.Summary{State: ledger.StateNotProcessed,
			Reason: ledger.Reason{Code: "no-axial-series"}}},
	} {
		if got := r.Result(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// The keys of the JSON are what programs of others read.
func TestJSON_Keys(t *testing.T) {
	n, err := reader(answers{studies: []ledger.Summary{limited(t)}}, status.Self{}).Node(t.Context(), ledger.Filter{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	h := &ledger.History{StudyUID: "1.2", Revisions: []ledger.RevisionHistory{{}}}
	for _, c := range []struct {
		name string
		view any
		want string
	}{
		{"node", n, "ae_title at_least counts destinations models more node notice " +
			"peers queue refused studies today total version webhooks weights"},
		{"row", n.Studies[0],
			"calling_ae cautions decision deliveries destinations flagged instances limits reason revision state study_uid"},
		{"study", status.NewStudy(h, site, now),
			"cautions decision delivery_groups events explanation instances limits notice notifications " +
				"object_kinds reason refusals revisions state study_uid"},
	} {
		var keys map[string]any
		text, err := json.Marshal(c.view)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &keys); err != nil {
			t.Fatal(err)
		}
		var got []string
		for k := range keys {
			got = append(got, k)
		}
		slices.Sort(got)
		if got := strings.Join(got, " "); got != c.want {
			t.Errorf("%s: %s\nwant %s", c.name, got, c.want)
		}
	}
	if text, err := json.Marshal(n.Models); err != nil || string(text) != "[]" || n.Weights != "unknown" {
		t.Errorf("networks that cannot be read: %s, weights %s, %v", text, n.Weights, err)
	}
}

func TestReader_Study(t *testing.T) {
	refused := []ledger.RefusedInstances{
		{CallingAE: "CT", Status: "C000H", Text: "cut short", Remedy: "send it again", Count: 1, FirstAt: now, LastAt: now}}
	for name, c := range map[string]struct {
		l    answers
		want string // "": the study is here
	}{
		"known":   {answers{history: &ledger.History{StudyUID: "1.2"}}, ""},
		"unknown": {answers{}, "study 1.2 is not known here; `jcsnode status` lists the studies"},
		"refused": {answers{refused: refused},
			"nothing of study 1.2 is stored here:\n  1 instance from CT was refused at TIME with status C000H: cut short.\n" +
				"    What to do: send it again."},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := reader(c.l, status.Self{}).Study(t.Context(), "1.2")
			if c.want == "" {
				if err != nil || s.StudyUID != "1.2" {
					t.Errorf("%+v, %v", s, err)
				}
				return
			}
			if !errors.Is(err, ledger.ErrNotFound) || clock.ReplaceAllString(err.Error(), "TIME") != c.want {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
	_, err := reader(answers{err: errors.New("damaged")}, status.Self{}).Study(t.Context(), "1.2")
	if err == nil || errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("a ledger that does not answer: %v", err)
	}
}

func TestStudy_Parts(t *testing.T) {
	waits := delivery("pacs", ledger.DeliveryWaiting, 2, "A700H", "peer cannot store now")
	waits.NextAt = now.Add(time.Minute)
	kept := delivery("pacs", ledger.DeliverySent, 1, "0000H", "stored")
	kept.Commitment, kept.CommitmentDetail = ledger.ObjectNotCommitted, "0112H"
	h := history(ledger.RevisionHistory{
		Series: []ledger.SeriesReason{{SeriesUID: "1.2.1", Chosen: true, Text: "axial"}},
		Deliveries: []ledger.Delivery{delivery("pacs", ledger.DeliveryFailed, 1, "A900H", "not wanted"),
			waits, kept, delivery("pacs", ledger.DeliveryWaiting, 0, "", "")},
		Commitments: []ledger.CommitmentSCU{{Destination: "pacs", State: ledger.SCUWaiting, Asked: 2, NextAt: now},
			{Destination: "new", State: ledger.SCUWaiting}},
	})
	r := &h.Revisions[0]
	r.SettledAt, r.SettledWhy, r.Reason = now, "quiet for 60 s", ledger.Reason{Text: "positive", Remedy: "nothing"}
	r.Findings = encoded(t, findings.Findings{
		Cautions: []string{closeCall},
		Limits:   []string{tenMM},
		Omitted:  []string{"Patient's Age is left out"},
	})
	h.FirstAt, h.LastAt = now, now
	h.Instances = []ledger.Instance{{SOPInstanceUID: "1.2.3", Flag: "odd", Reasons: []ledger.InstanceReason{{Text: "another size"}}}}
	h.Notifications = []ledger.Notification{
		{Receiver: "ris", Notice: ledger.Notice{Kind: ledger.NoticeResult}, State: ledger.NotificationWaiting, NextAt: now}}
	h.Events = []ledger.Event{{At: now, Kind: "settled", Text: "quiet for 60 s"}}
	parts := status.NewStudy(h, site, now).Parts()
	var headings []string
	for _, p := range parts {
		headings = append(headings, p.Heading)
	}
	wantText(t, clock.ReplaceAllString(strings.Join(headings, "\n"), "TIME"), `
study 1.2: reported, 1 instance at TIME
revision 1: reported, settled TIME (quiet for 60 s)
instances
notifications
history`)
	wantText(t, text(parts, parts[1].Heading), `
positive
  What to do: nothing.
caution: `+closeCall+`
limit: `+tenMM+`
series 1.2.1 was read: axial
in its objects Patient's Age is left out
pacs: 1 object failed
  Outline to pacs: failed after 1 attempt: A900H not wanted
pacs: 2 objects waiting
  Outline to pacs: waiting after 2 attempts: A700H peer cannot store now; next attempt TIME
  Outline to pacs: waiting, not tried yet
pacs: 1 object sent at TIME
  Outline has no storage commitment of pacs: 0112H
pacs, storage commitment: waiting, asked twice; next attempt TIME
new, storage commitment: waiting, not asked yet`)
	wantText(t, text(parts, "instances")+"\n"+text(parts, "notifications")+"\n"+text(parts, "history"), `
1.2.3 was not used: another size
1.2.3 is flagged: odd
webhook ris, result: waiting, not tried yet; next attempt TIME
TIME  settled                  quiet for 60 s`)
}
