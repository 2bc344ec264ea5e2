// Package node makes the running program of a configuration: it wires every part, starts them, and stops them in order.
//
// It promises that a node holds the only lock of its ledger before it changes anything; that what a crash left is recovered before a port
// is open; and that at the end associations drain before the parts below them close. What the configuration says is put into the words of
// each part here and nowhere else. It decides nothing: who may come in, what is made and where it goes stand in the rooms that it wires.
package node
