package status_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"jcsnode/ledger"
	"jcsnode/status"
)

// What a node owns and is at is said while it lives, and in what it would read otherwise than the one that has read for longest.
func TestOverview_Nodes(t *testing.T) {
	yes, no := true, false
	shape := status.Shape{Identity: "1", Settings: "2", Networks: "3", Device: "cpu", Destinations: "4", Settle: "6", Keep: "7", Stuck: "8"}
	other, older := shape, shape
	other.Device, other.Settings = "cuda", "5"
	older.Networks, older.Settle, older.Keep, older.Stuck = "9", "", "", "" // of a version that says nothing of these
	door := status.Shape{Settle: "0", Keep: "7", Stuck: "0"}
	away := func(a ledger.Alive) ledger.Alive { a.StoreAway, a.AwaySince = "nobody listens there", now; return a }
	off := func(a ledger.Alive, ahead time.Duration) ledger.Alive { a.ClockAhead = ahead; return a }
	node := func(id string, held *bool, started time.Duration, device, shape string) ledger.Alive {
		return ledger.Alive{ID: id, Held: held, StartedAt: now.Add(-started), SeenAt: now, Device: device, Shape: shape,
			Roles: []string{"read", "deliver"}, Owns: []string{status.LeaderLock, "deliver ", "deliver pacs", "notify ", "notify his"},
			Sends: []ledger.Sending{{StudyUID: "1.2", Destination: "pacs"}},
			Work:  []ledger.Work{{StudyUID: "1.3", Step: "classify", Done: 1, Total: 2}}}
	}
	for name, c := range map[string]struct {
		node           ledger.Alive
		owns, at, says string
		differs        string
	}{
		"owns, reads and sends": {node("b", &yes, time.Hour, "cpu", shape.String()),
			"leads, delivers to pacs, tells his", "reads study 1.3 (classify, 1 of 2); sends study 1.2 to pacs",
			"; leads, delivers to pacs, tells his", ""},
		"its clock is off": {off(node("b", &yes, time.Hour, "cpu", shape.String()), -61*time.Second),
			"leads, delivers to pacs, tells his", "reads study 1.3 (classify, 1 of 2); sends study 1.2 to pacs",
			"; the clock of its machine is 61 s behind", ""},
		"its store is away": {away(node("b", &yes, time.Hour, "cpu", shape.String())),
			"leads, delivers to pacs, tells his", "reads study 1.3 (classify, 1 of 2); sends study 1.2 to pacs",
			"the object store TAKES NO FILES since " + status.Clock(now) + ": nobody listens there", ""},
		"a dead one": {off(node("b", &no, time.Hour, "cuda", other.String()), time.Minute), "", "", "DEAD", ""},
		"reads otherwise": {node("b", &yes, time.Hour, "cuda", other.String()),
			"leads, delivers to pacs, tells his", "reads study 1.3 (classify, 1 of 2); sends study 1.2 to pacs",
			"this one differs in [cascade] or [objects]; the device: b on cuda, a on cpu",
			"[cascade] or [objects]; the device: b on cuda, a on cpu"},
		"settles otherwise": {node("b", &yes, time.Hour, "none", door.String()),
			"leads, delivers to pacs, tells his", "reads study 1.3 (classify, 1 of 2); sends study 1.2 to pacs",
			"this one differs in [settle]",
			"[settle], or quiet or stays_open of a [[peer]]; [stuck], or silent_after of a [[peer]]"},
		"of an older version": {node("b", &yes, time.Hour, "cpu", older.String()),
			"leads, delivers to pacs, tells his", "reads study 1.3 (classify, 1 of 2); sends study 1.2 to pacs",
			"differs in", "the networks"},
		"of a version that says it in another way": {node("b", &yes, time.Hour, "cuda", "0011223344556677"),
			"leads, delivers to pacs, tells his", "reads study 1.3 (classify, 1 of 2); sends study 1.2 to pacs", "running", ""},
	} {
		t.Run(name, func(t *testing.T) {
			first := node("a", &yes, 2*time.Hour, "cpu", shape.String())
			o := overview(t, ledger.Standing{Nodes: []ledger.Alive{first, c.node}}, site, "")
			if a := o.Nodes[0]; a.Differs != "" {
				t.Errorf("the one that has read for longest differs: %s", a.Differs)
			}
			b := o.Nodes[1]
			if b.Owns() != c.owns || b.At() != c.at || b.Differs != c.differs || !strings.Contains(b.String(), c.says) {
				t.Errorf("owns %q, is at %q, differs in %q\n%s", b.Owns(), b.At(), b.Differs, b)
			}
			off := strings.Contains(b.String(), "the clock of its machine")
			if off != b.ClockOff() || b.Lives() && (b.Clock() == "right") == off {
				t.Errorf("clock %q, %v ahead\n%s", b.Clock(), b.ClockAhead, b)
			}
		})
	}
}

// A role that no living node has is told of, with what waits for it and what to do.
func TestOverview_Lacks(t *testing.T) {
	yes, no := true, false
	node := func(id string, held *bool, roles ...string) ledger.Alive {
		return ledger.Alive{ID: id, Held: held, StartedAt: now.Add(-time.Hour), SeenAt: now, Roles: roles}
	}
	counts := ledger.Counts{Studies: map[string]int{ledger.StateSettled: 2, ledger.StateProcessing: 1}}
	waiting := []ledger.DestinationSeen{{Name: "pacs", Deliveries: map[string]int{ledger.DeliveryWaiting: 4}}}
	for name, c := range map[string]struct {
		nodes []ledger.Alive
		want  []string
	}{
		"one alone":    {nil, nil},
		"all there":    {[]ledger.Alive{node("a", &yes, "door"), node("b", &yes, "read", "deliver")}, nil},
		"no reader":    {[]ledger.Alive{node("a", &yes, "door", "deliver"), node("b", &no, "read")}, []string{"read"}},
		"a door alone": {[]ledger.Alive{node("a", &yes, "door"), node("b", &no, "read", "deliver")}, []string{"read", "deliver"}},
		"no door":      {[]ledger.Alive{node("a", &yes, "read", "deliver")}, []string{"door"}},
		"nobody lives": {[]ledger.Alive{node("a", &no, "door")}, nil},
	} {
		o := overview(t, ledger.Standing{Nodes: c.nodes, Counts: counts, Destinations: waiting}, site, "")
		said := strings.Join(o.Sentences(), "\n")
		var got []string
		for _, l := range o.Lacks {
			got = append(got, l.Role)
			if !strings.Contains(said, l.String()) || !strings.Contains(said, l.Remedy()) {
				t.Errorf("%s: nothing is said of %s:\n%s", name, l.Role, said)
			}
		}
		if !slices.Equal(got, c.want) || strings.Contains(said, "NOBODY") != (len(c.want) > 0) {
			t.Errorf("%s: %v, want %v\n%s", name, got, c.want, said)
		}
		for text, of := range map[string]string{"(role read): 3 studies wait": "read", "(role deliver): 4 objects": "deliver"} {
			if strings.Contains(said, text) != slices.Contains(c.want, of) {
				t.Errorf("%s: %q\n%s", name, text, said)
			}
		}
	}
}
