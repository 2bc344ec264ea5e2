// Package cluster measures several nodes on one PostgreSQL server and one object store: how reading grows with the number of readers, what
// a door takes with the ledger in a database and in a file, and what a study leaves in the database. Everything runs on one machine, so
// the networks of the readers sleep instead of calculating: what is measured is all the rest.
//
//	JCSNODE_BENCH=1 go test -count=1 -v ./bench/cluster     # minutes
//
// docs/scale.md has the results.
package cluster
