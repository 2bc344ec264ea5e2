package dataset

import (
	"errors"
	"io"
)

// Walk shows every element, item and fragment of the data set in r to visit, in the
// order in which they lie there, each before its value is passed. r holds the data
// set alone (no file meta information), encoded as ts says. Values are passed over by
// seeking where r is an io.Seeker. Delimiters and group 0000 to 0002 have no special
// place: what ends is told by Element.Depth. In implicit VR a sequence of stated
// length is looked into only when its tag is in the dictionary of this package.
//
// Walk returns nil when the data set is whole and when visit returns ErrStop, visit's
// error as it is, and otherwise an *Error; errors.Is knows ErrTruncated and ErrLimit.
func Walk(r io.Reader, ts TransferSyntax, lim Limits, visit func(Element) error) error {
	lim = lim.filled()
	src := &source{r: r, size: -1}
	if ts.Deflated {
		src.r = newInflater(r, lim)
	} else if sk, ok := r.(io.Seeker); ok {
		if start, size, err := seekable(sk); err == nil {
			src.size = size
			src.seek = func(off int64) error {
				_, err := sk.Seek(start+off, io.SeekStart)
				return err
			}
		}
	}
	s := &scanner{src: src, lim: lim, visit: visit}
	err := s.elements(extent{end: src.size}, layout{ts.Explicit, ts.BigEndian}, 0)
	if errors.Is(err, ErrStop) {
		return nil
	}
	return err
}

// seekable tells where sk stands and how many bytes are left.
func seekable(sk io.Seeker) (start, left int64, err error) {
	if start, err = sk.Seek(0, io.SeekCurrent); err != nil {
		return 0, 0, err
	}
	end, err := sk.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, 0, err
	}
	_, err = sk.Seek(start, io.SeekStart)
	return start, end - start, err
}
