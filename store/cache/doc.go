// Package cache keeps files of a store that is far away in a folder of this machine, as many as a limit allows; those that nobody read for
// longest go first.
//
// Who reads the beginning of a file gets it from the store, and nothing is kept; who reads on has the whole file fetched, once for all who
// read it. The store vouches for what it gives, and nothing else comes into the folder: it is emptied when it is opened, so that what a
// power cut left half written is never read. A folder that cannot take a file makes reading slower and not impossible.
package cache
