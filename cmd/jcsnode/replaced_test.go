package main

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"jcsnode/dicomout/object"
	"jcsnode/ledger"
)

// ledgerStudy is a ledger in a folder of the test with a study of one instance.
func ledgerStudy(t *testing.T, dir, study string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), filepath.Join(dir, "ledger.db"), ledger.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	late(t, l, study, 1)
	return l
}

// outgoing is the objects on their way to the destination.
func outgoing(destination string, objects ...ledger.Object) []ledger.Outgoing {
	var all []ledger.Outgoing
	for _, o := range objects {
		all = append(all, ledger.Outgoing{Object: o, Destinations: []string{destination}})
	}
	return all
}

// late records the n-th instance of the study.
func late(t *testing.T, l *ledger.Ledger, study string, n int) {
	t.Helper()
	uid := fmt.Sprintf("%s.1.%d", study, n)
	if err := l.Record(t.Context(), ledger.Instance{StudyUID: study, SeriesUID: study + ".1", SOPInstanceUID: uid, CallingAE: "SCANNER",
		RemoteAddr: fmt.Sprintf("10.0.0.1:%d", 4000+n), Association: "a", Path: "inbox/" + uid, ReceivedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// settled settles the study and begins its newest revision.
func settled(t *testing.T, l *ledger.Ledger, study string) ledger.Revision {
	t.Helper()
	rev, err := l.Settle(t.Context(), study, "quiet for 60 s")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Begin(t.Context(), rev.ID); err != nil {
		t.Fatal(err)
	}
	return rev
}

func TestReplacedObjects(t *testing.T) {
	const study = "1.2.3"
	l := ledgerStudy(t, t.TempDir(), study)
	for revision := 1; revision <= 3; revision++ {
		rev := settled(t, l, study)
		objects := []ledger.Object{
			{Kind: "report", SOPInstanceUID: fmt.Sprintf("2.25.%d1", revision), SOPClassUID: object.Comprehensive3DSRStorage, SeriesUID: "2.25.5"},
			{Kind: "rejection", SOPInstanceUID: fmt.Sprintf("2.25.%d2", revision)},
		}
		if revision == 2 { // changed nothing
			objects = nil
		}
		if err := l.Complete(t.Context(), rev.ID, outgoing("pacs", objects...), ledger.Reason{}); err != nil {
			t.Fatal(err)
		}
		late(t, l, study, revision+1)
	}
	class := object.Comprehensive3DSRStorage
	first, third := "{report "+class+" 2.25.11 2.25.5}", "{report "+class+" 2.25.31 2.25.5}"
	// The second ledger revision has no objects, so that the objects of the third say that they are revision 2.
	for revision, want := range map[int]string{1: "[]", 2: "[" + first + "]", 3: "[" + first + " " + third + "]"} {
		objects, err := replacedObjects(l)(t.Context(), study, revision)
		if got := fmt.Sprint(objects); err != nil || got != want {
			t.Errorf("revision %d replaces %s, %v, want %s", revision, got, err, want)
		}
	}
}
