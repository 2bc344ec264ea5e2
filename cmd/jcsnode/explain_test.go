package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"jcsnode/config"
	"jcsnode/ledger"
	"jcsnode/node"
	"jcsnode/status"
)

var times = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d:\d\d`)

// explained is what explain says of the study, with TIME for every time.
func explained(t *testing.T, l *ledger.Ledger, study string, now time.Time) string {
	t.Helper()
	h, err := l.History(t.Context(), study)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	printParts(&text, status.Explain(h, node.Views(config.Default(), version, l).Site(), now), "\n")
	return times.ReplaceAllString(text.String(), "TIME")
}

// Headings stand apart, sentences below them, and what belongs to a sentence below that.
func TestPrintParts(t *testing.T) {
	var text strings.Builder
	printParts(&text, []status.Part{{Heading: "Study 1.2 is reported."},
		{Heading: "Revision 1", Sentences: []status.Sentence{{Text: "a", Details: []string{"What to do: b"}}, {Text: "c"}}}}, "\n")
	if got, want := text.String(), "Study 1.2 is reported.\n\nRevision 1\n  a\n    What to do: b\n  c\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// Processing that fails is tried again: meanwhile explain says what failed and when it goes on.
func TestExplain_ProcessingFails(t *testing.T) {
	const study = "1.2.3"
	l := ledgerStudy(t, t.TempDir(), study)
	rev, err := l.Settle(t.Context(), study, "quiet for 60 s")
	if err != nil {
		t.Fatal(err)
	}
	calls, proceed := make(chan int), make(chan struct{})
	t.Cleanup(func() { l.StopJobs(context.WithoutCancel(t.Context())) })
	n := 0
	if err := l.StartJobs(t.Context(), ledger.Handlers{Deliver: func(context.Context, int64, string) error { return nil },
		Process: func(ctx context.Context, id int64) error {
			if err := l.Begin(ctx, id); err != nil {
				return err
			}
			if n++; n == 1 {
				return errors.New("the network cannot be run")
			}
			calls <- n
			select {
			case <-proceed:
				return l.NotProcessed(ctx, id, ledger.Reason{Code: "no-axial-series", Text: "no axial series"}, nil)
			case <-ctx.Done():
				return ctx.Err()
			}
		}}, 1); err != nil {
		t.Fatal(err)
	}
	var h *ledger.History
	until := func(what string, holds func() bool) {
		t.Helper()
		eventually(t, time.Minute, what, func() bool {
			if h, err = l.History(t.Context(), study); err != nil {
				t.Fatal(err)
			}
			return holds()
		})
	}
	until("the next attempt", func() bool { return !h.Revisions[0].RetryAt.IsZero() })
	got := explained(t, l, study, h.Revisions[0].RetryAt.Add(-9*time.Second))
	for _, want := range []string{"60 s.\n  Processing failed at TIME: attempt 1 of 4: the network cannot be run.\n",
		"\n  Revision 1 is processed again at TIME, in 9 s; `jcsnode requeue 1.2.3` has it done at once.\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q:\n%s", want, got)
		}
	}

	if err := l.Requeue(t.Context(), study); err != nil { // does not wait for the time
		t.Fatal(err)
	}
	<-calls
	got = explained(t, l, study, time.Now())
	if strings.Contains(got, "failed") || !strings.Contains(got, "Processing began at TIME and has not ended.") {
		t.Errorf("tells of a failure before it was requeued, or not that it is processed:\n%s", got)
	}
	close(proceed)
	until("the outcome of revision "+fmt.Sprint(rev.Number), func() bool { return h.State == ledger.StateNotProcessed })
}
