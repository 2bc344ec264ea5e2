// Package deliver sends our objects to a destination and says what became of each.
//
// Send is one attempt, over one association or several beside each other. It decides nothing about time: each Outcome carries the
// class of retry that the answer deserves (docs/delivery.md has what follows), and Retry.Policy turns class, number of attempts and age
// into a delay. An object counts as sent when the peer's response for that very instance says so, and by nothing else.
//
// The room knows dimse for the network and object for re-encoding; the ledger's rows are the caller's.
package deliver
