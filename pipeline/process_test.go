package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jcsnode/ledger"
)

func TestProcess_ReportsAndKeepsObjectsDurably(t *testing.T) {
	b := newBench(t)
	got := b.process(t, b.receive(t, "*"))
	if got.State != ledger.StateReported || len(got.Objects) != 1 || len(got.Deliveries) != 1 {
		t.Fatalf("%s with %d objects and %d deliveries", got.State, len(got.Objects), len(got.Deliveries))
	}
	text, err := os.ReadFile(filepath.Join(b.dir, got.Objects[0].Path))
	if err != nil || int64(len(text)) != got.Objects[0].Size {
		t.Errorf("object file: %d bytes, %v; the ledger says %d", len(text), err, got.Objects[0].Size)
	}
	if !b.built[0].Time.Equal(got.FindingsAt) {
		t.Errorf("objects carry %v, the findings were written at %v", b.built[0].Time, got.FindingsAt)
	}
}

// A run that died after its findings were written is repeated with the same time, so that its objects come out equal.
func TestProcess_SecondRunHasTheTimeOfTheFirst(t *testing.T) {
	b := newBench(t)
	rev := b.receive(t, "*")
	build := b.Build
	b.Build = func(ctx context.Context, x *Examination, id Identity, emit func(Made) error) error {
		build(ctx, x, id, func(Made) error { return nil })
		return fmt.Errorf("the machine stops here")
	}
	if err := b.Process(t.Context(), rev.ID); err == nil {
		t.Fatal("a build that failed was taken for done")
	}
	time.Sleep(2 * time.Millisecond) // the ledger's times are milliseconds
	b.Build = build
	b.process(t, rev)
	if !b.built[0].Time.Equal(b.built[1].Time) || b.built[0].InputDigest != b.built[1].InputDigest {
		t.Errorf("identities differ: %+v, %+v", b.built[0], b.built[1])
	}
}

func TestProcess_LateInstances(t *testing.T) {
	b := newBench(t)
	b.process(t, b.receive(t, "*[0-5].dcm"))
	calls := b.nets.calls

	// Something that is no slice changes nothing: no second set of objects.
	if err := os.WriteFile(filepath.Join(b.dir, "inbox", "late.txt"), []byte("no slice"), 0o644); err != nil {
		t.Fatal(err)
	}
	got := b.process(t, b.receive(t, "late.txt"))
	if got.State != ledger.StateReported || got.Reason.Code != "unchanged" || len(got.Objects) != 0 || b.nets.calls != calls {
		t.Errorf("%s %q with %d objects after %d more calls; want reported, unchanged, none, none",
			got.State, got.Reason.Code, len(got.Objects), b.nets.calls-calls)
	}

	// Slices do.
	got = b.process(t, b.receive(t, "*[6-9].dcm"))
	if got.State != ledger.StateReported || len(got.Objects) != 1 || got.Number != 3 {
		t.Errorf("%s with %d objects in revision %d; want reported, 1, 3", got.State, len(got.Objects), got.Number)
	}
}

// A revision waits for one before it that is being read, whose objects it replaces.
func TestProcess_WaitsForAnEarlierRevision(t *testing.T) {
	b := newBench(t)
	first := b.receive(t, "*[0-5].dcm")
	if err := b.Ledger.Begin(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	second := b.receive(t, "*[6-9].dcm")
	var again *ledger.RetryAfter
	if err := b.Process(t.Context(), second.ID); !errors.As(err, &again) || b.nets.calls != 0 {
		t.Errorf("%v after %d calls, want to come again without any", err, b.nets.calls)
	}
	b.process(t, first)
	if got := b.process(t, second); got.State != ledger.StateReported || len(got.Objects) != 1 {
		t.Errorf("%s with %d objects; want reported, 1", got.State, len(got.Objects))
	}
}

// A slice that comes again under its UID counts by what it says: in other wrapping it is no news, corrected it is.
func TestProcess_SliceComesAgain(t *testing.T) {
	b := newBench(t)
	b.process(t, b.receive(t, "*.dcm"))
	paths, _ := filepath.Glob(filepath.Join(b.dir, "inbox", "*.dcm"))
	original, err := os.ReadFile(paths[len(paths)/2])
	if err != nil {
		t.Fatal(err)
	}
	again := func(name string, change func(file []byte)) ledger.RevisionHistory {
		t.Helper()
		file := bytes.Clone(original)
		change(file)
		if err := os.WriteFile(filepath.Join(b.dir, "inbox", name), file, 0o644); err != nil {
			t.Fatal(err)
		}
		return b.process(t, b.receive(t, name))
	}
	got := again("wrapped", func(file []byte) { copy(file, "preamble") })
	if got.Reason.Code != ledger.ReasonUnchanged || len(got.Objects) != 0 {
		t.Errorf("in other wrapping: %q with %d objects, want %q, none", got.Reason.Code, len(got.Objects), ledger.ReasonUnchanged)
	}
	digests := []string{b.built[0].InputDigest}
	for name, change := range map[string]func(file []byte){
		"name":   func(file []byte) { copy(file[bytes.Index(file, []byte("PHANTOM^")):], "CORRECT^") },
		"pixels": func(file []byte) { copy(file[len(file)*2/3:], make([]byte, 1000)) },
	} {
		got := again(name, change)
		if got.Reason.Code != "" || len(got.Objects) != 1 {
			t.Errorf("corrected %s: %q with %d objects, want a result of its own", name, got.Reason.Code, len(got.Objects))
		}
		if digest := b.built[len(b.built)-1].InputDigest; slices.Contains(digests, digest) {
			t.Errorf("corrected %s: the digest of another input, %s", name, digest)
		} else {
			digests = append(digests, digest)
		}
	}
}

func TestProcess_StudyThatCannotBeReadHasReasonAndRemedy(t *testing.T) {
	b := newBench(t)
	got := b.process(t, b.receive(t, "*1.dcm"))
	if got.State != ledger.StateNotProcessed || got.Reason.Code == "" || got.Reason.Text == "" || got.Reason.Remedy == "" {
		t.Errorf("%s, %+v; want not processed with a reason and a remedy", got.State, got.Reason)
	}
	if len(got.Objects) != 1 {
		t.Errorf("%d objects, want the page with the reason", len(got.Objects))
	}
	if b.nets.calls != 0 {
		t.Errorf("the classifier was asked %d times", b.nets.calls)
	}
}

// Objects replace those of all revisions before, and count the revisions that have any.
func TestIdentity(t *testing.T) {
	revision := func(number int, objects ...ledger.Object) ledger.Earlier {
		return ledger.Earlier{Revision: ledger.Revision{Number: number}, Objects: objects}
	}
	first, third := ledger.Object{SOPInstanceUID: "2.25.1"}, ledger.Object{SOPInstanceUID: "2.25.3"}
	earlier := []ledger.Earlier{revision(1, first), revision(2), revision(3, third)} // the second changed nothing
	for number, want := range map[int]Identity{
		1: {Revision: 1},
		2: {Revision: 2, Replaced: []ledger.Object{first}},
		3: {Revision: 2, Replaced: []ledger.Object{first}},
		4: {Revision: 3, Replaced: []ledger.Object{first, third}},
	} {
		want.InputDigest = "digest"
		if diff := cmp.Diff(want, identity(earlier, number, "digest", time.Time{})); diff != "" {
			t.Errorf("revision %d (-want +got):\n%s", number, diff)
		}
	}
}
