package jobs

import (
	"context"
	"database/sql"
)

// WakeSleepers is what the running jobs do now and then.
func (j *Jobs) WakeSleepers(ctx context.Context, tx *sql.Tx, kinds []Kind) error {
	return j.wakeSleepers(ctx, tx, kinds)
}
