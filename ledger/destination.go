package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// answers says that the outcome tells how the destination is.
func (o DeliveryOutcome) answers() bool {
	return o.State == DeliverySent || o.Trouble != "" || o.State == DeliveryFailed
}

// answered keeps what a destination did last. What a peer adds to its answer may name a patient and stays with the delivery.
func answered(ctx context.Context, tx *sql.Tx, destination string, o DeliveryOutcome, now time.Time) error {
	answer := o.Detail
	if o.Status != "" {
		answer = "answered " + o.Status
	}
	var err error
	if o.State == DeliverySent {
		_, err = tx.ExecContext(ctx, `
			INSERT INTO destination (name, sent_at, answer)
			VALUES (?1, ?2, ?3)
			ON CONFLICT (name) DO UPDATE
			SET sent_at = ?2, answer = ?3, trouble_since = 0`, destination, ms(now), answer)
	} else {
		_, err = tx.ExecContext(ctx, `
			INSERT INTO destination (name, failed_at, answer, trouble_since)
			VALUES (?1, ?2, ?3, ?2)
			ON CONFLICT (name) DO UPDATE
			SET failed_at = ?2, answer = ?3,
				trouble_since = CASE destination.trouble_since WHEN 0 THEN ?2 ELSE destination.trouble_since END`,
			destination, ms(now), answer)
	}
	if err != nil {
		return fmt.Errorf("note what %s answered: %w", destination, err)
	}
	return nil
}
