package ledgertest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"jcsnode/ledger"
)

// report has a settled revision reported, or not processed, with one object for each destination.
func report(t *testing.T, l *ledger.Ledger, rev ledger.Revision, found string, destinations ...string) {
	t.Helper()
	Must(t, l.Begin(t.Context(), rev.ID))
	if found == "" {
		Must(t, l.NotProcessed(t.Context(), rev.ID, ledger.Reason{Code: "odd", Text: "odd"}, nil))
		return
	}
	_, err := l.SaveFindings(t.Context(), rev.ID, ledger.Reading{Findings: []byte(found)})
	Must(t, err)
	Must(t, l.Complete(t.Context(), rev.ID, to(destinations, objects("2.25."+rev.StudyUID)...), ledger.Reason{}))
}

func (s suite) TestStudies_Filters(t *testing.T) {
	c := newClock()
	l := s.temp(t, ledger.Options{Now: c.Now})
	day := c.Now()
	for n, of := range []struct{ scanner, found string }{
		{"CT_A", `{"decision": {"positive": true, "text": "positive: many"}, "limits": ["short"], "slices": [{"probability": 1}]}`},
		{"CT_A", `{"decision": {"positive": false}}`}, {"CT_B", `{"decision": {"positive": true}}`}, {"CT_B", ""}, {"CT_B", "-"},
	} {
		i := Slice(fmt.Sprintf("1.2.%d", n+1), 1)
		i.CallingAE, i.Accession = of.scanner, fmt.Sprintf("A%d", n+1)
		Record(t, l, i)
		if of.found != "-" {
			rev, err := l.Settle(t.Context(), i.StudyUID, "test")
			Must(t, err)
			report(t, l, rev, of.found, "pacs")
		}
		c.Add(24 * time.Hour)
	}
	second, err := l.History(t.Context(), "1.2.2")
	Must(t, err)
	Must(t, l.RecordDelivery(t.Context(), second.Revisions[0].Deliveries[0].ID,
		ledger.DeliveryOutcome{State: ledger.DeliveryFailed, Attempted: true}))
	for name, want := range map[string]struct {
		f   ledger.Filter
		uid string // last digits, the newest first
		n   int
	}{
		"all":               {ledger.Filter{}, "54321", 5},
		"some":              {ledger.Filter{Limit: 2}, "54", 5},
		"further":           {ledger.Filter{Limit: 2, Offset: 2}, "32", 5},
		"without limit":     {ledger.Filter{Limit: -1}, "54321", 5},
		"state":             {ledger.Filter{State: ledger.StateReported}, "321", 3},
		"scanner":           {ledger.Filter{CallingAE: "CT_B"}, "543", 3},
		"positive":          {ledger.Filter{Result: ledger.ResultPositive}, "31", 2},
		"negative":          {ledger.Filter{Result: ledger.ResultNegative}, "2", 1},
		"no result":         {ledger.Filter{Result: ledger.ResultNone}, "54", 2},
		"from":              {ledger.Filter{From: day.Add(48 * time.Hour)}, "543", 3},
		"to":                {ledger.Filter{To: day.Add(48 * time.Hour)}, "21", 2},
		"positive of one":   {ledger.Filter{Result: ledger.ResultPositive, CallingAE: "CT_A", State: ledger.StateReported}, "1", 1},
		"beginning":         {ledger.Filter{StudyUID: "1.2."}, "54321", 5},
		"one":               {ledger.Filter{StudyUID: "1.2.4"}, "4", 1},
		"no such beginning": {ledger.Filter{StudyUID: "1.2.%"}, "", 0},
		"something waits":   {ledger.Filter{Delivery: ledger.DeliveryWaiting}, "31", 2},
		"given up":          {ledger.Filter{Delivery: ledger.DeliveryFailed}, "2", 1},
		"given up, scanner": {ledger.Filter{Delivery: ledger.DeliveryFailed, CallingAE: "CT_B"}, "", 0},
		"no such state":     {ledger.Filter{Delivery: "'x"}, "", 0},
		"accession":         {ledger.Filter{Accession: "A2"}, "2", 1},
		"no such accession": {ledger.Filter{Accession: "A"}, "", 0},
	} {
		found, err := l.Studies(t.Context(), want.f)
		Must(t, err)
		var got strings.Builder
		for _, study := range found {
			got.WriteString(study.StudyUID[len(study.StudyUID)-1:])
			if study.Accession != "" {
				t.Errorf("%s: an accession number that nobody asked for", name)
			}
		}
		n, atLeast, err := l.CountStudies(t.Context(), want.f)
		if err != nil || got.String() != want.uid || n != want.n || atLeast {
			t.Errorf("%s: studies %q of %d, %v, %v; want %q of %d", name, got.String(), n, atLeast, err, want.uid, want.n)
		}
	}
	one, err := l.Studies(t.Context(), ledger.Filter{StudyUID: "1.2.1", Identifiers: true})
	Must(t, err)
	if s := one[0]; s.Accession != "A1" || s.Destinations["pacs"][ledger.DeliveryWaiting] != 1 || s.FinishedAt.IsZero() ||
		!strings.Contains(string(s.Findings), "short") || strings.Contains(string(s.Findings), "probability") {
		t.Errorf("%+v with %s", s, s.Findings)
	}
}

// Each node has its own row, and none writes over another's.
func (s suite) TestNodes(t *testing.T) {
	c := newClock()
	l := s.temp(t, ledger.Options{Now: c.Now})
	recorded := c.Now()
	Must(t, l.SignOfLife(t.Context(), ledger.Alive{ID: "two", Incarnation: "two.1", Roles: []string{"read"}, StartedAt: c.Now(), PID: 2}))
	Must(t, l.SignOfLife(t.Context(), ledger.Alive{ID: "one", Incarnation: "one.1", Roles: []string{"door", "deliver"},
		RecordedAt: recorded}))
	c.Add(time.Minute)
	Must(t, l.SignOfLife(t.Context(), ledger.Alive{ID: "two", Incarnation: "two.2", Roles: []string{"read"}, Version: "2", PID: 3,
		Owns: []string{"leader", "deliver pacs"}, Sends: []ledger.Sending{{StudyUID: "1.2", Destination: "pacs", Since: c.Now()}},
		ClockAhead: -time.Minute, StoreAway: "nobody listens there", AwaySince: c.Now()}))
	all, err := l.Nodes(t.Context())
	Must(t, err)
	if len(all) != 2 || all[0].ID != "one" || all[0].Incarnation != "one.1" || !slices.Equal(all[0].Roles, []string{"door", "deliver"}) ||
		all[1].Incarnation != "two.2" || all[1].PID != 3 || !all[1].SeenAt.Equal(c.Now()) {
		t.Errorf("%+v", all)
	}
	if two := all[1]; !slices.Equal(two.Owns, []string{"leader", "deliver pacs"}) || len(two.Sends) != 1 ||
		!two.Sends[0].Since.Equal(c.Now()) || len(all[0].Owns) != 0 || two.ClockAhead != -time.Minute || all[0].ClockAhead != 0 ||
		two.StoreAway != "nobody listens there" || !two.AwaySince.Equal(c.Now()) || all[0].StoreAway != "" {
		t.Errorf("owns %q, sends %+v, clock %v, store %q since %v", two.Owns, two.Sends, two.ClockAhead, two.StoreAway, two.AwaySince)
	}
	mine, err := l.Alive(t.Context(), "one")
	Must(t, err)
	if !mine.RecordedAt.Equal(recorded) {
		t.Errorf("%+v", mine)
	}
	if none, err := l.Alive(t.Context(), "three"); err != nil || none.ID != "" || !none.SeenAt.IsZero() {
		t.Errorf("%+v, %v", none, err)
	}
	st, err := l.Standing(t.Context(), c.Now())
	Must(t, err)
	if st.Alive.ID != "two" {
		t.Errorf("the newest sign of life is that of %q", st.Alive.ID)
	}
}

// How the node is: who was here, what a destination does, what was finished today.
func (s suite) TestStanding(t *testing.T) {
	c := newClock()
	l := s.temp(t, ledger.Options{Now: c.Now})
	standing := func() ledger.Standing {
		t.Helper()
		Must(t, l.Flush(t.Context()))
		st, err := l.Standing(t.Context(), c.Now().Truncate(24*time.Hour))
		Must(t, err)
		return st
	}
	if st := standing(); !st.Alive.StartedAt.IsZero() || st.Alive.Held == nil || !*st.Alive.Held || len(st.Peers) != 0 {
		t.Errorf("a new ledger: %+v", st)
	}
	start := c.Now()
	rev := settle(t, l, "1.2")
	report(t, l, rev, `{"decision": {"positive": true}}`, "pacs")
	c.Add(time.Minute)
	Must(t, l.Called(t.Context(), "CT9", "10.0.0.9", "not known", c.Now()))
	Must(t, l.Called(t.Context(), "CT1", "10.0.0.1", "", c.Now()))
	work := []ledger.Work{{StudyUID: "1.2", Step: "classify", Done: 1, Total: 2, Since: start.UTC()}}
	Must(t, l.SignOfLife(t.Context(), ledger.Alive{StartedAt: start, PID: 7, Device: "cpu", Work: work}))
	st := standing()
	if a := st.Alive; !a.StartedAt.Equal(start) || !a.SeenAt.Equal(c.Now()) || a.PID != 7 || len(a.Work) != 1 || a.Work[0] != work[0] {
		t.Errorf("alive: %+v", a)
	}
	if p := st.Peers; len(p) != 2 || p[0].CallingAE != "CT1" || p[0].Instances != 1 || !p[0].AssociationAt.Equal(c.Now()) ||
		!p[0].RejectedAt.IsZero() || p[1].RejectedBecause != "not known" || p[1].Address != "10.0.0.9" || !p[1].InstanceAt.IsZero() {
		t.Errorf("peers: %+v", p)
	}
	if d := st.Destinations; len(d) != 1 || d[0].Deliveries[ledger.DeliveryWaiting] != 1 || d[0].OldestAt.IsZero() ||
		!d[0].SentAt.IsZero() {
		t.Errorf("a destination that was not asked: %+v", d)
	}
	if st.Today.Positive != 1 || st.Today.Negative != 0 || st.Counts.Finished[ledger.ResultPositive] != 1 {
		t.Errorf("today: %+v, ever %v", st.Today, st.Counts.Finished)
	}

	// Trouble begins with the first failure since something was taken.
	waiting, err := l.Pending(t.Context(), rev.ID, "pacs")
	Must(t, err)
	refused := ledger.DeliveryOutcome{State: ledger.DeliveryWaiting, Status: "A700H", Detail: "no room for Miller^Anna", Attempted: true,
		Trouble: "soon"}
	Must(t, l.RecordDelivery(t.Context(), waiting[0].ID, refused))
	first := c.Now()
	c.Add(time.Hour)
	Must(t, l.RecordDelivery(t.Context(), waiting[0].ID, refused))
	if d := standing().Destinations[0]; !d.TroubleSince.Equal(first) || !d.FailedAt.Equal(c.Now()) || d.Answer != "answered A700H" {
		t.Errorf("a destination that refuses: %+v", d)
	}
	Must(t, l.RecordDelivery(t.Context(), waiting[0].ID, ledger.DeliveryOutcome{State: ledger.DeliverySent, Status: "0000H"}))
	if d := standing().Destinations[0]; !d.TroubleSince.IsZero() || !d.SentAt.Equal(c.Now()) || !d.OldestAt.IsZero() {
		t.Errorf("a destination that took it: %+v", d)
	}
	c.Add(24 * time.Hour)
	if st := standing(); st.Today.Positive != 0 || st.BytesPerDay != 1000 {
		t.Errorf("the day after: %+v, %d bytes a day", st.Today, st.BytesPerDay)
	}
}

// Anybody can call under any title; the ledger does not grow by it.
func (s suite) TestCalled_IsBounded(t *testing.T) {
	c := newClock()
	l := s.temp(t, ledger.Options{Now: c.Now})
	Record(t, l, Slice("1.2", 1))
	for n := range 150 {
		c.Add(time.Second)
		Must(t, l.Called(t.Context(), fmt.Sprintf("X%03d", n), "10.0.0.1", "not known", c.Now()))
	}
	Must(t, l.Flush(t.Context()))
	st, err := l.Standing(t.Context(), c.Now())
	Must(t, err)
	if p := st.Peers; len(p) != 101 || p[0].CallingAE != "CT1" || p[1].CallingAE != "X050" {
		t.Errorf("%d peers, the first %+v", len(p), p[:min(2, len(p))])
	}
}

// A destination is tried again in bulk, without reading anything again.
func (s suite) TestRedeliver(t *testing.T) {
	c := newClock()
	l := s.temp(t, ledger.Options{Now: c.Now})
	states := []string{ledger.DeliveryWaiting, ledger.DeliveryFailed, ledger.DeliverySent, ledger.DeliveryFailed}
	for n, state := range states {
		rev := settle(t, l, fmt.Sprintf("1.2.%d", n+1))
		report(t, l, rev, `{}`, "pacs", "museum")
		for _, destination := range []string{"pacs", "museum"} {
			waiting, err := l.Pending(t.Context(), rev.ID, destination)
			Must(t, err)
			outcome := ledger.DeliveryOutcome{State: state, NextAt: c.Now().Add(time.Hour), Trouble: "soon"}
			Must(t, l.RecordDelivery(t.Context(), waiting[0].ID, outcome))
		}
		c.Add(time.Hour)
	}
	Must(t, l.FilesRemoved(t.Context(), "1.2.4", time.Now().AddDate(1, 0, 0), 1, 1))
	for _, step := range []struct {
		name string
		r    ledger.Redelivery
		n    int
	}{
		{"what waits", ledger.Redelivery{Destination: "pacs"}, 1},
		{"of another study", ledger.Redelivery{Destination: "pacs", StudyUID: "1.2.9", Failed: true, Sent: true}, 0},
		{"of other days", ledger.Redelivery{Destination: "pacs", Failed: true, Sent: true, From: c.Now()}, 0},
		{"failed, too", ledger.Redelivery{Destination: "pacs", Failed: true, From: c.Now().Add(-3 * time.Hour)}, 1},
		{"sent, too", ledger.Redelivery{Destination: "pacs", Sent: true}, 3},
	} {
		studies, n, err := l.Redeliver(t.Context(), step.r)
		if err != nil || n != step.n || studies != step.n {
			t.Errorf("%s: %d of %d, %v; want %d", step.name, n, studies, err, step.n)
		}
	}
	for n, state := range states {
		h := History(t, l, fmt.Sprintf("1.2.%d", n+1))
		for _, d := range h.Revisions[0].Deliveries {
			want := ledger.DeliveryWaiting
			if d.Destination == "museum" || n == 3 {
				want = state
			}
			if d.State != want || d.Destination == "pacs" && n < 3 && !d.NextAt.IsZero() {
				t.Errorf("study %d to %s is %s at %v, want %s", n+1, d.Destination, d.State, d.NextAt, want)
			}
		}
		if len(h.Revisions) != 1 || h.State != ledger.StateReported {
			t.Errorf("study %d is read again", n+1)
		}
	}
}

// How often a scanner sends is known once it has sent some studies; nights do not count.
func (s suite) TestSenders_Usual(t *testing.T) {
	c := newClock()
	l := s.temp(t, ledger.Options{Now: c.Now})
	usual := func() time.Duration {
		t.Helper()
		Must(t, l.Flush(t.Context()))
		senders, err := l.Senders(t.Context())
		Must(t, err)
		return senders["CT1"].Usual
	}
	for n, after := range []time.Duration{0, time.Hour, 2 * time.Hour, 14 * time.Hour, time.Hour, 40 * time.Minute} {
		if got := usual(); got != 0 {
			t.Errorf("after %d studies one comes every %v", n, got)
		}
		c.Add(after)
		Record(t, l, Slice(fmt.Sprintf("1.2.%d", n), 1))
	}
	if got := usual(); got != time.Hour {
		t.Errorf("usually %v, want 1h", got)
	}
}
