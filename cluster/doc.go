// Package cluster is a node's life among others that share a PostgreSQL server.
//
// A Member has one session with the server, apart from any pool, and in it the lock of its ID: nobody else lives under that. Its life is
// made of incarnations. One ends when its session does, or when the member has not reached the server for the bound: then the contexts of
// whatever it does end, and when all of that has returned it begins anew under another name. Locks that the incarnation holds (Hold) end
// with it.
//
// It promises that of all members one holds a lock, and that who gets it begins only when whoever had it before has found out that it is
// lost, even if the two cannot reach each other: the new one waits for the bound. That asks of their clocks that they run equally fast.
// What a member does to the outside world it asks Fenced for before each step: a process that was stopped and goes on does not know yet
// what its clock can tell. docs/cluster.md says what follows from that, and cluster/model tries it.
//
// A member has the server's time, too (Now), whatever the clock of its machine says: what several members compare is of one clock. How far
// that of the machine is off, Ahead tells.
//
// Alone is the only node of a ledger that no other can share. The room must know neither ledger nor jobs, nor what its locks are for.
//
// Advisory locks are those of a session: between member and server there must be no pooler that hands sessions around (PgBouncer in its
// mode "transaction").
package cluster
