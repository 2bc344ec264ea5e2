// Package postgres is the ledger's database in PostgreSQL, for several nodes: opening, locks, migrations, errors, and the little by which
// its SQL differs from SQLite's. It alone knows its driver. It knows nothing of what the tables mean, save that what is of one study is
// changed under the lock of the study's row.
//
// A transaction takes locks in one order: studies by their UIDs (Lock), then whatever belongs to them, then what all share (LockShared); so
// no two wait for each other. Where it happens all the same, the later one is undone and runs again.
package postgres
