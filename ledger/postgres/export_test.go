package postgres

import "database/sql"

// For tests.
var (
	Rebind = rebind
	Clean  = clean
	Again  = again
)

// Pool are the connections.
func (d *Database) Pool() *sql.DB { return d.db }
