// Package transfer moves the rows of a ledger from a file of SQLite into a database of PostgreSQL.
//
// It promises that all of them get there or none, in one transaction, whenever the program ends; that what is there afterwards has been
// read back and compared, table by table; and that the file stays as it is. A database that holds another ledger is refused. What the
// tables mean it does not know: it asks the database for them.
package transfer
