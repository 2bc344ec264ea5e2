// Package migrate copies the files of one store into another, which may be far away.
//
// It promises that nothing is counted as copied that was not read back from the other store and found equal, by SHA-256; that what is there
// already, from a run that was killed, is compared and not written again; and that the first store stays as it is. What the files mean it
// does not know.
package migrate
