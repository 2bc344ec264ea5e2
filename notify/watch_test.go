package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jcsnode/ledger"
)

// sent is when peers sent last.
type sent map[string]time.Time

func (s sent) peers() map[string]ledger.PeerSeen {
	all := map[string]ledger.PeerSeen{}
	for title, at := range s {
		all[title] = ledger.PeerSeen{CallingAE: title, InstanceAt: at}
	}
	return all
}

func TestSilence(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	p := ledger.PeerSeen{CallingAE: "CT1", InstanceAt: now.Add(-26 * time.Hour)}
	if got, want := silence(p, now), "nothing has come from CT1 for 26h0m0s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	p.Usual = 25 * time.Minute
	if got, want := silence(p, now), "nothing has come from CT1 for 26h0m0s; usually a study comes every 25m0s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestSilences(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	ago := func(h int) time.Time { return now.Add(-time.Duration(h) * time.Hour) }
	after := map[string]time.Duration{"CT1": 26 * time.Hour}
	for name, c := range map[string]struct {
		last    sent
		started time.Time
		silent  bool
	}{
		"never sent":                        {nil, ago(100), false},
		"sent lately":                       {sent{"CT1": ago(25)}, ago(100), false},
		"silent":                            {sent{"CT1": ago(26)}, ago(100), true},
		"the node was not there":            {sent{"CT1": ago(50)}, ago(2), false},
		"it was there for long enough":      {sent{"CT1": ago(50)}, ago(26), true},
		"another one":                       {sent{"CT2": ago(50)}, ago(100), false},
		"sent while this clock was ahead":   {sent{"CT1": now.Add(time.Hour)}, ago(100), false},
		"another one sends, this one not":   {sent{"CT1": ago(30), "CT2": ago(1)}, ago(100), true},
		"the node started while it was off": {sent{"CT1": ago(30)}, ago(27), true},
	} {
		if got := silences(after, c.last.peers(), c.started, now); (len(got) == 1) != c.silent {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestShortage(t *testing.T) {
	if got := shortage(Room{ReadOnly: true}, false); got.Code != CodeDiskReadOnly {
		t.Errorf("read only: %+v", got)
	}
	const reserve = 100 << 20
	for _, c := range []struct {
		free int64
		told bool
		code string
	}{
		{300 << 20, false, ""}, {200 << 20, false, ""}, {199 << 20, false, CodeDiskShort}, {101 << 20, false, CodeDiskShort},
		{100 << 20, false, CodeDiskFull}, {0, true, CodeDiskFull},
		{210 << 20, true, CodeDiskShort}, {220 << 20, true, ""},
	} {
		if got := shortage(Room{Free: c.free, Reserve: reserve}, c.told); got.Code != c.code || (got.Text == "") != (c.code == "") {
			t.Errorf("%d MB free, told %v: %+v, want %q", c.free>>20, c.told, got, c.code)
		}
	}
	if got := shortage(Room{Free: 0, Reserve: 0}, false); got.Code != "" {
		t.Errorf("without a reserve: %+v", got)
	}
}

// A silence and a shortage are told once each, whoever looks how often, and again when there is a new one; the receiver gets no study.
func TestWatch_Look(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	open := func() *ledger.Ledger {
		l, err := ledger.Open(t.Context(), path, ledger.Options{Now: clock, Logger: slog.New(slog.DiscardHandler),
			Receivers: []ledger.Subscription{{Name: "it", Kinds: []string{ledger.NoticeSilent, ledger.NoticeDisk}}}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	l := open()
	room := Room{Free: 1 << 40, Reserve: 2 << 30}
	var log bytes.Buffer
	watch := func() *Watch {
		return &Watch{Ledger: l, Started: now, Now: clock, Logger: slog.New(slog.NewTextHandler(&log, nil)),
			StuckAfter:  ledger.StuckAfter{Receiving: time.Hour, Study: time.Hour, Delivery: time.Hour},
			SilentAfter: func() map[string]time.Duration { return map[string]time.Duration{"CT1": 24 * time.Hour} },
			Room:        func(context.Context) (Room, error) { return room, nil }}
	}
	w := watch()
	told := func() string {
		t.Helper()
		for range 2 {
			w.Look(t.Context())
		}
		all, err := l.Notifications(t.Context(), 100)
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		for i := range all {
			n := all[len(all)-1-i]
			text += n.Notice.Subject() + " " + n.Notice.Reason.Code + "; "
		}
		return text
	}
	send := func() {
		t.Helper()
		i := ledger.Instance{StudyUID: "1.2", SeriesUID: "1.2.1", SOPInstanceUID: "1.2.1.1", Path: now.String(), CallingAE: "CT1",
			ReceivedAt: now}
		if err := l.Record(t.Context(), i); err != nil {
			t.Fatal(err)
		}
		for { // rows are written in batches
			last, err := l.Senders(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if last["CT1"].InstanceAt.Equal(now) {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}
	wants := func(when, want string) {
		t.Helper()
		if diff := cmp.Diff(want, told()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	now = now.Add(48 * time.Hour)
	wants("nothing ever came", "")
	send()
	now = now.Add(23 * time.Hour)
	wants("a day is not over", "")
	now = now.Add(2 * time.Hour)
	text := "silence of CT1 silent; "
	wants("a day without anything", text)
	now = now.Add(48 * time.Hour)
	wants("still silent", text)
	room.Free = 3 << 30
	text += "disk of the node disk-short; "
	wants("the disk runs short", text)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open()
	w = watch()
	now = now.Add(25 * time.Hour)
	wants("after a restart, all as it was", text)
	room.Free = 1 << 30
	text += "disk of the node disk-full; "
	wants("the disk is full", text)
	room.Free = 3 << 30
	wants("a little better", text)
	room.Free = 100 << 30
	wants("room again", text)
	room.Free = 3 << 30
	text += "disk of the node disk-short; "
	wants("short anew", text)
	send()
	now = now.Add(25 * time.Hour)
	text += "silence of CT1 silent; "
	wants("it sent, and is silent anew", text)
	if n := strings.Count(log.String(), "level=WARN"); n != 5 {
		t.Errorf("%d warnings:\n%s", n, log.String())
	}

	all, err := l.Notifications(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	var event map[string]any
	body, err := Compose(all[0], Node{}, "", nil, Identifiers{}).Encode()
	if err == nil {
		err = json.Unmarshal(body, &event)
	}
	if err != nil {
		t.Fatal(err)
	}
	problem, _ := event["problem"].(map[string]any)
	if _, about := event["study"]; about || event["type"] != TypePeerSilent || problem["peer"] != "CT1" || problem["since"] == nil {
		t.Errorf("event %s", body)
	}
}
