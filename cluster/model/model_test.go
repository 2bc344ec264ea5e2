package model_test

import (
	"os"
	"strings"
	"testing"

	"jcsnode/cluster/model"
)

var (
	faults   = model.Faults{Kill: true, Cut: true, Freeze: true, Restart: true, Most: 1}
	noFreeze = model.Faults{Kill: true, Cut: true, Restart: true, Most: 1}
)

// two is f, twice in one run.
func two(f model.Faults) model.Faults {
	f.Most = 2
	return f
}

func holds(t *testing.T, r model.Result) {
	t.Helper()
	t.Logf("%d states, %d steps", r.States, r.Steps)
	if r.Wrong != "" {
		t.Errorf("%s:\n  %s", r.Wrong, strings.Join(r.Trace, "\n  "))
	}
}

func breaks(t *testing.T, r model.Result, want string) {
	t.Helper()
	t.Logf("%s, after %d states:\n  %s", r.Wrong, r.States, strings.Join(r.Trace, "\n  "))
	if !strings.Contains(r.Wrong, want) {
		t.Errorf("found %q, want %q", r.Wrong, want)
	}
}

func TestDelivery_Holds(t *testing.T) {
	holds(t, model.Delivery(two(faults), model.AllDelivery()))
	holds(t, model.Delivery(noFreeze, model.AllDelivery())) // and never do two nodes send
}

// Each fence is needed: without it, one fault is enough, or two.
func TestDelivery_BreaksWithout(t *testing.T) {
	for _, c := range []struct {
		fence  string
		faults model.Faults
		remove func(on *model.DeliveryFences)
		wrong  string
	}{
		{"the lock", noFreeze, func(on *model.DeliveryFences) { on.Lock = false }, "two nodes send"},
		{"the grace", noFreeze, func(on *model.DeliveryFences) { on.Grace = false }, "two nodes send"},
		{"stopping oneself", noFreeze, func(on *model.DeliveryFences) { on.SelfStop = false }, "two nodes send"},
		{"asking whether it waits", faults, func(on *model.DeliveryFences) { on.Ask = false }, "replaced"},
		{"the check of the bound", faults, func(on *model.DeliveryFences) { on.Check = false }, "beside its heir"},
		{"the sweep", faults, func(on *model.DeliveryFences) { on.Sweep = false }, "nothing"},
		{"waiting for earlier ones", faults, func(on *model.DeliveryFences) { on.Earlier = false }, "revision"},
		{"the mark of what is begun", noFreeze, func(on *model.DeliveryFences) { on.Begun = false }, "revision"},
		{"a mark of one's own", two(faults), func(on *model.DeliveryFences) { on.Own = false }, "revision"},
		{"leaving alone what is replaced", two(faults), func(on *model.DeliveryFences) { on.Fresh = false }, "revision"},
	} {
		t.Run(strings.ReplaceAll(c.fence, " ", "_"), func(t *testing.T) {
			on := model.AllDelivery()
			c.remove(&on)
			breaks(t, model.Delivery(c.faults, on), c.wrong)
		})
	}
}

func TestDoors_Holds(t *testing.T) {
	f := faults
	if os.Getenv("JCSNODE_SOAK") == "1" {
		f = two(f) // 19,740,829 states: five minutes and several GB
	}
	holds(t, model.Doors(f, model.AllDoors()))
}

func TestDoors_BreaksWithout(t *testing.T) {
	none, kill, restart := model.Faults{}, model.Faults{Kill: true, Most: 1}, model.Faults{Restart: true, Most: 1}
	for _, c := range []struct {
		fence  string
		faults model.Faults
		remove func(on *model.DoorFences)
		wrong  string
	}{
		{"rows of holds", none, func(on *model.DoorFences) { on.HoldRows = false }, "a living door holds it"},
		{"looking again", none, func(on *model.DoorFences) { on.Recheck = false }, "a living door holds it"},
		{"waiting for the store", none, func(on *model.DoorFences) { on.AllStored = false }, "at another door only"},
		{"holds of who joins again", restart, func(on *model.DoorFences) { on.Rehold = false }, "a living door holds it"},
		{"freeing holds of the dead", kill, func(on *model.DoorFences) { on.FreeHolds = false }, "nothing"},
		{"rebuilding", kill, func(on *model.DoorFences) { on.Rebuild = false }, "nothing"},
		{"the sweep", kill, func(on *model.DoorFences) { on.Sweep = false }, "nothing"},
	} {
		t.Run(strings.ReplaceAll(c.fence, " ", "_"), func(t *testing.T) {
			on := model.AllDoors()
			c.remove(&on)
			breaks(t, model.Doors(c.faults, on), c.wrong)
		})
	}
}
