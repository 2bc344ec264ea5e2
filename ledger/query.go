package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"math/bits"
	"slices"
	"strings"
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

// mostAtATime bounds the rows and values of one statement.
const mostAtATime = 128

// pieces cuts a list into pieces of few lengths: the statements for these are soon known to the engine.
func pieces[T any](all []T) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		for rest := all; len(rest) > 0; {
			n := min(1<<(bits.Len(uint(len(rest)))-1), mostAtATime)
			if !yield(rest[:n]) {
				return
			}
			rest = rest[n:]
		}
	}
}

// places are those of parameters: (?, ?, ?).
func places(n int) string { return "(" + strings.Repeat("?, ", n-1) + "?)" }

// insertRows runs an INSERT without its VALUES for many rows.
func insertRows(ctx context.Context, tx *sql.Tx, insert string, rows [][]any) error {
	for piece := range pieces(rows) {
		one := places(len(piece[0]))
		text := insert + ` VALUES ` + strings.Repeat(one+", ", len(piece)-1) + one
		if _, err := tx.ExecContext(ctx, text, slices.Concat(piece...)...); err != nil {
			return err
		}
	}
	return nil
}

// execIn runs a statement that ends with IN for many values; args come before them.
func execIn[T any](ctx context.Context, tx *sql.Tx, text string, values []T, args ...any) error {
	for piece := range pieces(values) {
		if _, err := tx.ExecContext(ctx, text+` `+places(len(piece)), slices.Concat(args, anys(piece))...); err != nil {
			return err
		}
	}
	return nil
}

// queryIn collects the rows of a query that ends with IN for many values; args come before them.
func queryIn[T, V any](
	ctx context.Context, tx *sql.Tx, text string, scan func(*sql.Rows) (T, error), values []V, args ...any,
) (all []T, err error) {
	for piece := range pieces(values) {
		some, err := query(ctx, tx, text+` `+places(len(piece)), scan, slices.Concat(args, anys(piece))...)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

func anys[T any](values []T) []any {
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = v
	}
	return all
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
