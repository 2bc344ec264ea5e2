package ledger

import (
	"slices"
	"testing"
	"time"

	"jcsnode/ledger/jobs"
)

// A job waits longer each time it meets a full disk, whatever other jobs meet, and begins anew once it met something else.
func TestDiskPauses(t *testing.T) {
	var p diskPauses
	one, other := jobs.Job{Kind: "process", Key: []byte(`{"revision_id":1}`)}, jobs.Job{Kind: "process", Key: []byte(`{"revision_id":2}`)}
	var waits []time.Duration
	for range 6 {
		waits = append(waits, p.next(one)/time.Minute)
	}
	if want := []time.Duration{1, 2, 4, 8, 16, 16}; !slices.Equal(waits, want) {
		t.Errorf("minutes %v, want %v", waits, want)
	}
	if got := p.next(other); got != time.Minute {
		t.Errorf("another job waits %v", got)
	}
	p.over(one)
	if got := p.next(one); got != time.Minute {
		t.Errorf("after something else it waits %v", got)
	}
	p.over(one)
	p.over(other)
	if len(p.last) != 0 {
		t.Errorf("remembered: %v", p.last)
	}
}
