// Package web is the page for people: what the node does, its studies and their results, and what an operator may have done about them.
//
// It reads the views of room status and nothing else of the ledger, so that it cannot disagree with the command line. It promises that
// whatever a scanner wrote stays text, that nothing is shown before web/access said who asks, that a request of another site changes
// nothing, and that pages work without scripts, save for live updates and the scroller.
package web
