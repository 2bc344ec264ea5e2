// Package ledgertest is what a ledger promises, as tests that every engine must pass, and help for tests of rooms that use a ledger.
//
// [Run] runs them against an [Engine]. The test binary calls [Child] first: some promises are about a process that is killed.
package ledgertest
