package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// noLimit is the LIMIT of a list that has none: SQLite's own, -1, is an error in PostgreSQL.
const noLimit = 1 << 53

// query collects the rows of one statement. Without rows the list is empty, not nil: what is written as JSON from it is a list.
func query[T any](ctx context.Context, tx *sql.Tx, text string, scan func(*sql.Rows) (T, error), args ...any) ([]T, error) {
	rows, err := tx.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []T{}
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// oneValue reads rows of one column.
func oneValue[T any](rows *sql.Rows) (value T, err error) {
	err = rows.Scan(&value)
	return value, err
}

// countBy runs a statement that answers rows of a word and a number.
func countBy(ctx context.Context, tx *sql.Tx, text string, args ...any) (map[string]int, error) {
	rows, err := tx.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	counts := map[string]int{}
	for rows.Next() {
		var word string
		var n int
		if err := rows.Scan(&word, &n); err != nil {
			return nil, err
		}
		counts[word] = n
	}
	return counts, rows.Err()
}

// newID runs an INSERT and returns the id of the row, or sql.ErrNoRows if a conflict left it out.
func newID(ctx context.Context, tx *sql.Tx, insert string, args ...any) (id int64, err error) {
	err = tx.QueryRowContext(ctx, insert+` RETURNING id`, args...).Scan(&id)
	return id, err
}

// objects is a number of objects in words.
func objects(n int) string {
	if n == 1 {
		return "1 object"
	}
	return fmt.Sprintf("%d objects", n)
}

// ms is how times are stored; the zero time is 0.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// at is the reverse of ms.
func at(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
