package ledger

import "testing"

// The newest failure of processing counts, of no other job and revision, until somebody requeues the study.
func TestHistory_Failure(t *testing.T) {
	failed := func(text string, revision float64) Event {
		return Event{Kind: EventJobFailed, Text: text, Attributes: map[string]any{"revision": revision}}
	}
	first := failed("process, attempt 1 of 4: no network", 2)
	room := failed("process waits for room on the disk: no space left on device", 2)
	deliver, other := failed("deliver, attempt 1 of 4: no", 2), failed("process, attempt 4 of 4: no", 1)
	for name, test := range map[string]struct {
		events []Event
		want   string
	}{
		"none":            {[]Event{{Kind: EventProcessing}}, ""},
		"one":             {[]Event{first, {Kind: EventProcessing}}, "attempt 1 of 4: no network"},
		"newest":          {[]Event{first, room}, "waits for room on the disk: no space left on device"},
		"of processing":   {[]Event{first, deliver}, "attempt 1 of 4: no network"},
		"of the revision": {[]Event{other, deliver}, ""},
		"requeued":        {[]Event{first, {Kind: EventRequeued}}, ""},
	} {
		got := ""
		if f := failure(test.events, 2); f != nil {
			got = f.Text
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
