package jobs

import (
	"context"
	"database/sql"
	"fmt"
)

// Hurry has the jobs in somebody's queue of a kind run now that sleep until later.
func (j *Jobs) Hurry(ctx context.Context, kind, who string) error {
	err := j.opt.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			UPDATE river_job
			SET state = 'available', scheduled_at = `+j.opt.Dialect.sooner+`
			WHERE kind = ? AND queue = ? AND state IN `+sleeping, kind, queueOf(kind, who))
		return err
	})
	if err != nil {
		return fmt.Errorf("hurry the %s jobs of %s: %w", kind, who, err)
	}
	return nil
}
