// Package scp is the front door: who may come in and with what (Admit, Accept), and the
// durable reception of instances (Door, Inbox).
//
// It promises that a C-STORE is answered with success only when bytes and name of the
// instance are on disk; that the same bytes are stored once and other bytes under the
// same UID beside them; that no byte of a data set becomes part of a path; and that what
// the ledger lost in a crash comes back from the inbox. Rows of the ledger are queued
// before the answer, and committed after it. Storage commitment ([CommitmentSCP]) tells what is
// true: it asks the ledger after everything queued is committed.
//
// The services are those of PS3.4 annex A (verification), annex B (storage) and annex J (storage
// commitment), as SCP.
package scp
