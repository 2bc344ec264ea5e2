// Package jobs keeps jobs in the ledger's database and runs them, by River. A job has a kind and a key; what the kind means is known to the
// callbacks alone.
//
// It promises that a job is committed with the transaction that makes it necessary; that at most one job of a kind and key waits;
// that no two of a lane run at once; and that what a killed process left running is set back before anything else runs.
// It must not know the tables of the ledger.
package jobs
