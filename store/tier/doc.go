// Package tier puts a local disk in front of a store that is far away. What is committed under certain folders is durable here when Commit
// returns, as it always was, and goes up afterwards: an answer to a scanner must not rest on a service that may be away, or that says
// yes before it has synced. Everything else goes up before Commit returns, or waits here too while the store is away, where it may.
//
// How the store is, Waiting tells: by what goes up, and by what it answered while somebody waited; then it is asked until it takes a file.
//
// A file that went up is read back whole and compared before it goes here; what waits is what lies here, so a restart needs no list. Files
// that are here are read from here, others from there. A node that was on its own disk before thus moves its files by itself.
package tier
