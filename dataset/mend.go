package dataset

import (
	"errors"
	"fmt"
	"io"
)

// Fault is a place where a data set is not well-formed. What lies there is kept as it came, and may be unreadable.
type Fault struct {
	Tag    Tag // element concerned, 0 if none is known
	Offset int64
	Text   string // of a sentence that begins with the place
}

// maxFaults are kept; the rest is counted.
const maxFaults = 16

// errDeep is ErrLimit for a sequence that is too deep inside others.
var errDeep = fmt.Errorf("deeper than is read: %w", ErrLimit)

// mender makes a walk go on behind what is not well-formed, where it is clear how: scanners and archives write such data sets, and an
// element that nobody needs must not cost the instance. What is cut, or exceeds a limit, stays an error.
type mender struct {
	at     io.ReaderAt // the stream again, to look ahead; nil: not further than the buffer
	faults []Fault

	resumes, trials, doubts int
	sure                    bool // the rest was walked already
	damaged                 bool // a fault is worse than a remark
	trial                   bool // this walk only finds out whether a place is the right one
}

// note keeps a fault behind which it is not certain any more where the walk stands.
func (m *mender) note(err error) {
	m.damaged = true
	m.remark(err)
}

// remark keeps a fault that leads nobody astray.
func (m *mender) remark(err error) {
	var e *Error
	if len(m.faults) < maxFaults && errors.As(err, &e) {
		m.faults = append(m.faults, Fault{e.Tag, e.Offset, e.Err.Error()})
	}
}

// structural says that an error is one of form within bytes that are there.
func structural(err error) bool {
	var m malformed
	return errors.As(err, &m) || errors.Is(err, ErrTruncated) || errors.Is(err, errDeep)
}

// within passes over the rest of a sequence or item of stated length that is not well-formed inside, unless the top level goes on there:
// then it is the length that is wrong.
func (s *scanner) within(e Element, in extent, enc layout, err error) error {
	if err == nil || s.mend == nil || in.delimited || !structural(err) {
		return err
	}
	s.mend.note(err)
	if e.Depth == 0 && s.goesOn(e, in.end, enc) {
		return nil
	}
	if err := s.src.skip(in.end - s.src.offset()); err != nil {
		return s.fail(e.Tag, e.Offset, err)
	}
	return nil
}

// ended says that a level without its delimiter ends with what encloses it.
func (s *scanner) ended(x extent, at int64) bool {
	if s.mend == nil || x.end == s.src.size {
		return false
	}
	s.mend.note(s.wrong(0, at, "delimiter is missing"))
	return true
}

// delimiter passes the delimiter that ends a level. Its length is 0 (PS3.5 7.5.2); nothing follows another one.
func (s *scanner) delimiter(tag Tag, b []byte, enc layout) error {
	if s.mend != nil && length32(b[4:], enc) != 0 {
		s.mend.remark(s.wrong(tag, s.src.offset(), "delimiter has a length"))
	}
	return s.src.skip(8)
}

// stray is about an item or delimiter among elements: one too many is passed, one that ends the enclosing item ends it.
func (s *scanner) stray(tag Tag, x extent, depth int, afterSequence bool) (over bool, err error) {
	at := s.src.offset()
	err = s.wrong(tag, at, "item or delimiter outside of a sequence")
	if s.mend == nil {
		return false, err
	}
	if x.delimited && depth > 0 && (tag == Item || tag == SequenceDelimitation && !afterSequence) {
		s.mend.note(s.wrong(tag, at, "item delimiter is missing"))
		return true, nil
	}
	if tag == Item || s.mend.trial && depth == 0 {
		return false, err
	}
	s.mend.remark(s.wrong(tag, at, "surplus delimiter"))
	return false, s.src.skip(8)
}

// itemLayout finds out how the elements of the next item are written: as the data set is, and in UN of undefined length as implicit VR
// little endian (PS3.5 6.2.2), unless the first of them is clearly written in the other way.
func (s *scanner) itemLayout(sq Element, enc layout) (layout, error) {
	if s.mend == nil || enc.big {
		return enc, nil
	}
	b, err := s.src.peek(8)
	if err != nil {
		return enc, s.fail(sq.Tag, s.src.offset(), err)
	}
	if len(b) < 8 || tagAt(b, enc).Group() == 0xFFFE {
		return enc, nil
	}
	vr, known := vrNames[[2]byte(b[4:6])]
	switch {
	case enc.explicit && !known && !(letter(b[4]) && letter(b[5])) && s.fits(length32(b[4:], enc)):
		s.mend.note(s.wrong(sq.Tag, sq.Offset, "items in implicit VR"))
		return layout{}, nil
	case !enc.explicit && known && (vr.name == implicitVR(tagAt(b, enc)) || !s.fits(length32(b[4:], enc))):
		s.mend.note(s.wrong(sq.Tag, sq.Offset, "items in explicit VR"))
		return layout{explicit: true}, nil
	}
	return enc, nil
}

// fits says whether a value of n bytes could follow behind the next 8 bytes.
func (s *scanner) fits(n int64) bool {
	return n < 0 || s.src.size < 0 || n <= s.src.size-s.src.offset()-8
}

// odd reads the header of an element in explicit VR whose VR the standard does not know: it may have the short form, the long one, or
// no VR at all. The one behind which another element begins is right. done is false if the letters have to do.
func (s *scanner) odd(e *Element, enc *layout, x extent) (done bool, err error) {
	ahead, err := s.src.peek(12)
	if err != nil {
		return false, s.fail(e.Tag, e.Offset, err)
	}
	var b [12]byte
	long := copy(b[:], ahead) == 12
	letters := letter(b[4]) && letter(b[5])
	if s.mend != nil && (letters || s.tops > 0) && (e.Depth > 0 || e.Tag > s.top.Tag) {
		name := "UN"
		if letters {
			name = string(b[4:6])
		}
		for _, c := range []struct {
			vr     string
			head   int64
			length int64
			fits   bool
			as     layout
		}{
			{name, 8, int64(enc.order().Uint16(b[6:])), true, *enc},
			{name, 12, length32(b[8:], *enc), long && b[6] == 0 && b[7] == 0, *enc},
			{implicitVR(e.Tag), 8, length32(b[4:], *enc), !letters && !enc.big, layout{}},
		} {
			if c.fits && c.length >= 0 && s.follows(e.Tag, e.Offset+c.head+c.length, *enc, x) {
				e.VR, e.Length, e.ValueOffset, *enc = c.vr, c.length, e.Offset+c.head, c.as
				s.mend.note(s.wrong(e.Tag, e.Offset, "VR %+q is none of the standard", b[4:6]))
				return true, s.src.skip(c.head)
			}
		}
	}
	if !letters {
		return false, s.wrong(e.Tag, e.Offset, "VR %+q is not two capital letters: damaged, or not the stated transfer syntax", b[4:6])
	}
	return false, nil
}

// follows says whether at an offset the level ends, or an element begins that may come behind tag.
func (s *scanner) follows(tag Tag, at int64, enc layout, x extent) bool {
	if x.end >= 0 && at >= x.end {
		return at == x.end
	}
	b := s.look(at, 8)
	if len(b) < 8 {
		return len(b) == 0 && !x.delimited
	}
	next := tagAt(b, enc)
	if next == ItemDelimitation && x.delimited {
		return true
	}
	_, known := vrNames[[2]byte(b[4:6])]
	return next > tag && next.Group() != 0xFFFE && known
}

// look returns n bytes at an offset ahead without passing any, fewer where they end or are too far away.
func (s *scanner) look(at int64, n int) []byte {
	ahead := at - s.src.offset()
	if ahead <= maxRead {
		if b, err := s.src.peek(int(ahead) + n); err == nil && int64(len(b)) > ahead {
			return b[ahead:]
		}
		return nil
	}
	if s.mend.at == nil || s.src.size >= 0 && at >= s.src.size {
		return nil
	}
	b := make([]byte, n)
	got, _ := s.mend.at.ReadAt(b, at)
	return b[:got]
}

// order looks at an element whose header is read: where it stands, and whether its length is even.
func (s *scanner) order(e Element) error {
	if s.mend != nil && e.Length > 0 && e.Length&1 == 1 {
		s.mend.remark(s.wrong(e.Tag, e.Offset, "odd length"))
	}
	if e.Depth > 0 {
		return nil
	}
	if s.tops > 0 && e.Tag <= s.top.Tag && s.mend != nil {
		if s.mend.damaged {
			return s.fail(e.Tag, e.Offset, errLost)
		}
		s.mend.remark(s.wrong(e.Tag, e.Offset, "not in ascending order"))
	}
	s.top = e
	s.tops++
	return nil
}

// over accepts the end of the stream and, behind pixel data, zero bytes up to it, with which some writers fill the last block. With a
// mender it accepts anything there that is no further element.
func (s *scanner) over(b []byte, enc layout) (bool, error) {
	switch {
	case len(b) == 0:
		if s.mend != nil && s.mend.resumes > 0 && !s.pixels {
			return true, s.fail(0, s.src.offset(), ErrTruncated)
		}
		return true, nil
	case !s.pixels:
		return false, nil
	case !zero(b):
		if s.mend == nil || s.mend.trial || further(b, enc) ||
			s.mend.damaged && s.candidate(0, s.src.offset(), s.look(s.src.offset(), 12), enc) {
			return false, nil
		}
	case s.zeros():
		return true, nil
	case s.mend == nil || s.mend.trial:
		return true, s.wrong(0, s.src.offset(), "bytes behind the last element")
	}
	s.mend.remark(s.wrong(PixelDataTag, s.src.offset(), "bytes behind the last element"))
	return true, nil
}

// further says that what stands behind pixel data is the header of an element, or the beginning of one: trailing padding, digital
// signatures, private elements.
func further(b []byte, enc layout) bool {
	if len(b) < 8 {
		if len(b) < 2 {
			return false
		}
		group := enc.order().Uint16(b)
		return group >= PixelDataTag.Group() && group != 0xFFFF
	}
	tag := tagAt(b, enc)
	if tag == SequenceDelimitation || tag == ItemDelimitation {
		return true
	}
	if tag < PixelDataTag || tag.Group() >= 0xFFFE {
		return false
	}
	if !enc.explicit {
		return tag.Private() || tag.Group() >= 0xFFFA || tag.Group() == PixelDataTag.Group()
	}
	_, known := vrNames[[2]byte(b[4:6])]
	return known
}

// zeros passes zero bytes and says whether they go on to the end.
func (s *scanner) zeros() bool {
	for {
		b, err := s.src.peek(1024)
		if err != nil || !zero(b) {
			return false
		}
		if len(b) == 0 {
			return true
		}
		if s.src.skip(int64(len(b))) != nil {
			return false
		}
	}
}
