package ledgertest

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// FindsWaitingJob has thousands of jobs wait, and wants the one of a key to be found by the index. key writes a text as the column has it,
// explain a statement whose answer says how another one is done.
func FindsWaitingJob(t *testing.T, db *sql.DB, update func(ctx context.Context, f func(tx *sql.Tx) error) error,
	key, explain string,
) {
	t.Helper()
	const waiting = 10000
	ctx := t.Context()
	exec := func(text string) {
		Must(t, update(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, text)
			return err
		}))
	}
	exec(fmt.Sprintf(`
		WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO river_job (kind, args, max_attempts, priority, queue, state)
		SELECT 'process', %s, 4, 1, 'process', 'available' FROM n`,
		waiting, strings.ReplaceAll(key, "?", `'{"revision_id":' || (i + 100000) || '}'`)))
	which := `WHERE kind = 'process' AND args = ` + strings.ReplaceAll(key, "?", `'{"revision_id":1}'`) +
		` AND state IN ('available', 'scheduled', 'retryable')`
	plan := strings.Join(Rows(t, db, explain+` UPDATE river_job SET state = 'available' `+which), "\n")
	// SQLite and PostgreSQL: that the index is used is not enough, it is to be asked for the key.
	if !regexp.MustCompile(`river_job_key \(kind=\? AND args=\?\)|river_job_key[^|]*\n *Index Cond: .*args`).MatchString(plan) {
		t.Errorf("it is looked for otherwise:\n%s", plan)
	}
	each := func() (spent time.Duration) {
		const studies = 100
		Must(t, update(ctx, func(tx *sql.Tx) error {
			began := time.Now()
			for range studies {
				if _, err := tx.ExecContext(ctx, `UPDATE river_job SET state = 'available' `+which); err != nil {
					return err
				}
			}
			spent = time.Since(began) / studies
			return nil
		}))
		return spent
	}
	with := each()
	exec(`DROP INDEX river_job_key`)
	t.Logf("among %d jobs that wait one is found in %v, without the index in %v", waiting, with, each())
}

// FindsTriedRequests wants the question whether a request for storage commitment was tried a moment ago to cost the same however many were
// made.
func FindsTriedRequests(t *testing.T, db *sql.DB, explain string) {
	t.Helper()
	plan := strings.Join(Rows(t, db, explain+`
		SELECT id
		FROM confirmation
		WHERE state = 'waiting' AND destination = 'PACS' AND (
			next_at <= 1
			OR attempts > 0 AND NOT EXISTS (
				SELECT 1
				FROM confirmation_transaction t
				WHERE t.confirmation_id = confirmation.id AND t.at > 2))
		ORDER BY next_at, id
		LIMIT 3`), "\n")
	// SQLite and PostgreSQL, as above.
	asked := regexp.MustCompile(
		`confirmation_tried \(confirmation_id=\? AND at>\?\)|confirmation_tried[^|]*\n *Index Cond: .*confirmation.id`)
	if !asked.MatchString(plan) {
		t.Errorf("it is looked for otherwise:\n%s", plan)
	}
}
