package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	// queueLength bounds what waits for the writer: 4096 rows of some 600 bytes are 2.5 MB
	// and half a minute of reception; beyond it senders feel the disk.
	queueLength = 4096
	// batchLength bounds one transaction, so that others get their turn at the connection; what is recorded together is
	// not parted.
	batchLength = 512

	firstPause = 100 * time.Millisecond // after a failed commit, doubled up to
	lastPause  = 5 * time.Second
)

// entry is one thing for the writer: instances of one study, an event, a refusal, a sighting, an association that is over, a file that
// went up, or somebody who waits for all before.
type entry struct {
	instances []Instance // of one study
	event     *Event
	visit     *visit // of event
	refusal   *RefusedInstances
	sighting  *sighting
	released  string // name of an association
	stored    string // path of an instance
	flushed   chan struct{}
}

func (l *Ledger) enqueue(ctx context.Context, e entry) error {
	if l.db.ReadOnly() {
		return errors.New("ledger is open for reading only")
	}
	l.senders.RLock()
	defer l.senders.RUnlock()
	select {
	case <-l.closing:
		return ErrClosed
	default:
	}
	select {
	case l.queue <- e:
		return nil
	case <-l.closing:
		return ErrClosed
	case <-ctx.Done():
		if err := l.Fault(); err != nil {
			return fmt.Errorf("ledger does not keep up: %w", err)
		}
		return fmt.Errorf("ledger does not keep up: %w", ctx.Err())
	}
}

// offer puts something into the queue unless it is full or closed.
func (l *Ledger) offer(e entry) bool {
	l.senders.RLock()
	defer l.senders.RUnlock()
	select {
	case <-l.closing:
		return false
	default:
	}
	select {
	case l.queue <- e:
		return true
	default:
		return false
	}
}

// Flush waits until everything recorded so far is committed.
func (l *Ledger) Flush(ctx context.Context) error {
	flushed := make(chan struct{})
	if err := l.enqueue(ctx, entry{flushed: flushed}); err != nil {
		return err
	}
	select {
	case <-flushed:
		return nil
	case <-l.written:
		select {
		case <-flushed:
			return nil
		default:
			return ErrClosed
		}
	case <-ctx.Done():
		return fmt.Errorf("wait for the ledger: %w", ctx.Err())
	}
}

// writeLoop commits what waits in the queue, as much as there is, in one transaction
// after another: a sync costs the same for one row and for hundreds.
func (l *Ledger) writeLoop() {
	defer close(l.written)
	batch := make([]entry, 0, batchLength)
	for first := range l.queue {
		batch = append(batch[:0], first)
		rows := len(first.instances)
	drain:
		for max(rows, len(batch)) < batchLength {
			select {
			case e, ok := <-l.queue:
				if !ok {
					break drain
				}
				batch = append(batch, e)
				rows += len(e.instances)
			default:
				break drain
			}
		}
		if !l.commitBatch(batch) {
			return
		}
		for _, e := range batch {
			if e.flushed != nil {
				close(e.flushed)
			}
		}
	}
}

// commitBatch tries until the batch is committed; it gives up only when the ledger closes.
// Rows are never dropped for a full disk: the queue fills, and reception slows down and refuses.
func (l *Ledger) commitBatch(batch []entry) bool {
	order(batch)
	pause := firstPause
	for {
		var holds *holding
		err := l.update(context.Background(), func(tx *sql.Tx) error {
			l.mu.Lock()
			holds = &holding{holder: l.holder, fresh: map[Hold]bool{}}
			l.mu.Unlock()
			return l.apply(tx, batch, holds)
		})
		l.mu.Lock()
		news := (err == nil) != (l.fault == nil)
		l.fault = err
		l.mu.Unlock()
		switch {
		case err == nil:
			l.held(holds, batch)
			if news {
				l.log.Info("ledger commits again", "rows", len(batch))
			}
			return true
		case news:
			l.log.Error("ledger cannot commit; instances stay in the inbox, "+
				"reception will be refused when the queue is full: "+l.db.Advice(),
				"ledger", l.db.Name(), "rows", len(batch), "error", err)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-l.closing:
			timer.Stop()
			return false
		}
		pause = min(2*pause, lastPause)
	}
}

// order sorts a batch as transactions take their locks: study by study, then what all share. What is of one study stays in its order.
func order(batch []entry) {
	slices.SortStableFunc(batch, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.study(), b.study()))
	})
}

func (e *entry) rank() int {
	if len(e.instances) > 0 || e.event != nil {
		return 0
	}
	return 1
}

func (e *entry) study() string {
	switch {
	case len(e.instances) > 0:
		return e.instances[0].StudyUID
	case e.event != nil:
		return e.event.StudyUID
	}
	return ""
}

// apply writes an ordered batch.
func (l *Ledger) apply(tx *sql.Tx, batch []entry, holds *holding) error {
	ctx := context.Background()
	seen := map[string]int64{} // when the newest instance that came again came from each calling AE title
	study := ""
	for rest := batch; len(rest) > 0; {
		run := rest[:alike(rest)]
		rest = rest[len(run):]
		var err error
		switch {
		case len(run[0].instances) > 0:
			var instances []*Instance
			for _, e := range run {
				for i := range e.instances {
					instances = append(instances, &e.instances[i])
				}
			}
			if uid := run[0].study(); uid != study {
				study = uid
				err = l.beginStudy(ctx, tx, instances[0])
			}
			if err == nil {
				err = addInstances(ctx, tx, instances, holds, seen)
			}
		case run[0].event != nil:
			err = addEvents(ctx, tx, run)
		}
		if err != nil {
			return err
		}
	}
	if err := holds.release(ctx, tx, batch); err != nil {
		return err
	}
	var stored []string
	for _, e := range batch {
		if e.stored != "" {
			stored = append(stored, e.stored)
		}
	}
	slices.Sort(stored)
	if err := writeStored(ctx, tx, stored); err != nil {
		return err
	}
	return l.applyShared(ctx, tx, batch, seen)
}

func addEvents(ctx context.Context, tx *sql.Tx, run []entry) (err error) {
	events := make([]Event, len(run))
	for i, e := range run {
		events[i] = *e.event
		if e.visit != nil {
			if events[i], err = e.visit.event(ctx, tx, *e.event); err != nil {
				return err
			}
		}
	}
	return insertEvents(ctx, tx, events)
}

// alike is how many entries of an ordered batch, from the first on, are written as one: instances of one study, or events.
func alike(batch []entry) int {
	kind := func(e *entry) [2]bool { return [2]bool{len(e.instances) > 0, e.event != nil} }
	n := slices.IndexFunc(batch, func(e entry) bool {
		return kind(&e) != kind(&batch[0]) || len(e.instances) > 0 && e.study() != batch[0].study()
	})
	if n < 0 {
		return len(batch)
	}
	return n
}

// applyShared writes of an ordered batch what all studies share.
func (l *Ledger) applyShared(ctx context.Context, tx *sql.Tx, batch []entry, seen map[string]int64) error {
	rest := slices.IndexFunc(batch, func(e entry) bool { return e.rank() > 0 })
	if rest < 0 {
		rest = len(batch)
	}
	batch = slices.DeleteFunc(slices.Clone(batch[rest:]), func(e entry) bool { return e.refusal == nil && e.sighting == nil })
	if len(batch) == 0 && len(seen) == 0 {
		return nil
	}
	if err := l.db.LockShared(ctx, tx); err != nil {
		return err
	}
	for caller, at := range seen {
		if err := seeAgain(ctx, tx, caller, at); err != nil {
			return err
		}
	}
	for _, e := range batch {
		var err error
		switch {
		case e.refusal != nil:
			err = insertRefusal(ctx, tx, e.refusal)
		case e.sighting != nil:
			err = insertSighting(ctx, tx, e.sighting)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
