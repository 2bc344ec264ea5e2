package node

import (
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
