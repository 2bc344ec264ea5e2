package main

import (
	"context"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"jcsnode/cabletest"
	"jcsnode/ledger"
	"jcsnode/phantom"
)

// fault is what happens to a cluster, again and again.
type fault struct {
	name  string
	begin func(s *siege, t *testing.T) // starts the cluster
	now   func(s *siege, t *testing.T)
	// copies are how many objects may come once more each time. Where a node loses its part: the one that it had in hand, and the one
	// before, whose outcome was on its way to the ledger. Where the PACS is not slow all of a revision may be on its way.
	copies int
	minute bool // an outage, which lasts for one when it is long
}

// siege is a ward to which one fault happens while studies come.
type siege struct {
	*ward
	stamps *stamps
	random *rand.Rand // of the goroutine that has the faults happen
	rounds int
	round  int    // from 1
	long   bool   // every outage lasts for a minute; else that of the last round alone
	small  string // folder of a small disk
	cables map[string]*cabletest.Machine
	all    map[string]*ledger.History
	copies int
	twice  int      // studies of two revisions
	probes []string // studies of which a door has taken something beside
}

// TestCluster_Faults has each fault happen ten times, at random moments, to a cluster of its own that lives through all of them, while a
// study comes through its doors and another one gets late slices. After each time every instance that was answered for is read, and the
// PACS has every object under one UID, those of a revision before any of the next. The clusters live beside each other, since they mostly
// wait. JCSNODE_FAULTS says how often instead, with a minute for each outage; a fault of such outages then comes to several clusters, so
// that 200 take an hour. JCSNODE_SEED has the moments of an earlier run come again.
func TestCluster_Faults(t *testing.T) {
	t.Parallel()
	rounds, long := 10, false
	if text := os.Getenv("JCSNODE_FAULTS"); text != "" {
		rounds, long = number(t, text), true
	}
	drawn := seed(t)
	study := newStamps(t, phantom.Options{Slices: 12, Spacing: 12, Rows: 64, Columns: 64, Lesions: true})
	var clusters sync.WaitGroup
	n := uint64(0)
	for _, f := range faults {
		for share := range f.shares(rounds, long) {
			s := &siege{random: rand.New(rand.NewPCG(drawn, n)), rounds: share, long: long, all: map[string]*ledger.History{}}
			n++
			clusters.Go(func() { t.Run(f.name, func(t *testing.T) { s.bear(t, f, study) }) })
		}
	}
	clusters.Wait()
}

// shares are how often the fault comes to each of its clusters: at most 50 times with a minute's outage each.
func (f fault) shares(rounds int, long bool) iter.Seq[int] {
	most := rounds
	if long && f.minute {
		most = 50
	}
	return func(yield func(int) bool) {
		for left := rounds; left > 0 && yield(min(left, most)); {
			left -= most
		}
	}
}

// seed draws one, or takes that of an earlier run, for all random moments of a test.
func seed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Int()
	if text := os.Getenv("JCSNODE_SEED"); text != "" {
		seed = number(t, text)
	}
	t.Logf("JCSNODE_SEED=%d", seed)
	return uint64(seed)
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%q is no number from 1", text)
	}
	return n
}

// bear has the fault happen as often as it is to.
func (s *siege) bear(t *testing.T, f fault, study *stamps) {
	s.stamps = study.copy(t)
	f.begin(s, t)
	s.pacs.few = true
	s.look(t)
	began := time.Now()
	for s.round = 1; s.round <= s.rounds && !t.Failed(); s.round++ {
		s.once(t, f)
	}
	t.Logf("%d rounds took %.0f s", s.rounds, time.Since(began).Seconds())
	if t.Failed() {
		return
	}
	// What came after its round was over, too.
	if s.copies = s.check(t, s.all); s.copies > s.rounds*f.copies {
		t.Errorf("%d objects came once more, want at most %d", s.copies, s.rounds*f.copies)
	}
	for _, study := range s.probes {
		if h := s.history(t.Context(), study); h != nil {
			s.all[study] = h
		}
	}
	if strange := s.strangers(s.all); len(strange) > 0 {
		t.Errorf("at the PACS and not in the ledger: %v", strange)
	}
	if s.twice < s.rounds/3 {
		t.Errorf("%d studies have two revisions, want a third of the rounds", s.twice)
	}
	t.Logf("%d studies, %d objects came, %d of them copies under the same UID with the same bytes",
		len(s.all), len(s.pacs.arrivals()), s.copies)
	for _, l := range s.nodes {
		l.node.stop(t)
	}
}

// once has the fault happen while two studies come.
func (s *siege) once(t *testing.T, f fault) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	one, files := s.stamps.stamp(t)
	two, more := s.stamps.stamp(t)
	a, b := s.doors[0], s.doors[len(s.doors)-1]
	s.mustSend(ctx, t, one, files[:8], a, b)
	first, then := s.draw(time.Second), s.draw(2*time.Second)
	var g sync.WaitGroup
	defer g.Wait()
	g.Go(func() {
		time.Sleep(first)
		s.mustSend(ctx, t, two, more, b, a)
		time.Sleep(then)
		if s.round%3 == 0 { // else late slices may be of revision 1
			for h := s.history(ctx, one); ctx.Err() == nil && (h == nil || len(h.Revisions) == 0); h = s.history(ctx, one) {
				time.Sleep(300 * time.Millisecond)
			}
		}
		s.mustSend(ctx, t, one, files[8:], a, b)
	})
	f.now(s, t)
	s.pacs.slow(0)
	g.Wait()
	studies := s.over(t, []string{one, two}, 2*time.Minute)
	copies := s.check(t, studies)
	if copies > f.copies {
		t.Errorf("round %d: %d objects came once more, want at most %d", s.round, copies, f.copies)
	}
	maps.Copy(s.all, studies)
	if len(studies[one].Revisions) > 1 {
		s.twice++
	}
	t.Logf("round %d: all is over after %.1f s; %d revisions of the study with late slices; %d objects came once more",
		s.round, time.Since(began).Seconds(), len(studies[one].Revisions), copies)
}

// draw is a random time up to one.
func (s *siege) draw(most time.Duration) time.Duration {
	return time.Duration(s.random.Int64N(int64(most)))
}
