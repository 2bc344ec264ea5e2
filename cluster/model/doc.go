// Package model looks at every order in which the steps of several nodes and their faults can follow each other, and says whether anything
// that we promise breaks: no object goes out twice in a way that turns revisions round, none that was withdrawn, no instance that was
// answered stays unread, no study is settled while a door holds it. Each fence is a switch: without it, the same search must find how the
// promise breaks, or the fence is of no use.
//
// Two worlds share the lives of nodes (life.go): Delivery, one destination from the lock on it to the objects in the PACS; and Doors, one
// study that comes through two doors until it is read. docs/cluster.md says what they leave out. Nothing of the program knows this room;
// the program's code names the fences as they are named here.
package model
