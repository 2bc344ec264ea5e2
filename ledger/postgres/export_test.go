package postgres

import "database/sql"

// For tests.
var (
	Rebind = rebind
	Again  = again
)

// Pool are the connections.
func (d *Database) Pool() *sql.DB { return d.db }
