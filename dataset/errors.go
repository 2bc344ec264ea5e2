package dataset

import (
	"errors"
	"fmt"
)

// Causes that a caller may want to tell apart, by errors.Is.
var (
	// ErrTruncated: the data set ends inside an element, an item or a sequence.
	ErrTruncated = errors.New("data set is cut short")
	// ErrLimit: the data set exceeds one of the Limits.
	ErrLimit = errors.New("data set exceeds a limit")
	// ErrNotDICOM: neither a Part 10 file nor recognisable as a bare data set.
	ErrNotDICOM = errors.New("not a DICOM file")
	// ErrAbsent: the element is absent or empty.
	ErrAbsent = errors.New("element is absent or empty")
)

// ErrStop ends a walk early when a visitor returns it; Walk then returns nil. It is a
// signal, like fs.SkipAll, not a failure.
var ErrStop = errors.New("stop the walk")

// Error says where a data set cannot be read and why.
type Error struct {
	Offset int64 // byte of the stream (after inflating, for deflated data sets)
	Tag    Tag   // element concerned, 0 if none is known
	Err    error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Tag == 0 {
		return fmt.Sprintf("byte %d: %v", e.Offset, e.Err)
	}
	return fmt.Sprintf("element %v at byte %d: %v", e.Tag, e.Offset, e.Err)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }
