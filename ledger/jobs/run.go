package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

const (
	// pollInterval is how late a job may start; each poll is one small statement.
	pollInterval = 250 * time.Millisecond
	// never is for River's own rescue of running jobs: ours is exact, at the
	// start, and a study on a slow machine may take hours.
	never = 100 * 365 * 24 * time.Hour
	// wakeInterval is how often sleeping jobs are looked at.
	wakeInterval = time.Minute
	// removeLimit is how long a queue that did not start may take to go.
	removeLimit = 5 * time.Second
)

// Start sets back what a killed process left running and starts the workers, whom others know by an ID that no others ever had; "" leaves
// that to River. missing enqueues, in the same transaction, what else lacks a job. No other process may work on the jobs, unless they are
// Shared: then nothing is set back but by Recover.
func (j *Jobs) Start(ctx context.Context, id string, kinds []Kind, missing func(ctx context.Context, tx *sql.Tx) error) error {
	queues := map[string]river.QueueConfig{}
	own := map[string][]string{}
	bundle := river.NewWorkers()
	for _, k := range kinds {
		if !k.Taken && k.Workers > 0 {
			queues[k.Name] = river.QueueConfig{MaxWorkers: k.Workers}
			for _, who := range k.Own {
				queues[queueOf(k.Name, who)] = river.QueueConfig{MaxWorkers: k.Workers}
			}
		}
		own[k.Name] = k.Own
		river.AddWorkerArgs(bundle, args{kind: k.Name}, &worker{jobs: j, kind: k})
	}
	j.mu.Lock()
	if j.workers != nil {
		j.mu.Unlock()
		return errors.New("they run already")
	}
	maps.Copy(j.own, own)
	j.mu.Unlock()

	if err := j.opt.Update(ctx, func(tx *sql.Tx) error { return j.recoverAll(ctx, tx, kinds, missing) }); err != nil {
		return fmt.Errorf("recover jobs: %w", err)
	}
	client, err := river.NewClient(j.opt.Driver, &river.Config{
		ID:                   id,
		Logger:               quiet(j.opt.Logger),
		Workers:              bundle,
		Queues:               queues,
		FetchPollInterval:    pollInterval,
		JobTimeout:           -1,
		RescueStuckJobsAfter: never,
		RetryPolicy:          retryPolicy{j.opt.RetryDelay, j.opt.Now},
		PollOnly:             j.opt.Dialect.pollOnly,
		TestOnly:             j.opt.TestOnly,
		Test:                 river.TestConfig{Time: clock(j.opt.Now)}, // River has no other place for a clock
	})
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return errors.New("the ledger is closed")
	}
	// The workers live until Stop, not as long as the caller's context.
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	j.workers, j.kinds = client, slices.Clone(kinds)
	j.waking = make(chan struct{})
	go j.wakeLoop(context.WithoutCancel(ctx), j.waking)
	return nil
}

// Change tells the running jobs of a kind who has a queue of their own from now on, and the longest wait. Who had one and is not named
// keeps it until the next start: what lies in it needs somebody who ends it. One goroutine at a time may call it.
func (j *Jobs) Change(kind string, own []string, longest time.Duration) error {
	j.mu.Lock()
	at := slices.IndexFunc(j.kinds, func(k Kind) bool { return k.Name == kind })
	client := j.workers
	if client == nil || at < 0 {
		j.mu.Unlock()
		return fmt.Errorf("%w: those of the kind %s", ErrStopped, kind)
	}
	j.kinds[at].LongestWait = longest
	workers, taken := j.kinds[at].Workers, j.kinds[at].Taken || j.kinds[at].Workers == 0
	fresh := slices.DeleteFunc(slices.Clone(own), func(who string) bool { return slices.Contains(j.own[kind], who) })
	j.mu.Unlock()
	for _, who := range fresh {
		if !taken {
			// It writes to the database, and so may wait for a transaction that enqueues, which looks queues up: not under the lock.
			if err := add(client, queueOf(kind, who), workers); err != nil {
				return fmt.Errorf("give %s a queue of its own: %w", who, err)
			}
		}
		j.mu.Lock()
		j.own[kind] = append(slices.Clone(j.own[kind]), who)
		j.mu.Unlock()
	}
	return nil
}

func add(client *river.Client[*sql.Tx], queue string, workers int) error {
	err := client.Queues().Add(queue, river.QueueConfig{MaxWorkers: workers})
	if err != nil {
		removing, cancel := context.WithTimeout(context.Background(), removeLimit)
		defer cancel()
		_ = client.Queues().Remove(removing, queue) // so that the next try finds none that does not work
	}
	return err
}

// Take has this process work on somebody's queue of a kind, which no other process does until Leave or Stop. What a dead one left running
// there must have been set back.
func (j *Jobs) Take(kind, who string) error {
	client, k, err := j.taken(kind)
	if err == nil {
		err = add(client, queueOf(kind, who), k.Workers)
	}
	if err != nil {
		return fmt.Errorf("take the %s queue of %s: %w", kind, who, err)
	}
	return nil
}

// Leave gives back what Take took, when what runs there has ended.
func (j *Jobs) Leave(ctx context.Context, kind, who string) error {
	client, _, err := j.taken(kind)
	if err == nil {
		err = client.Queues().Remove(ctx, queueOf(kind, who))
	}
	if err != nil {
		return fmt.Errorf("leave the %s queue of %s: %w", kind, who, err)
	}
	return nil
}

// Sort moves jobs of kinds that are taken to the queues of those whom they are for: whoever had the jobs for itself, or enqueues beside
// them, may have put them into a common one.
func (j *Jobs) Sort(ctx context.Context) error {
	j.mu.Lock()
	kinds := slices.Clone(j.kinds)
	j.mu.Unlock()
	for _, k := range kinds {
		if !k.Taken {
			continue
		}
		if err := j.opt.Update(ctx, func(tx *sql.Tx) error { return j.sort(ctx, tx, k) }); err != nil {
			return fmt.Errorf("sort the %s jobs: %w", k.Name, err)
		}
	}
	return nil
}

// Runs tells whether jobs of a kind run.
func (j *Jobs) Runs(kind string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.workers != nil && slices.ContainsFunc(j.kinds, func(k Kind) bool { return k.Name == kind })
}

func (j *Jobs) taken(kind string) (*river.Client[*sql.Tx], Kind, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	at := slices.IndexFunc(j.kinds, func(k Kind) bool { return k.Name == kind && k.Taken })
	if j.workers == nil || at < 0 {
		return nil, Kind{}, errors.New("jobs of this kind do not run, or their queues are not taken")
	}
	return j.workers, j.kinds[at], nil
}

// Stop cancels the contexts of running jobs and waits for them, at most until ctx ends. What was interrupted runs again at the next start,
// and that does not count as a failure.
func (j *Jobs) Stop(ctx context.Context) error {
	j.mu.Lock()
	client := j.workers
	j.workers = nil
	if j.waking != nil {
		close(j.waking)
		j.waking = nil
	}
	j.mu.Unlock()
	if client == nil {
		return nil
	}
	if err := client.StopAndCancel(ctx); err != nil {
		return fmt.Errorf("stop jobs: %w", err)
	}
	return nil
}

// Close is Stop for good.
func (j *Jobs) Close(ctx context.Context) error {
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	return j.Stop(ctx)
}

type worker struct {
	river.WorkerDefaults[args]
	jobs *Jobs
	kind Kind
}

// Work implements river.Worker.
func (w *worker) Work(ctx context.Context, of *river.Job[args]) error {
	free, ok := w.jobs.occupy(ctx, w.kind, of.Args.key)
	if !ok {
		return river.JobSnooze(pollInterval)
	}
	defer free()
	err := w.kind.Work(ctx, Job{Kind: of.Kind, Key: of.Args.key, Attempt: of.Attempt, MaxAttempts: of.MaxAttempts, id: of.ID})
	var retry *RetryAfter
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return river.JobSnooze(0) // Stop: not the job's fault
	case errors.As(err, &retry):
		return river.JobSnooze(max(retry.Delay, 0))
	case strings.ContainsRune(err.Error(), 0): // River keeps it as JSON, in which PostgreSQL refuses it
		return errors.New(strings.ReplaceAll(err.Error(), "\x00", "\uFFFD"))
	}
	return err
}

// occupy keeps two jobs of the same lane from running at once, in whichever process: the second waits, and then finds its work done or left
// to it.
func (j *Jobs) occupy(ctx context.Context, kind Kind, key []byte) (free func(), ok bool) {
	lane := string(key)
	if kind.Lane != nil {
		lane = kind.Lane(key)
	}
	lane = kind.Name + " " + lane
	here, ok := j.occupyHere(lane)
	if !ok || j.opt.Alone == nil || kind.Taken { // whose queue is taken is alone there
		return here, ok
	}
	elsewhere, ok, err := j.opt.Alone(ctx, lane)
	if err != nil && ctx.Err() == nil {
		j.opt.Logger.Warn("a job waits, since nobody can tell whether another node is at it", "job", kind.Name, "error", err)
	}
	if err != nil || !ok {
		here()
		return nil, false
	}
	return func() { elsewhere(); here() }, true
}

func (j *Jobs) occupyHere(lane string) (free func(), ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.lanes[lane] {
		return nil, false
	}
	j.lanes[lane] = true
	return func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		delete(j.lanes, lane)
	}, true
}

// clock has River reckon by the time that all processes have: one of them wakes what another put to sleep.
type clock func() time.Time

// Now implements rivertype.TimeGenerator.
func (c clock) Now() time.Time { return c() }

// NowOrNil implements rivertype.TimeGenerator: the database has its own clock.
func (c clock) NowOrNil() *time.Time { return nil }

type retryPolicy struct {
	delay func(attempt int) time.Duration
	now   func() time.Time
}

// NextRetry implements river.ClientRetryPolicy. River compares it with its clock.
func (p retryPolicy) NextRetry(job *rivertype.JobRow) time.Time {
	return p.now().Add(p.delay(job.Attempt))
}

// wakeLoop wakes jobs that sleep for too long, until stop is closed.
func (j *Jobs) wakeLoop(ctx context.Context, stop chan struct{}) {
	tick := time.NewTicker(wakeInterval)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		j.mu.Lock()
		kinds := slices.Clone(j.kinds)
		j.mu.Unlock()
		if err := j.opt.Update(ctx, func(tx *sql.Tx) error { return j.wakeSleepers(ctx, tx, kinds) }); err != nil {
			j.opt.Logger.Error("cannot look for jobs that sleep for too long", "error", err)
		}
	}
}

// wakeSleepers has jobs run now that would sleep for longer than any is put off: a clock that was ahead would have them sleep until it is
// as late again.
func (j *Jobs) wakeSleepers(ctx context.Context, tx *sql.Tx, kinds []Kind) error {
	for _, k := range kinds {
		if _, err := tx.ExecContext(ctx, `
			UPDATE river_job
			SET state = 'available', scheduled_at = `+j.opt.Dialect.now+`
			WHERE kind = ? AND state IN `+sleeping+` AND `+j.opt.Dialect.tooLate, k.Name, int64(k.LongestWait/time.Second)); err != nil {
			return err
		}
	}
	return nil
}
