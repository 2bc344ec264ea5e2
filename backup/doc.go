// Package backup copies what a node holds (its ledger and its files) while it runs, and puts it back into an empty data_dir.
//
// It promises that a backup that is complete is marked so, last of all; that no file in it changes when the node's own does; and that a
// restored data_dir is compared with its ledger, both ways. What the files mean it does not know.
package backup
