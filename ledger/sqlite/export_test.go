package sqlite

import "database/sql"

// For tests that look at the file itself.
var (
	Migrations  = migrations
	UserVersion = userVersion
)

// Writer is the connection that writes.
func (d *Database) Writer() *sql.DB { return d.write }

// Reader are the connections that read.
func (d *Database) Reader() *sql.DB { return d.read }

// OpenPool opens a file for writing, whatever is in it.
func OpenPool(path string) (*sql.DB, error) { return openPool(path, writing, 1) }
