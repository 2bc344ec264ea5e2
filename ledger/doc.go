// Package ledger keeps what the node knows, in one SQLite file: instances, studies
// and their revisions, findings, objects, deliveries, notifications, events, and the jobs that
// work on them. It is the only package with SQL.
//
// It promises that every state change and its event, the job that the change makes
// necessary, and who has to be told of it, are committed together; that a job interrupted by a crash runs
// again; and that a job that keeps failing ends as a study with a reason, not as a
// silence. Instance rows are written in batches by one goroutine: they may be lost
// by a crash, and are rebuilt from the inbox.
//
// It must not know what a DICOM element or an association is: it is told.
// Times are UTC, milliseconds.
package ledger
