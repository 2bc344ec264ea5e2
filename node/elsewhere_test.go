package node

import (
	"context"
	"errors"
	"strings"
	"testing"

	"jcsnode/config"
	"jcsnode/pgtest"
)

// A shared folder that is not mounted is refused, and no study is noted as missing because of it.
func TestCompareFiles_AnotherFolder(t *testing.T) {
	c := config.Default()
	c.Store.Kind, c.Store.Path = config.StoreShared, t.TempDir()
	address := pgtest.Shared(t).Database(t, "", nil)
	d := newDoor(t, c, address, "a")
	if err := d.compareFiles(t.Context()); err != nil {
		t.Errorf("of an empty ledger: %v", err)
	}
	in, body := aSlice(t)
	if err := d.receive(t.Context(), in, body); err != nil {
		t.Fatal(err)
	}
	if err := d.compareFiles(t.Context()); err != nil {
		t.Errorf("with its files: %v", err)
	}
	c.Store.Path = t.TempDir()
	other := newDoor(t, c, address, "b")
	if err := other.compareFiles(t.Context()); err == nil || !strings.Contains(err.Error(), "newest 1 studies") {
		t.Errorf("%v; want it refused", err)
	}
	if counts, err := d.ledger.Counts(t.Context()); err != nil || counts.Missing != 0 {
		t.Errorf("%d studies are noted as missing, %v", counts.Missing, err)
	}
}

// What came while a node drained goes up before it is gone.
func TestTakesUp(t *testing.T) {
	c := onS3(t)
	d := newDoor(t, c, pgtest.Shared(t).Database(t, "", nil), "a")
	in, body := aSlice(t)
	if err := d.receive(t.Context(), in, body); err != nil {
		t.Fatal(err)
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	d.takesUp(stopped)
	err := d.ledger.Flush(t.Context())
	if paths, e := d.ledger.AtNode(t.Context(), "a"); errors.Join(err, e) != nil || len(paths) != 0 || d.self.Waiting != 0 {
		t.Errorf("%q are on the node alone, %v; want none", paths, errors.Join(err, e))
	}
}
