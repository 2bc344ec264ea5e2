// Package commitment writes and reads the data sets of storage commitment, push model (PS3.4 annex J.3): the request of an N-ACTION
// and the report of an N-EVENT-REPORT. Its functions are over values; who asks whom, and what is true, is for the rooms that keep the
// associations and the ledger.
package commitment
