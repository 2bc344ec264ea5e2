package transfer

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strings"

	"jcsnode/ledger/postgres"
)

// table is one of the ledger's in PostgreSQL.
type table struct {
	name    string
	columns []string
	counted string   // column that the database numbers by itself, "" for none
	after   []string // tables whose rows its rows name
}

// local are tables whose rows say how the processes on one ledger are: of no use to those on another. Nor is what is counted beside the
// counters: a file has none of it, and an empty ledger nothing.
var local = []string{"node", "hold", "tally"}

// tablesOf gives the tables of the ledger, each after those that it names.
func tablesOf(ctx context.Context, tx *sql.Tx) ([]table, error) {
	known := map[string]*table{}
	err := each(ctx, tx, `
		SELECT c.table_name, c.column_name, c.is_identity
		FROM information_schema.columns c
		JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
		WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND c.table_name NOT LIKE 'river%'
			AND c.table_name <> 'ledger_version'
		ORDER BY c.table_name, c.ordinal_position`, 3, func(v []string) {
		if slices.Contains(local, v[0]) {
			return
		}
		if known[v[0]] == nil {
			known[v[0]] = &table{name: v[0]}
		}
		t := known[v[0]]
		t.columns = append(t.columns, v[1])
		if v[2] == "YES" {
			t.counted = v[1]
		}
	})
	if err != nil {
		return nil, err
	}
	err = each(ctx, tx, `
		SELECT a.relname, b.relname
		FROM pg_constraint k
		JOIN pg_class a ON a.oid = k.conrelid
		JOIN pg_class b ON b.oid = k.confrelid
		WHERE k.contype = 'f' AND k.connamespace = current_schema()::regnamespace`, 2, func(v []string) {
		if t := known[v[0]]; t != nil && v[0] != v[1] {
			t.after = append(t.after, v[1])
		}
	})
	if err != nil {
		return nil, err
	}
	return inOrder(known)
}

// inOrder puts tables behind those that they name.
func inOrder(known map[string]*table) ([]table, error) {
	var all []table
	var names []string
	for len(all) < len(known) {
		before := len(all)
		for name, t := range known {
			missing := func(other string) bool { return known[other] != nil && !slices.Contains(names, other) }
			if !slices.Contains(names, name) && !slices.ContainsFunc(t.after, missing) {
				all, names = append(all, *t), append(names, name)
			}
		}
		if len(all) == before {
			return nil, fmt.Errorf("the tables beside %s name each other in a circle", strings.Join(names, ", "))
		}
	}
	return all, nil
}

// each calls f with the rows that a query answers.
func each(ctx context.Context, tx *sql.Tx, query string, columns int, f func(values []string)) error {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	values, places := make([]string, columns), make([]any, columns)
	for i := range values {
		places[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(places...); err != nil {
			return err
		}
		f(values)
	}
	return rows.Err()
}

// read calls f with every row of the table, its values as int64 or string, as PostgreSQL has them.
func (t table) read(ctx context.Context, tx *sql.Tx, f func(row []any) error) error {
	rows, err := tx.QueryContext(ctx, `SELECT `+strings.Join(t.columns, ", ")+` FROM `+t.name)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		row, places := make([]any, len(t.columns)), make([]any, len(t.columns))
		for i := range row {
			places[i] = &row[i]
		}
		if err := rows.Scan(places...); err != nil {
			return err
		}
		for i, v := range row {
			switch v := v.(type) {
			case int64:
			case string:
				row[i] = postgres.Clean(v)
			case []byte:
				row[i] = postgres.Clean(string(v))
			default:
				return fmt.Errorf("%s.%s holds a %T", t.name, t.columns[i], v)
			}
		}
		if err := f(row); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Count is how many rows a table has, and what stands for their contents whatever their order.
type Count struct {
	Rows   int
	Digest string
}

// count reads the whole table.
func (t table) count(ctx context.Context, tx *sql.Tx) (Count, error) {
	var s sum
	err := t.read(ctx, tx, func(row []any) error { s.add(row); return nil })
	return s.count(), err
}

// sum adds up the digests of rows.
type sum struct {
	rows  int
	parts [4]uint64
}

func (s *sum) add(row []any) {
	h := sha256.New()
	for _, v := range row {
		write(h, v)
	}
	d := h.Sum(nil)
	for i := range s.parts {
		s.parts[i] += binary.BigEndian.Uint64(d[8*i:])
	}
	s.rows++
}

// write writes a value such that no two rows look the same.
func write(h hash.Hash, v any) {
	text := fmt.Sprint(v)
	fmt.Fprintf(h, "%T %d ", v, len(text))
	h.Write([]byte(text))
}

func (s *sum) count() Count {
	var d []byte
	for _, p := range s.parts {
		d = binary.BigEndian.AppendUint64(d, p)
	}
	return Count{Rows: s.rows, Digest: hex.EncodeToString(d)}
}
