// Package sqlite is the ledger's engine on one SQLite file: how it is opened, made durable, locked, migrated and checked, and what its
// errors mean to an operator. It is the only package that knows the driver.
//
// It promises that a commit is on the disk when Update returns, that readers never wait for the writer, and that one process alone works on
// a ledger. It must not know what the tables mean.
package sqlite
