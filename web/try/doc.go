// Package try takes in studies that people give to the page to see what the node would say of them, has them read one after the other, and
// forgets them.
//
// It promises that what comes in stays in a folder of its own, within limits on bytes, files and number, under names of its own making;
// that a zip can neither write elsewhere nor grow beyond its limit; that nobody else sees what somebody gave; and that all of it is removed
// when its time is over, when it is asked for, and at the end of Run; Clear is for the start. It knows no ledger and no destination.
package try
