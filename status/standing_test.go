package status_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jcsnode/ledger"
	"jcsnode/status"
)

func overview(t *testing.T, s ledger.Standing, with status.Site, hash string) status.Overview {
	t.Helper()
	self := status.Self{AETitle: "JCS", ConfigHash: func(string) string { return hash }}
	return status.NewOverview(self, with, s, now)
}

// The process is what the lock says, and what it said of itself.
func TestOverview_TheProcess(t *testing.T) {
	yes, no := true, false
	start, recent, old := now.Add(-time.Hour), now.Add(-4*time.Second), now.Add(-20*time.Minute)
	work := []ledger.Work{{StudyUID: "1.2", Step: "classify", Done: 140, Total: 300}}
	alive := func(held *bool, seen, stopped time.Time) ledger.Alive {
		return ledger.Alive{StartedAt: start, SeenAt: seen, StoppedAt: stopped, PID: 7, Version: "1.0", Device: "cpu", Weights: "trained",
			ConfigPath: "/etc/config.toml", ConfigHash: "a", Work: work, Held: held}
	}
	const reading = "study 1.2 (classify, 140 of 300)"
	for name, c := range map[string]struct {
		alive ledger.Alive
		state string
		since time.Time
		text  string
	}{
		"runs":            {alive(&yes, recent, time.Time{}), status.Runs, start, "running since TIME, process 7, version 1.0"},
		"runs, and reads": {alive(&yes, recent, time.Time{}), status.Runs, start, "; reads " + reading},
		"starts": {ledger.Alive{StartedAt: start, SeenAt: recent, PID: 7, Version: "1.0", Held: &yes}, status.Runs, start,
			"starting since TIME, process 7, version 1.0"},
		"runs, nobody sees a lock":  {alive(nil, recent, time.Time{}), status.Runs, start, "running"},
		"hangs":                     {alive(&yes, old, time.Time{}), status.Hangs, old, "last sign of life was at TIME"},
		"starts again after a stop": {alive(&yes, old, old), status.Hangs, old, "it may be starting"},
		"an older version runs":     {ledger.Alive{Held: &yes}, status.Hangs, time.Time{}, "of an older version"},
		"stopped":                   {alive(&no, recent, recent), status.Stopped, recent, "stopped since TIME"},
		"died this second": {alive(&no, recent, time.Time{}), status.Dead, recent,
			"DEAD since about TIME: it ended without stopping, while reading " + reading},
		"dead, nobody sees a lock": {alive(nil, old, time.Time{}), status.Dead, old, "DEAD"},
		"never started":            {ledger.Alive{Held: &no}, status.NeverStarted, time.Time{}, "no node has started"},
	} {
		t.Run(name, func(t *testing.T) {
			got := overview(t, ledger.Standing{Alive: c.alive}, site, "a").Running
			if got.State != c.state || !got.Since.Equal(c.since) || got.ConfigStale {
				t.Errorf("%+v, want %s since %v", got, c.state, c.since)
			}
			if text := clock.ReplaceAllString(got.String(), "TIME"); !strings.Contains(text, c.text) {
				t.Errorf("%s\nlacks %s", text, c.text)
			}
		})
	}
	stale := overview(t, ledger.Standing{Alive: alive(&yes, recent, time.Time{})}, site, "b")
	const want = "/etc/config.toml was changed since it was read: reload the node (SIGHUP), and restart it if its log names settings"
	if got := strings.Join(stale.Sentences(), "\n"); !stale.Running.ConfigStale || !strings.Contains(got, want) {
		t.Errorf("a changed configuration:\n%s", got)
	}
	if overview(t, ledger.Standing{Alive: alive(&yes, recent, time.Time{})}, site, "").Running.ConfigStale {
		t.Error("a configuration that cannot be read counts as changed")
	}
}

// Whom the configuration names is there, and first; others follow.
func TestOverview_WithWhomTheNodeSpeaks(t *testing.T) {
	with := site
	with.Peers, with.Destinations, with.Webhooks = []string{"CT_B", "CT_A"}, []string{"pacs", "new"}, []string{"ris"}
	o := overview(t, ledger.Standing{
		Peers: []ledger.PeerSeen{
			{CallingAE: "CT_A", AssociationAt: now.Add(-26 * time.Hour), InstanceAt: now.Add(-26 * time.Hour),
				Usual: 2 * time.Hour},
			{CallingAE: "OTHER", RejectedAt: now, RejectedBecause: "not known"},
			{CallingAE: "WALKER", AssociationAt: now.Add(-time.Hour)},
		},
		Destinations: []ledger.DestinationSeen{
			{Name: "gone", Deliveries: map[string]int{"sent": 3}, SentAt: now},
			{Name: "pacs", Deliveries: map[string]int{"waiting": 29, "sent": 1, "failed": 2}, OldestAt: now, SentAt: now, FailedAt: now,
				TroubleSince: now, Answer: "connection refused"},
		},
		Receivers: []ledger.ReceiverSeen{{Name: "ris", Notifications: map[string]int{"sent": 5, "waiting": 1, "failed": 1}}},
	}, with, "")
	var got []string
	for _, p := range o.Parts() {
		got = append(got, p.Heading)
		for _, s := range p.Sentences {
			got = append(got, "  "+clock.ReplaceAllString(s.Text, "TIME"))
		}
	}
	want := []string{
		"scanners",
		"  CT_B: never called",
		"  CT_A: last instance 26 h ago, at TIME (usually every 2 h)",
		"  OTHER: sent nothing so far; rejected at TIME: not known (no [[peer]] of its own)",
		"  WALKER: sent nothing so far; last association at TIME (no [[peer]] of its own)",
		"destinations",
		"  pacs: IN TROUBLE since TIME, took the last object at TIME; " +
			"29 objects wait, the oldest since TIME; 2 given up; it says: connection refused",
		"  new: was sent nothing so far",
		"  gone: took the last object at TIME (not configured any more)",
		"webhooks",
		"  ris: 5 told, 1 notification waits, 1 given up",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if o.Peers[1].SilentSeconds != 26*3600 || o.Peers[0].SilentSeconds != 0 || !o.Peers[0].Configured || o.Peers[2].Configured {
		t.Errorf("%+v", o.Peers)
	}
}

// What is said of hundreds of objects is said once.
func TestStudy_GroupsWhatIsAlike(t *testing.T) {
	var r ledger.RevisionHistory
	var events []ledger.Event
	for i := range 600 {
		d := delivery("pacs", ledger.DeliverySent, 1, "0000H", "stored")
		d.SentAt = now.Add(time.Duration(i) * time.Second)
		r.Deliveries = append(r.Deliveries, d, delivery("museum", ledger.DeliveryWaiting, 2, "A700H", "full"))
		r.Objects = append(r.Objects, d.Object)
		events = append(events, ledger.Event{At: d.SentAt, Kind: ledger.EventSent, Text: "pacs: 0000H: stored"},
			ledger.Event{At: now, Kind: ledger.EventRetry, Text: "museum: A700H: full"})
	}
	h := history(r)
	h.Events = append(events, ledger.Event{At: now, Kind: ledger.EventRequeued, Text: "again"},
		ledger.Event{At: now, Kind: ledger.EventSent, Text: "pacs: 0000H: stored"})
	s := status.NewStudy(h, site, now)
	parts := s.Parts()
	wantText(t, text(parts, parts[1].Heading), `
museum: 600 objects waiting
  600 objects to museum: waiting after 2 attempts: A700H full
pacs: 600 objects sent between TIME and TIME`)
	wantText(t, text(parts, "history"), `
TIME  object sent              pacs: 0000H: stored (600 times, last at TIME)
TIME  object not sent yet      museum: A700H: full (600 times, last at TIME)
TIME  requeued                 again
TIME  object sent              pacs: 0000H: stored`)
	if len(s.Groups) != 2 || s.Groups[1].Objects != 600 || !s.Groups[1].FirstSent.Equal(now) ||
		!s.Groups[1].LastSent.Equal(now.Add(599*time.Second)) || len(s.Kinds) != 1 || s.Kinds[0].Objects != 600 {
		t.Errorf("groups %+v, kinds %+v", s.Groups, s.Kinds)
	}
}

// The beginning of a UID is enough while it is that of one study.
func TestReader_Find(t *testing.T) {
	l := answers{studies: []ledger.Summary{{StudyUID: "1.2.3", State: "reported", LastAt: now},
		{StudyUID: "1.2.34", State: "receiving", LastAt: now}, {StudyUID: "1.3"}}, history: &ledger.History{StudyUID: "1.3"}}
	for beginning, want := range map[string]string{
		"1.3": "1.3", "1.": "", "1.2.3": "1.2.3", "1.2.34": "1.2.34", "9": "",
	} {
		if got, err := reader(l, status.Self{}).Find(t.Context(), beginning); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", beginning, got, err)
		}
	}
	_, err := reader(l, status.Self{}).Find(t.Context(), "1.2")
	const want = "several studies begin with 1.2; write more of the UID:\n" +
		"  1.2.3  reported, last received TIME\n  1.2.34  receiving, last received TIME"
	if got := clock.ReplaceAllString(err.Error(), "TIME"); got != want {
		t.Error(got)
	}
	if s, err := reader(l, status.Self{}).Study(t.Context(), "1.3"); err != nil || s.StudyUID != "1.3" {
		t.Errorf("%+v, %v", s, err)
	}
}
