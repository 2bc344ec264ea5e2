package jobs_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"jcsnode/ledger/jobs"
	"jcsnode/ledger/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// key is what jobs of the tests are about.
type key struct {
	N   int    `json:"n"`
	Who string `json:"who"`
}

// bench is jobs in a database of the test.
type bench struct {
	*jobs.Jobs
	db *sqlite.Database
}

func newBench(t *testing.T, own map[string][]string) *bench {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"), sqlite.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	j, err := jobs.New(jobs.Options{
		Driver:      db.JobDriver(),
		Dialect:     db.JobDialect(),
		Update:      db.Update,
		Logger:      slog.New(slog.DiscardHandler),
		RetryDelay:  func(int) time.Duration { return time.Millisecond },
		MaxAttempts: 2,
		TestOnly:    true,
	}, own)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &bench{j, db}
}

func (b *bench) update(t *testing.T, f func(ctx context.Context, tx *sql.Tx) error) {
	t.Helper()
	if err := b.db.Update(t.Context(), func(tx *sql.Tx) error { return f(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) enqueue(t *testing.T, kind string, k key) {
	t.Helper()
	b.update(t, func(ctx context.Context, tx *sql.Tx) error { return b.Enqueue(ctx, tx, kind, k, k.Who) })
}

// exec changes rows of jobs behind their back.
func (b *bench) exec(t *testing.T, text string, args ...any) {
	t.Helper()
	b.update(t, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, text, args...)
		return err
	})
}

// rows lists all jobs as "kind n queue state attempt".
func (b *bench) rows(t *testing.T) string {
	t.Helper()
	text := ""
	b.update(t, func(ctx context.Context, tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `
			SELECT kind, json_extract(args, '$.n'), substr(queue, 1, 4), state, attempt
			FROM river_job
			ORDER BY id`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var kind, queue, state string
			var n, attempt int
			if err := rows.Scan(&kind, &n, &queue, &state, &attempt); err != nil {
				return err
			}
			text += fmt.Sprintf("%s %d %s %s %d; ", kind, n, queue, state, attempt)
		}
		return rows.Err()
	})
	return text
}

func (b *bench) start(t *testing.T, kinds ...jobs.Kind) {
	t.Helper()
	if err := b.Start(t.Context(), "", kinds, func(context.Context, *sql.Tx) error { return nil }); err != nil {
		t.Fatal(err)
	}
}

func waitFor(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// One waiting job is enough for what is to be done, whoever asks for it; one that runs may be past the point where it would see more.
func TestEnqueue_OneWaitingJob(t *testing.T) {
	b := newBench(t, map[string][]string{"aa": {"w"}})
	for range 2 {
		b.enqueue(t, "aa", key{N: 1})
	}
	b.enqueue(t, "aa", key{N: 2, Who: "w"})
	b.enqueue(t, "bb", key{N: 1})
	b.enqueue(t, "bb", key{N: 1, Who: "x"}) // another key
	want := "aa 1 aa available 0; aa 2 aa_5 available 0; bb 1 bb available 0; bb 1 bb available 0; "
	if got := b.rows(t); got != want {
		t.Fatalf("jobs %s\nwant %s", got, want)
	}
	b.exec(t, `UPDATE river_job SET state = 'running' WHERE id = 1`)
	b.exec(t, `UPDATE river_job SET state = 'retryable', scheduled_at = datetime('now', '+1 hour') WHERE id = 2`)
	due := func() (at time.Time) {
		b.update(t, func(ctx context.Context, tx *sql.Tx) (err error) {
			at, err = jobs.SQLite.Due(ctx, tx, "aa", key{N: 2, Who: "w"})
			return err
		})
		return at
	}
	if in := time.Until(due()); in < 59*time.Minute || in > time.Hour {
		t.Errorf("due in %v, want an hour", in)
	}
	b.enqueue(t, "aa", key{N: 1})
	b.enqueue(t, "aa", key{N: 2, Who: "w"})
	want = "aa 1 aa running 0; aa 2 aa_5 available 0; bb 1 bb available 0; bb 1 bb available 0; aa 1 aa available 0; "
	if got := b.rows(t); got != want {
		t.Errorf("jobs %s\nwant %s", got, want)
	}
	if in := time.Until(due()); in > 0 {
		t.Errorf("due in %v, want now", in)
	}
}

// What a killed process left running counts for a suspect, which ends at last, and for nobody else; jobs of who has no queue any more are
// worked on all the same.
func TestStart_SetsBack(t *testing.T) {
	b := newBench(t, map[string][]string{"bb": {"gone"}})
	b.enqueue(t, "aa", key{N: 1})
	b.enqueue(t, "aa", key{N: 2})
	b.enqueue(t, "bb", key{N: 3, Who: "gone"})
	b.exec(t, `UPDATE river_job SET state = 'running', attempt = CASE id WHEN 1 THEN 1 ELSE 2 END`)
	var interrupted, worked atomic.Int32
	note := func(_ context.Context, _ *sql.Tx, j jobs.Job, killed bool) error {
		interrupted.Add(1)
		if !killed {
			t.Error("not killed")
		}
		if j.Kind == "aa" && j.Last() != (string(j.Key) == `{"n":2,"who":""}`) {
			t.Errorf("job %s, last %v", j.Key, j.Last())
		}
		return nil
	}
	work := func(context.Context, jobs.Job) error { worked.Add(1); return nil }
	b.start(t, jobs.Kind{Name: "aa", Workers: 1, Suspect: true, Interrupted: note, Work: work},
		jobs.Kind{Name: "bb", Workers: 1, Own: []string{"here"}, Interrupted: note, Work: work})
	want := "aa 1 aa completed 2; aa 2 aa discarded 2; bb 3 bb completed 2; "
	waitFor(t, want, func() bool { return b.rows(t) == want })
	if interrupted.Load() != 3 || worked.Load() != 2 {
		t.Errorf("%d interrupted, %d worked on; want 3 and 2", interrupted.Load(), worked.Load())
	}
}

// A process that loses the database while it is at a job, and begins anew, has not failed at it, however often.
func TestResume_CountsNoAttempt(t *testing.T) {
	b := newBench(t, nil)
	b.enqueue(t, "aa", key{N: 1})
	var resumed, worked atomic.Int32
	kind := jobs.Kind{Name: "aa", Workers: 1, Suspect: true,
		Interrupted: func(_ context.Context, _ *sql.Tx, j jobs.Job, killed bool) error {
			if killed {
				t.Error("taken for killed")
			}
			resumed.Add(1)
			return nil
		},
		Work: func(ctx context.Context, _ jobs.Job) error {
			if worked.Add(1) > 1 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}}
	b.start(t, kind)
	waitFor(t, "the job", func() bool { return worked.Load() == 1 })
	if err := b.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 5 { // what the process could not write any more
		b.exec(t, `UPDATE river_job SET state = 'running', attempt = 2, attempted_by = jsonb('["other", "first"]')`)
		if err := errors.Join(b.Resume(t.Context(), "another"), b.Resume(t.Context(), "zero", "first")); err != nil {
			t.Fatal(err)
		}
	}
	b.start(t, kind)
	want := "aa 1 aa completed 2; "
	waitFor(t, want, func() bool { return b.rows(t) == want })
	if resumed.Load() != 5 {
		t.Errorf("resumed %d times", resumed.Load())
	}
}

// Two jobs of a lane follow each other, with as many workers as there are.
func TestWork_OneAtATimeInALane(t *testing.T) {
	b := newBench(t, nil)
	for n := range 3 {
		b.enqueue(t, "aa", key{N: n})
	}
	var running, most, done atomic.Int32
	b.start(t, jobs.Kind{Name: "aa", Workers: 3, Lane: func([]byte) string { return "one" }, Work: func(context.Context, jobs.Job) error {
		most.Store(max(most.Load(), running.Add(1)))
		time.Sleep(100 * time.Millisecond)
		running.Add(-1)
		done.Add(1)
		return nil
	}})
	waitFor(t, "all", func() bool { return done.Load() == 3 })
	if most.Load() != 1 {
		t.Errorf("%d at a time", most.Load())
	}
}

// Who comes while the jobs run has a queue of its own from then on: it does not wait for the others.
func TestChange_AQueueOfItsOwn(t *testing.T) {
	b := newBench(t, nil)
	blocked, done := make(chan struct{}), make(chan string, 2)
	kind := jobs.Kind{Name: "aa", Workers: 1, Work: func(_ context.Context, j jobs.Job) error {
		if string(j.Key) == `{"n":1,"who":""}` {
			<-blocked
		}
		done <- string(j.Key)
		return nil
	}}
	if err := b.Change("aa", []string{"new"}, time.Hour); err == nil {
		t.Error("jobs that do not run were changed")
	}
	b.start(t, kind)
	b.enqueue(t, "aa", key{N: 1})
	for range 2 { // the second time nothing is left to do
		if err := b.Change("aa", []string{"new"}, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	b.enqueue(t, "aa", key{N: 2, Who: "new"})
	if first := <-done; first != `{"n":2,"who":"new"}` {
		t.Errorf("first %s", first)
	}
	close(blocked)
	<-done
}

// Whoever gets a queue while somebody enqueues in a transaction waits for that, and not the other way round.
func TestChange_WhileSomebodyEnqueues(t *testing.T) {
	b := newBench(t, nil)
	b.start(t, jobs.Kind{Name: "aa", Workers: 1, Work: func(context.Context, jobs.Job) error { return nil }})
	changed := make(chan error, 1)
	b.update(t, func(ctx context.Context, tx *sql.Tx) error {
		go func() { changed <- b.Change("aa", []string{"new"}, time.Hour) }()
		time.Sleep(100 * time.Millisecond) // until it waits for the writer
		enqueued := make(chan error, 1)
		go func() { enqueued <- b.Enqueue(ctx, tx, "aa", key{N: 1}, "") }()
		select {
		case err := <-enqueued:
			return err
		case <-time.After(10 * time.Second):
			return errors.New("they wait for each other")
		}
	})
	if err := <-changed; err != nil {
		t.Error(err)
	}
}

// An error is a failed attempt, RetryAfter is none.
func TestWork_ErrorsAndRetries(t *testing.T) {
	b := newBench(t, nil)
	b.enqueue(t, "aa", key{N: 1})
	b.enqueue(t, "aa", key{N: 2})
	var retries atomic.Int32
	b.start(t, jobs.Kind{Name: "aa", Workers: 1, Work: func(_ context.Context, j jobs.Job) error {
		if string(j.Key) == `{"n":1,"who":""}` {
			return errors.New("broken")
		}
		if retries.Add(1) < 5 {
			return fmt.Errorf("busy: %w", &jobs.RetryAfter{Delay: time.Millisecond})
		}
		return nil
	}})
	want := "aa 1 aa discarded 2; aa 2 aa completed 1; "
	waitFor(t, want, func() bool { return b.rows(t) == want })
}

// Jobs that a clock ahead sent to sleep for months are woken; those that sleep as long as jobs do are not.
func TestWakeSleepers(t *testing.T) {
	kinds := []jobs.Kind{{Name: "aa", LongestWait: 6 * time.Hour}, {Name: "bb", LongestWait: 24 * time.Hour}}
	for _, c := range []struct {
		kind, wait string
		woken      bool
	}{
		{"aa", "+1463 hours", true}, {"aa", "+5 hours", false}, {"aa", "+23 hours", true},
		{"bb", "+1463 hours", true}, {"bb", "+23 hours", false},
	} {
		b := newBench(t, nil)
		b.enqueue(t, c.kind, key{N: 1})
		b.exec(t, `UPDATE river_job SET state = 'scheduled', scheduled_at = datetime('now', 'subsec', ?)`, c.wait)
		b.update(t, func(ctx context.Context, tx *sql.Tx) error { return b.WakeSleepers(ctx, tx, kinds) })
		b.update(t, func(ctx context.Context, tx *sql.Tx) error {
			at, err := jobs.SQLite.Due(ctx, tx, c.kind, key{N: 1})
			if woken := time.Until(at) < time.Minute; woken != c.woken {
				t.Errorf("%s, %s: due at %v, want woken %v", c.kind, c.wait, at, c.woken)
			}
			return err
		})
	}
}
