package postgres

import (
	"context"
	"database/sql/driver"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// connector opens connections that take the ledger's statements: parameters as ? and ?1, truths as 0 and 1, any string. Statements of the
// job library go through as they are.
type connector struct{ driver.Connector }

// Connect implements driver.Connector.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{inner.(*stdlib.Conn)}, nil
}

func connectorOf(config *pgxpool.Config) driver.Connector {
	return connector{stdlib.GetConnector(*config.ConnConfig, stdlib.OptionBeforeConnect(config.BeforeConnect))}
}

type conn struct{ *stdlib.Conn }

// ExecContext implements driver.ExecerContext.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if !ours(query) {
		return c.Conn.ExecContext(ctx, query, args)
	}
	return c.Conn.ExecContext(ctx, rebind(query), values(args))
}

// QueryContext implements driver.QueryerContext.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if !ours(query) {
		return c.Conn.QueryContext(ctx, query, args)
	}
	return c.Conn.QueryContext(ctx, rebind(query), values(args))
}

// PrepareContext implements driver.ConnPrepareContext.
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if !ours(query) {
		return c.Conn.PrepareContext(ctx, query)
	}
	inner, err := c.Conn.PrepareContext(ctx, rebind(query))
	if err != nil {
		return nil, err
	}
	return &stmt{inner.(*stdlib.Stmt)}, nil
}

type stmt struct{ *stdlib.Stmt }

// ExecContext implements driver.StmtExecContext.
func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.Stmt.ExecContext(ctx, values(args))
}

// QueryContext implements driver.StmtQueryContext.
func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.Stmt.QueryContext(ctx, values(args))
}

// ours tells the ledger's statements from those of the job library, whose parameters are $1, and which begin with their names if they have
// none; a ? is an operator there.
func ours(query string) bool {
	return !strings.Contains(query, "$1") && !strings.HasPrefix(query, "-- name:") && strings.Contains(query, "?")
}

// rebind writes the parameters of a statement as PostgreSQL has them: ? by its place, ?2 by its number. A statement has one or the other.
func rebind(query string) string {
	var b strings.Builder
	next, quoted := 1, false
	for i := 0; i < len(query); i++ {
		switch c := query[i]; {
		case c == '\'':
			quoted = !quoted
			b.WriteByte(c)
		case c != '?' || quoted:
			b.WriteByte(c)
		case i+1 < len(query) && '0' <= query[i+1] && query[i+1] <= '9':
			b.WriteByte('$')
		default:
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(next))
			next++
		}
	}
	return b.String()
}

// values are the arguments of a statement as the columns take them.
func values(args []driver.NamedValue) []driver.NamedValue {
	for i, a := range args {
		switch v := a.Value.(type) {
		case bool:
			args[i].Value = int64(0)
			if v {
				args[i].Value = int64(1)
			}
		case string:
			args[i].Value = Clean(v)
		}
	}
	return args
}

// Clean takes out of a string what PostgreSQL does not hold: bytes that are no UTF-8, and NUL. One such title of a peer would keep all rows
// of its batch from being written, for ever.
func Clean(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
