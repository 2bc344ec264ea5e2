package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"jcsnode/guard"
)

// Hold is an open association that has stored into a study, which is not complete before it ends.
type Hold struct {
	StudyUID    string
	Association string
	Since       time.Time
}

// holder knows under which incarnation this process holds studies, and which rows it has for that.
type holder struct {
	incarnation string
	rows        map[Hold]bool // without their times
}

// Release ends the holds of an association: those of what was recorded before. It does not wait.
func (l *Ledger) Release(association string) {
	e := entry{released: association}
	if l.offer(e) {
		return
	}
	go func() {
		err := guard.Call(func() error { return l.enqueue(context.Background(), e) })
		if err != nil && !errors.Is(err, ErrClosed) { // the next start frees what this one held
			l.log.Error("studies stay held until the node is started again", "association", association, "error", err)
		}
	}()
}

// HoldAgain has this process hold studies under another incarnation, since its last one is dead for the others. What is written from now
// on is under the new one; then open is asked for what the open associations hold, which is written again. It comes before anything else
// that a node does that has joined again.
func (l *Ledger) HoldAgain(ctx context.Context, incarnation string, open func() []Hold) error {
	l.mu.Lock()
	l.holder = holder{incarnation: incarnation}
	l.mu.Unlock()
	err := l.Flush(ctx)
	if err == nil {
		all := open()
		slices.SortFunc(all, func(a, b Hold) int {
			return cmp.Or(cmp.Compare(a.StudyUID, b.StudyUID), cmp.Compare(a.Association, b.Association))
		})
		err = l.update(ctx, func(tx *sql.Tx) error { return l.holdAll(ctx, tx, all, incarnation) })
		for _, h := range all { // what has ended since may have been released before it was written
			if !slices.ContainsFunc(open(), func(o Hold) bool { return o.Association == h.Association }) {
				l.Release(h.Association)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("hold studies again: %w", err)
	}
	return nil
}

func (l *Ledger) holdAll(ctx context.Context, tx *sql.Tx, all []Hold, incarnation string) error {
	for _, h := range all {
		if _, err := l.db.Lock(ctx, tx, h.StudyUID); err != nil {
			return err
		}
		if err := insertHold(ctx, tx, h, incarnation); err != nil {
			return err
		}
	}
	return nil
}

func insertHold(ctx context.Context, tx *sql.Tx, h Hold, incarnation string) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO hold (study_uid, association, incarnation, since)
		VALUES (?, ?, ?, ?)
		ON CONFLICT (study_uid, association) DO UPDATE SET incarnation = excluded.incarnation`,
		h.StudyUID, h.Association, incarnation, ms(h.Since))
	if err != nil {
		return fmt.Errorf("hold study %s: %w", h.StudyUID, err)
	}
	return nil
}

// Holders are the incarnations that hold studies.
func (l *Ledger) Holders(ctx context.Context) (incarnations []string, err error) {
	err = l.view(ctx, func(tx *sql.Tx) error {
		incarnations, err = query(ctx, tx, `SELECT DISTINCT incarnation FROM hold ORDER BY incarnation`, oneValue[string])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list who holds studies: %w", err)
	}
	return incarnations, nil
}

// FreeHolds ends the holds of incarnations that are dead: their associations are over.
func (l *Ledger) FreeHolds(ctx context.Context, dead ...string) error {
	err := l.update(ctx, func(tx *sql.Tx) error {
		return execIn(ctx, tx, `DELETE FROM hold WHERE incarnation IN`, dead)
	})
	if err != nil {
		return fmt.Errorf("free what dead nodes hold: %w", err)
	}
	return nil
}

// freeAll is for a process that has the ledger for itself: whoever held a study before is dead.
func (l *Ledger) freeAll(ctx context.Context) error {
	return l.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM hold`)
		return err
	})
}

// holding is what a batch changes of the holds.
type holding struct {
	holder
	fresh map[Hold]bool
}

// hold holds the study of an instance, in the transaction that writes that, unless it is held already.
func (h *holding) hold(ctx context.Context, tx *sql.Tx, i *Instance) error {
	key := Hold{StudyUID: i.StudyUID, Association: i.Association}
	if !i.Holds || h.rows[key] || h.fresh[key] {
		return nil
	}
	h.fresh[key] = true
	key.Since = i.ReceivedAt
	return insertHold(ctx, tx, key, h.incarnation)
}

// release ends the holds of associations that are over.
func (h *holding) release(ctx context.Context, tx *sql.Tx, batch []entry) error {
	for _, e := range batch {
		if e.released == "" {
			continue
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM hold WHERE association = ?`, e.released); err != nil {
			return fmt.Errorf("free what association %s held: %w", e.released, err)
		}
	}
	return nil
}

// held remembers what a batch has written of the holds, unless they are under another incarnation since.
func (l *Ledger) held(h *holding, batch []entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h.incarnation != l.holder.incarnation {
		return
	}
	if l.holder.rows == nil {
		l.holder.rows = map[Hold]bool{}
	}
	for key := range h.fresh {
		l.holder.rows[key] = true
	}
	for _, e := range batch {
		if e.released == "" {
			continue
		}
		for key := range l.holder.rows {
			if key.Association == e.released {
				delete(l.holder.rows, key)
			}
		}
	}
}
