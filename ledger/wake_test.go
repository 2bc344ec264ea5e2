package ledger

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"
)

// Jobs that a clock ahead sent to sleep for months are woken; those that sleep as long as jobs do are not.
func TestWakeSleepers(t *testing.T) {
	ctx := t.Context()
	l := openTest(t, filepath.Join(t.TempDir(), "ledger.db"), Options{})
	for kind, waits := range map[string]map[string]bool{
		deliverArgs{}.Kind(): {"+1463 hours": true, "+30 minutes": false},
		confirmArgs{}.Kind(): {"+1463 hours": true, "+23 hours": false},
		notifyArgs{}.Kind():  {"+1463 hours": true, "+5 hours": false},
		processArgs{}.Kind(): {"+1463 hours": true, "+15 minutes": false},
	} {
		for wait, woken := range waits {
			var id int64
			err := l.update(ctx, func(tx *sql.Tx) error {
				if err := l.enqueueDeliver(ctx, tx, int64(len(wait)), wait+kind); err != nil {
					return err
				}
				return tx.QueryRowContext(ctx, `UPDATE river_job SET kind = ?, state = 'scheduled', scheduled_at = datetime('now', 'subsec', ?)
					WHERE id = (SELECT max(id) FROM river_job) RETURNING id`, kind, wait).Scan(&id)
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := l.wakeSleepers(ctx); err != nil {
				t.Fatal(err)
			}
			var left float64
			err = l.view(ctx, func(tx *sql.Tx) error {
				return tx.QueryRowContext(ctx, `SELECT unixepoch(scheduled_at) - unixepoch('now') FROM river_job WHERE id = ?`, id).Scan(&left)
			})
			if err != nil || (left < 60) != woken {
				t.Errorf("%s, %s: sleeps for %v, %v; want woken %v", kind, wait, time.Duration(left)*time.Second, err, woken)
			}
		}
	}
}
