package status_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jcsnode/findings"
	"jcsnode/ledger"
	"jcsnode/status"
)

// now is when sentences are made; the place of the test does not matter, since times are replaced.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.Local)

var site = status.Site{Quiet: time.Minute, Limit: time.Hour, Destinations: []string{"pacs"}, QuietOf: func(title string) time.Duration {
	return map[string]time.Duration{"SLOW": 30 * time.Minute}[title]
}}

var clock = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d:\d\d`)

// text is what a part says, details indented, with TIME for every time.
func text(parts []status.Part, heading string) string {
	var lines []string
	for _, p := range parts {
		if p.Heading != heading {
			continue
		}
		for _, s := range p.Sentences {
			lines = append(append(lines, s.Text), indented(s.Details)...)
		}
	}
	return clock.ReplaceAllString(strings.Join(lines, "\n"), "TIME")
}

func indented(lines []string) []string {
	var all []string
	for _, l := range lines {
		all = append(all, "  "+l)
	}
	return all
}

func wantText(t *testing.T, got, want string) {
	t.Helper()
	if diff := cmp.Diff(strings.Split(strings.TrimSpace(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func encoded(t *testing.T, f findings.Findings) json.RawMessage {
	t.Helper()
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func instance(caller string, at time.Time) ledger.Instance {
	return ledger.Instance{SeriesUID: "1.2.1", CallingAE: caller,
		RemoteAddr: "10.0.0.1:" + at.Format("0405"), Association: caller, ReceivedAt: at}
}

func TestExplain_Headings(t *testing.T) {
	h := &ledger.History{StudyUID: "1.2", State: ledger.StateReported,
		Notifications: []ledger.Notification{{Receiver: "ris"}},
		Revisions: []ledger.RevisionHistory{
			{Revision: ledger.Revision{Number: 1}},
			{Revision: ledger.Revision{Number: 2}, Deliveries: []ledger.Delivery{{Destination: "pacs"}}}}}
	var got []string
	for _, p := range status.Explain(h, site, now) {
		got = append(got, p.Heading)
	}
	want := []string{"Study 1.2 is reported.", "What arrived", "Revision 1", "Revision 2",
		"Delivery of revision 2", "Notification", "What happens next"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for state, want := range map[string]string{
		ledger.StateReceiving: "Study 1.2 is being received.", ledger.StateSettled: "Study 1.2 is complete and waits to be processed.",
		ledger.StateProcessing: "Study 1.2 is being processed.", ledger.StateNotProcessed: "Study 1.2 was not processed.",
	} {
		if got := status.Explain(&ledger.History{StudyUID: "1.2", State: state}, site, now)[0].Heading; got != want {
			t.Errorf("%s: %q, want %q", state, got, want)
		}
	}
}

func TestExplain_WhatArrived(t *testing.T) {
	again := instance("CT_B", now)
	again.ReceivedAgain, again.Flag = 2, ledger.FlagOtherBytes
	gone := instance("CT_A", now)
	gone.Gone = true
	for _, c := range []struct {
		name string
		h    ledger.History
		want string
	}{
		{"one instance", ledger.History{FirstAt: now, LastAt: now, Instances: []ledger.Instance{instance("CT_A", now)}},
			"1 instance of 1 series came from CT_A 10.0.0.1 at TIME, over 1 association."},
		{"two senders, one again and odd",
			ledger.History{FirstAt: now, LastAt: now.Add(time.Second),
				Instances: []ledger.Instance{instance("CT_A", now), again}}, `
2 instances of 1 series came from CT_A 10.0.0.1, CT_B 10.0.0.1 between TIME and TIME, over 2 associations.
The same bytes came again twice. That changes nothing, unless a correction had replaced them. If a destination has lost the results, ` +
				"`jcsnode requeue --resend 1.2` sends them again." + `
1 instance is flagged: duplicate-uid: other bytes.`},
		{"files removed",
			ledger.History{FirstAt: now, LastAt: now,
				Instances: []ledger.Instance{instance("CT_A", now)}, RemovedAt: now}, `
1 instance of 1 series came from CT_A 10.0.0.1 at TIME, over 1 association.
Its files were removed at TIME, as keep.days asks.
  What to do: to have it read again, send the study again; then ` + "`jcsnode requeue 1.2`."},
		{"files removed, and one came again",
			ledger.History{FirstAt: now, LastAt: now, Instances: []ledger.Instance{instance("CT_A", now), gone}}, `
2 instances of 1 series came from CT_A 10.0.0.1 at TIME, over 1 association.
The files of 1 of them were removed, as keep.days asks.
  What to do: to have it read again, send the whole study again; then ` + "`jcsnode requeue 1.2`."},
		{"files missing",
			ledger.History{FirstAt: now, LastAt: now,
				Instances: []ledger.Instance{instance("CT_A", now)}, RemovedAt: now, Missing: true}, `
1 instance of 1 series came from CT_A 10.0.0.1 at TIME, over 1 association.
Files of it were found missing at TIME. The node had not removed them: the ledger may have been restored without them.
  What to do: to have it read again, restore the files and restart the node, or send the study again; then ` + "`jcsnode requeue 1.2`."},
		{"refused", ledger.History{FirstAt: now, LastAt: now,
			Instances: []ledger.Instance{instance("CT_A", now)},
			Refusals: []ledger.RefusedInstances{
				{CallingAE: "CT_A", Address: "10.0.0.1", Status: "C000H", Text: "data set is cut short",
					Remedy: "have it sent again", Count: 1, FirstAt: now, LastAt: now},
				{Address: "10.0.0.2", Status: "A700H", Text: "no room.", Count: 3, FirstAt: now, LastAt: now.Add(time.Minute)}}}, `
1 instance of 1 series came from CT_A 10.0.0.1 at TIME, over 1 association.
1 instance from CT_A at 10.0.0.1 was refused at TIME with status C000H: data set is cut short.
  What to do: have it sent again.
3 instances from 10.0.0.2 were refused between TIME and TIME with status A700H: no room.`},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.h.StudyUID = "1.2"
			wantText(t, text(status.Explain(&c.h, site, now), "What arrived"), c.want)
		})
	}
}

func TestExplain_Revision(t *testing.T) {
	objects := []ledger.Object{{Kind: "summary"}, {Kind: "seg"}, {Kind: "outline"}, {Kind: "outline"}}
	positive := findings.Findings{
		Decision: &findings.Decision{Positive: true, Text: "positive: 31 of 40 slices are positive, more than 25"},
		Lesions:  &findings.Lesions{Count: 3, VolumeML: 41.03},
		Lungs:    &findings.Lungs{LesionShare: 0.0067},
		Models:   []findings.Model{{Status: "untrained"}},
		Omitted:  []string{"Patient's Age is left out: not valid"},
	}
	limited := findings.Findings{
		Decision: &findings.Decision{Text: "negative: 0 of 4 slices are positive"},
		Cautions: []string{"Close to the threshold."},
		Limits:   []string{"The stack is 10 mm long."}}
	for _, c := range []struct {
		name string
		r    ledger.RevisionHistory
		want string
	}{
		{"positive", ledger.RevisionHistory{
			Revision: ledger.Revision{State: ledger.StateReported, Findings: encoded(t, positive)},
			Objects:  objects,
			Series: []ledger.SeriesReason{{SeriesUID: "1.2.1", Chosen: true, Text: "axial, thinnest slices"},
				{SeriesUID: "1.2.2", Text: "a localizer", Remedy: "nothing"}},
			Reasons: []ledger.InstanceReason{{Text: "256 x 256 pixels"}, {Text: "twice"}, {Text: "256 x 256 pixels"}}}, `
Series 1.2.1 was read: axial, thinnest slices.
Series 1.2.2 was not read: a localizer.
  What to do: nothing.
2 instances were left out: 256 x 256 pixels.
1 instance was left out: twice.
The study is positive: 31 of 40 slices are positive, more than 25.
3 lesions were segmented, 41.0 mL, 0.7 % of the lungs.
The weights of the networks are untrained.
In its objects Patient's Age is left out: not valid.
4 objects were made by TIME: summary, segmentation, outline (2).`},
		{"limited and with caution, a result that is known", ledger.RevisionHistory{
			Revision: ledger.Revision{State: ledger.StateReported,
				Findings: encoded(t, limited),
				Reason:   ledger.Reason{Code: ledger.ReasonUnchanged, Text: "revision 1 found the same"}}}, `
The study is negative: 0 of 4 slices are positive.
  Caution: Close to the threshold.
  What limits that: The stack is 10 mm long.
That is nothing new: revision 1 found the same.
No object was made.`},
		{"not processed, and followed", ledger.RevisionHistory{Revision: ledger.Revision{State: ledger.StateNotProcessed, SupersededBy: 2,
			Reason: ledger.Reason{Code: "no-axial-series", Text: "no axial series", Remedy: "send the axial reconstruction"}}}, `
It was not processed (no-axial-series): no axial series.
  What to do: send the axial reconstruction.
No object was made.
Revision 2 followed.`},
		{"failed", ledger.RevisionHistory{
			Revision: ledger.Revision{State: ledger.StateNotProcessed,
				Reason: ledger.Reason{Code: ledger.ReasonFailed, Text: "attempt 4 of 4: no memory", Remedy: "look into the log"}},
			Series: []ledger.SeriesReason{{SeriesUID: "1.2.1", Chosen: true, Text: "axial"}, {SeriesUID: "1.2.2", Text: "a localizer"}}}, `
Series 1.2.1 was chosen: axial.
Series 1.2.2 was not read: a localizer.
It was not processed (failed): attempt 4 of 4: no memory.
  What to do: look into the log.
No object was made.`},
		{"settled", ledger.RevisionHistory{Revision: ledger.Revision{State: ledger.StateSettled}}, "It waits to be processed."},
		{"processing", ledger.RevisionHistory{Revision: ledger.Revision{State: ledger.StateProcessing}},
			"Processing began at TIME and has not ended."},
		{"failed once", ledger.RevisionHistory{Revision: ledger.Revision{State: ledger.StateProcessing}, RetryAt: now.Add(time.Minute),
			Failure: &ledger.Event{At: now, Text: "attempt 1 of 4: no memory"}}, "Processing failed at TIME: attempt 1 of 4: no memory."},
		{"running after a failure", ledger.RevisionHistory{Revision: ledger.Revision{State: ledger.StateProcessing},
			Failure: &ledger.Event{At: now, Text: "attempt 1 of 4: no memory"}}, `
Processing failed at TIME: attempt 1 of 4: no memory.
Processing began at TIME and has not ended.`},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.r.Number, c.r.SettledAt, c.r.SettledWhy, c.r.StartedAt, c.r.FinishedAt = 1, now, "quiet for 60 s", now, now
			h := &ledger.History{Revisions: []ledger.RevisionHistory{c.r}}
			wantText(t, text(status.Explain(h, site, now), "Revision 1"),
				"Taken as complete at TIME: quiet for 60 s.\n"+strings.TrimSpace(c.want))
		})
	}
}

func TestExplain_ThinnedOut(t *testing.T) {
	h := &ledger.History{StudyUID: "1.2", State: ledger.StateReported, FirstAt: now, LastAt: now,
		Thinned: 300, ThinnedAt: now, RemovedAt: now}
	wantText(t, text(status.Explain(h, site, now), "What arrived"), `
300 instances came at TIME. The rows of each were removed from the ledger at TIME, as keep.ledger_days asks.
Its files were removed at TIME, as keep.days asks.
  What to do: to have it read again, send the study again; then `+"`jcsnode requeue 1.2`"+`.`)
	h.Instances, h.ThinnedAt, h.RemovedAt = []ledger.Instance{instance("CT1", now)}, time.Time{}, time.Time{}
	wantText(t, text(status.Explain(h, site, now), "What arrived"), `
1 instance of 1 series came from CT1 10.0.0.1 at TIME, over 1 association.
300 instances that came before have no rows in the ledger any more, as keep.ledger_days asks.`)
}
