package main

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

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
