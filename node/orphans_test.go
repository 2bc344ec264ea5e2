package node

import (
	"slices"
	"testing"
	"time"
)

// What waits for whom nobody has ends when it has done so for long enough; as soon as a node has that one, the time begins anew.
func TestOrphans(t *testing.T) {
	var o orphans
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, step := range []struct {
		what            string
		after           time.Duration
		waiting, others []string
		news, ripe      []string
	}{
		{"others have one of two", 0, []string{"deliver a", "deliver b"}, []string{"deliver b"}, []string{"deliver a"}, nil},
		{"not for long", orphanPatience - time.Second, []string{"deliver a", "deliver b"}, []string{"deliver b"}, nil, nil},
		{"for long", time.Second, []string{"deliver a", "deliver b"}, nil, []string{"deliver b"}, []string{"deliver a"}},
		{"somebody has it again", time.Second, []string{"deliver a", "deliver b"}, []string{"deliver a"}, nil, nil},
		{"and dies", time.Second, []string{"deliver a"}, nil, []string{"deliver a"}, nil},
		{"nothing waits any more", orphanPatience, nil, nil, nil, nil},
	} {
		now = now.Add(step.after)
		news := o.look(step.waiting, step.others, now)
		if ripe := o.ripe(); !slices.Equal(news, step.news) || !slices.Equal(ripe, step.ripe) {
			t.Errorf("%s: news %q and ripe %q, want %q and %q", step.what, news, ripe, step.news, step.ripe)
		}
	}
}
