package node

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"jcsnode/config"
	"jcsnode/findings"
	"jcsnode/ledger"
	"jcsnode/results"
)

// beat is how often a running node gives a sign of life: one small transaction.
const beat = 5 * time.Second

// flushWait bounds the wait of a sign of life for what the ledger has still to write.
const flushWait = 5 * time.Second

// life is what a node knows of itself while it runs.
type life struct {
	mu     sync.Mutex // guards what follows
	work   map[string]ledger.Work
	out    map[string]ledger.Sending // by destination: one revision goes to each at a time
	failed time.Time                 // when a sign of life could not be written for the last time
	told   time.Time                 // when the log last said so
}

// news says whether a sign of life that could not be written is worth a line: the first of several in a row, and one an hour.
func (l *life) news(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := now.Sub(l.failed) > 3*(beat+flushWait)
	l.failed = now
	if !first && now.Sub(l.told) < time.Hour {
		return false
	}
	l.told = now
	return true
}

// works is pipeline.Processor.Works.
func (n *Node) works(studyUID, stage string, done, total int) {
	n.life.works(studyUID, stage, done, total, n.now())
	n.meter.Works(studyUID, stage, done, total)
}

// works keeps what is said of a study at a time.
func (l *life) works(studyUID, stage string, done, total int, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if stage == "" {
		delete(l.work, studyUID)
		return
	}
	w, known := l.work[studyUID]
	if !known {
		w.StudyUID, w.Since = studyUID, now.UTC()
	}
	w.Step, w.Done, w.Total = stage, done, total
	if l.work == nil {
		l.work = map[string]ledger.Work{}
	}
	l.work[studyUID] = w
}

// now lists what is being worked on.
func (l *life) now() []ledger.Work {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.SortedFunc(maps.Values(l.work), func(a, b ledger.Work) int {
		return strings.Compare(a.StudyUID, b.StudyUID)
	})
}

// sends is dicomout.DeliveryWorker.Sends.
func (n *Node) sends(studyUID, destination string) (over func()) {
	return n.life.sends(studyUID, destination, n.now())
}

// sends keeps what is on its way since a time.
func (l *life) sends(studyUID, destination string, now time.Time) (over func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.out == nil {
		l.out = map[string]ledger.Sending{}
	}
	l.out[destination] = ledger.Sending{StudyUID: studyUID, Destination: destination, Since: now.UTC()}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.out, destination)
	}
}

// sending lists what is on its way to destinations.
func (l *life) sending() []ledger.Sending {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.SortedFunc(maps.Values(l.out), func(a, b ledger.Sending) int {
		return strings.Compare(a.Destination, b.Destination)
	})
}

// overlap is how far before the time up to which the ledger is complete the inbox is looked through again: clocks are set.
const overlap = time.Hour

// begins says for the first time that the node is there. since is when to look through the inbox from; behind says that the ledger may
// not know what went up to an object store since then.
func (n *Node) begins(ctx context.Context) (since time.Time, behind bool, err error) {
	before, err := n.ledger.Alive(ctx, n.self.ID)
	if err != nil {
		return since, false, err
	}
	if n.config.Several() && before.StartedAt.IsZero() { // a new node, or one with a new name
		all, err := n.ledger.Nodes(ctx)
		if err != nil {
			return since, false, err
		}
		before.RecordedAt = recordedBy(all)
	}
	if n.has(config.RoleDoor) { // a node without one may have a new data_dir each time, and a bucket takes long to list
		if behind, err = putBack(n.folder, before.RecordedAt); err != nil {
			return since, false, err
		}
	}
	if !before.RecordedAt.IsZero() {
		since = before.RecordedAt.Add(-overlap)
	}
	n.configHash.Store(&n.config.Hash)
	n.self = ledger.Alive{
		ID:         n.self.ID,
		Roles:      n.self.Roles,
		StartedAt:  n.now(),
		RecordedAt: before.RecordedAt,
		PID:        os.Getpid(),
		Version:    n.version,
		ConfigHash: n.config.Hash,
		Reserve:    int64(n.config.Node.Reserve),
	}
	if path, err := filepath.Abs(n.config.Path); err == nil && n.config.Path != "" {
		n.self.ConfigPath = path
	}
	n.sign(ctx)
	n.starting = n.signsOn(ctx)
	return since, behind, nil
}

// signsOn goes on giving signs of life while the node starts, which takes minutes where networks are large or the inbox is. The returned
// function ends that; nothing of self but the incarnation changes meanwhile.
func (n *Node) signsOn(ctx context.Context) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for pause(ctx, beat) {
			n.sign(ctx)
		}
	}()
	return func() { cancel(); <-ended }
}

// recordedBy is up to when what the nodes stored is in the ledger, for one that was not among them: the oldest time of those that did not
// stop of themselves, or else the newest of those that did. Zero = nobody can tell.
func recordedBy(nodes []ledger.Alive) time.Time {
	running := slices.DeleteFunc(slices.Clone(nodes), func(a ledger.Alive) bool { return !a.StoppedAt.IsZero() })
	byTime := func(a, b ledger.Alive) int { return a.RecordedAt.Compare(b.RecordedAt) }
	switch {
	case len(running) > 0:
		return slices.MinFunc(running, byTime).RecordedAt
	case len(nodes) > 0:
		return slices.MaxFunc(nodes, byTime).RecordedAt
	}
	return time.Time{}
}

// recorded waits until what was stored up to now is in the ledger, for the next start. It is for a node that has looked through its inbox.
// Files have their times of this machine or of another one: the earlier of two clocks overlooks none.
func (n *Node) recorded(ctx context.Context) error {
	now := n.now()
	if own := time.Now(); own.Before(now) {
		now = own
	}
	ctx, cancel := context.WithTimeout(ctx, flushWait)
	defer cancel()
	if err := n.ledger.Flush(ctx); err != nil {
		return err
	}
	n.self.RecordedAt = now
	return nil
}

// sign gives a sign of life. One that cannot be written, as on a full disk, is no reason to end.
func (n *Node) sign(ctx context.Context) {
	if n.config.Several() {
		if now := n.member.Incarnation(); now != "" {
			n.self.Incarnation = now
		}
	}
	err := n.ledger.SignOfLife(ctx, n.self)
	if err == nil {
		err = noteRecorded(n.folder, n.self.RecordedAt)
	}
	if err != nil && ctx.Err() == nil {
		if n.life.news(time.Now()) {
			n.log.Error("sign of life not written: check the disk of data_dir", "error", err)
		}
	}
}

// lives gives signs of life until ctx ends.
func (n *Node) lives(ctx context.Context) error {
	n.starting()
	n.self.Device = n.Device()
	if n.runtime != nil {
		n.self.Weights = findings.Weights(results.Models(n.runtime.Manifest(), n.runtime.Engine()))
	}
	n.self.Shape = n.shape()
	n.compares(ctx)
	complete := true // once an instance may have been refused its row, the next start looks for it
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for {
		n.self.ConfigHash, n.self.Shape = *n.configHash.Load(), n.shape()
		n.self.ClockAhead = n.member.Ahead()
		n.clock.look(n.self.ClockAhead, n.log)
		if n.ahead != nil {
			w := n.ahead.Waiting()
			n.self.Waiting, n.self.StoreAway, n.self.AwaySince = w.Files, w.Away, w.Since
		}
		if room, err := n.store.Room(ctx); err == nil {
			n.self.Free = room.Free
		}
		if complete {
			complete = n.recorded(ctx) == nil // the writer tells what is wrong
		}
		// Right before, or it may be what another incarnation had.
		n.self.Owns, n.self.Work, n.self.Sends = n.owned(), n.life.now(), n.life.sending()
		n.sign(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// ends says that the node stopped of itself.
func (n *Node) ends() {
	if n.self.StartedAt.IsZero() {
		return
	}
	n.starting()
	n.self.StoreAway, n.self.AwaySince = "", time.Time{}
	n.self.StoppedAt, n.self.Work, n.self.Owns, n.self.Sends = n.now(), nil, nil, nil
	n.sign(context.Background())
}
