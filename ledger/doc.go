// Package ledger is what the node knows, as values and as questions over a database: instances, studies
// and their revisions, findings, objects, deliveries, notifications, events, and the jobs that
// work on them.
//
// It promises that every state change and its event, the job that the change makes
// necessary, and who has to be told of it, are committed together; that a job interrupted by a crash runs
// again; and that a job that keeps failing ends as a study with a reason, not as a
// silence. Instance rows are written in batches by one goroutine: they may be lost
// by a crash, and are rebuilt from the inbox.
//
// The database is opened by an engine ([Database]); sqlite is the one there is. update and view are the only doors to transactions. What is
// promised stands in ledgertest, which every engine must pass.
//
// It must not know what a DICOM element or an association is: it is told. Nor does it know a driver.
// Times are UTC, milliseconds.
package ledger
