package dataset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Element is one data element, item or fragment as it lies in the stream.
type Element struct {
	Tag Tag
	// VR is "" for items and fragments, and in implicit VR for a tag that is not in
	// the dictionary of this package.
	VR string
	// Depth is the number of sequences around the element; an item counts as inside
	// its sequence, and so does a fragment of encapsulated pixel data.
	Depth int
	// Offset of the tag and of the value, in bytes from the beginning of the stream.
	Offset, ValueOffset int64
	// Length of the value in bytes, -1 for undefined.
	Length int64

	// end is the offset behind the element, its delimiter included; set in a Set only.
	end int64
	// enc is how the elements of an item are written; set in items only.
	enc layout
}

// layout is how the elements of one level are written.
type layout struct{ explicit, big bool }

func (e layout) order() binary.ByteOrder {
	if e.big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// extent bounds a level: no byte at or behind end belongs to it (-1: not known), and
// if delimited it ends with a delimiter, otherwise at end.
type extent struct {
	end       int64
	delimited bool
}

// scanner is the walk. It recurses once per sequence and item, at most Limits.Depth deep.
type scanner struct {
	src    *source
	lim    Limits
	count  int
	visit  func(Element) error
	leave  func(Element) // if not nil: the value of an element (not item) has passed
	pixels bool          // pixel data of the top level has passed

	head   [8]byte // of an element, until its value begins
	mend   *mender // nil: whatever is not well-formed is an error
	top    Element // newest element of the top level that fits
	newest Element // newest header of the top level
	tops   int     // elements of the top level so far

}

func (s *scanner) fail(t Tag, at int64, err error) error {
	var e *Error
	if errors.As(err, &e) || errors.Is(err, ErrStop) {
		return err
	}
	return &Error{Offset: at, Tag: t, Err: err}
}

// wrong is the error of a place that is not well-formed, as against one that cannot be read.
func (s *scanner) wrong(t Tag, at int64, format string, args ...any) error {
	return s.fail(t, at, malformed(fmt.Sprintf(format, args...)))
}

// malformed says what the standard forbids.
type malformed string

func (m malformed) Error() string { return string(m) }

// elements walks the elements of one level.
func (s *scanner) elements(x extent, enc layout, depth int) error {
	afterSequence := false // the element before was a sequence of stated length
	for {
		at := s.src.offset()
		if depth > 0 && x.end >= 0 && at >= x.end && (!x.delimited || s.ended(x, at)) {
			return nil
		}
		ahead, err := s.src.peek(8)
		if err != nil {
			return s.fail(0, at, err)
		}
		b := s.head[:copy(s.head[:], ahead)] // the buffer moves when somebody looks further ahead
		if depth == 0 {
			if over, err := s.over(b, enc); over || err != nil {
				return err
			}
		}
		if err := s.room(0, 8, len(b), x); err != nil {
			if depth == 0 {
				err = s.resume(err, enc)
			}
			if err != nil {
				return err
			}
			continue
		}
		tag := tagAt(b, enc)
		if tag == ItemDelimitation && x.delimited {
			return s.delimiter(tag, b, enc)
		}
		if tag.Group() == 0xFFFE {
			over, err := s.stray(tag, x, depth, afterSequence)
			if err != nil && depth == 0 {
				err = s.resume(err, enc)
			}
			if over || err != nil {
				return err
			}
			continue
		}
		if depth == 0 && s.doubtful(tag, enc) {
			continue
		}
		afterSequence = enc.explicit && string(b[4:6]) == "SQ"
		if err := s.element(Element{Tag: tag, Depth: depth, Offset: at}, enc, x, b); err != nil {
			if depth > 0 {
				return err
			}
			if err := s.resume(err, enc); err != nil {
				return err
			}
			continue
		}
		if depth == 0 && tag == PixelDataTag {
			s.pixels = true
		}
	}
}

// group walks the elements at the beginning of the stream that are of group g, in
// explicit VR little endian.
func (s *scanner) group(g uint16) error {
	enc, x := layout{explicit: true}, extent{end: s.src.size}
	for {
		at := s.src.offset()
		b, err := s.src.peek(8)
		if err != nil {
			return s.fail(0, at, err)
		}
		if len(b) < 2 || binary.LittleEndian.Uint16(b) != g {
			return nil
		}
		if err := s.room(0, 8, len(b), x); err != nil {
			return err
		}
		if err := s.element(Element{Tag: tagAt(b, enc), Offset: at}, enc, x, b); err != nil {
			return err
		}
	}
}

// element passes one element, of which b holds the first 8 bytes.
func (s *scanner) element(e Element, enc layout, x extent, b []byte) error {
	if err := s.header(&e, &enc, x, b); err != nil {
		return err
	}
	if e.Depth == 0 {
		s.newest = e
	}
	in, err := s.inner(e, x)
	if err != nil {
		return err
	}
	if err := s.order(e); err != nil {
		return err
	}
	if err := s.report(e); err != nil {
		return err
	}
	if err := s.value(e, enc, in); err != nil {
		return err
	}
	if s.leave != nil {
		s.leave(e)
	}
	return nil
}

// header reads what follows the tag: VR and length. It changes enc for an element that is written in another way.
func (s *scanner) header(e *Element, enc *layout, x extent, b []byte) error {
	if !enc.explicit {
		e.VR = implicitVR(e.Tag)
		e.Length = length32(b[4:], *enc)
		e.ValueOffset = e.Offset + 8
		return s.src.skip(8)
	}
	short := int64(enc.order().Uint16(b[6:]))
	vr, ok := vrNames[[2]byte{b[4], b[5]}]
	if !ok {
		if done, err := s.odd(e, enc, x); done || err != nil {
			return err
		}
		// A later VR has the long form (PS3.5 7.1.2), a writer's own mostly the short one.
		vr.name, vr.long = string(b[4:6]), short == 0
	}
	e.VR = vr.name
	if !vr.long {
		e.Length, e.ValueOffset = short, e.Offset+8
		return s.src.skip(8)
	}
	b, err := s.src.peek(12)
	if err != nil {
		return s.fail(e.Tag, e.Offset, err)
	}
	if err := s.room(e.Tag, 12, len(b), x); err != nil {
		return err
	}
	e.Length, e.ValueOffset = length32(b[8:], *enc), e.Offset+12
	return s.src.skip(12)
}

// value passes the value of e, which in bounds, level by level where it is a sequence.
func (s *scanner) value(e Element, enc layout, in extent) error {
	switch {
	case e.VR == "SQ" || e.Length < 0 && e.VR == "":
		return s.within(e, in, enc, s.items(e, in, enc))
	case e.Length >= 0:
		if err := s.src.skip(e.Length); err != nil {
			return s.fail(e.Tag, e.Offset, fmt.Errorf("%d bytes stated: %w", e.Length, err))
		}
		return nil
	case e.Tag == PixelDataTag || e.VR == "OB" || e.VR == "OW":
		return s.fragments(e, in, enc)
	case e.VR == "UN": // PS3.5 6.2.2 note 2: encoded as implicit VR little endian
		return s.items(e, in, layout{})
	case !enc.explicit: // a tag of the dictionary that is a sequence here
		return s.items(e, in, enc)
	}
	err := s.wrong(e.Tag, e.Offset, "VR %s cannot have an undefined length", e.VR)
	if s.mend == nil {
		return err
	}
	s.mend.note(err)
	if vrNames[[2]byte([]byte(e.VR))].long {
		return s.fragments(e, in, enc)
	}
	return s.items(e, in, enc)
}

// inner is the extent of the value of e, checked against the enclosing one.
func (s *scanner) inner(e Element, x extent) (extent, error) {
	if e.Length < 0 {
		return extent{x.end, true}, nil
	}
	if x.end >= 0 && e.Length > x.end-e.ValueOffset {
		if x.end == s.src.size {
			return extent{}, s.fail(e.Tag, e.Offset,
				fmt.Errorf("%d bytes stated, %d left: %w", e.Length, x.end-e.ValueOffset, ErrTruncated))
		}
		return extent{}, s.wrong(e.Tag, e.Offset, "%d bytes stated, %d left in the enclosing item", e.Length, x.end-e.ValueOffset)
	}
	return extent{e.ValueOffset + e.Length, false}, nil
}

// items walks the items of sequence sq.
func (s *scanner) items(sq Element, x extent, enc layout) error {
	depth := sq.Depth + 1
	if depth > s.lim.Depth {
		return s.fail(sq.Tag, sq.Offset, fmt.Errorf("sequences nested more than %d deep: %w", s.lim.Depth, errDeep))
	}
	for {
		item, more, err := s.item(sq, x, enc)
		if err != nil || !more {
			return err
		}
		if item.enc, err = s.itemLayout(sq, enc); err != nil {
			return err
		}
		if err := s.report(item); err != nil {
			return err
		}
		in, err := s.inner(item, x)
		if err != nil {
			return err
		}
		if err := s.within(item, in, enc, s.elements(in, item.enc, depth)); err != nil {
			return err
		}
	}
}

// fragments walks the fragments of encapsulated pixel data (PS3.5 A.4).
func (s *scanner) fragments(px Element, x extent, enc layout) error {
	for {
		item, more, err := s.item(px, x, enc)
		if err != nil || !more {
			return err
		}
		if err := s.report(item); err != nil {
			return err
		}
		if item.Length < 0 {
			return s.wrong(px.Tag, item.Offset, "fragment of undefined length")
		}
		if _, err := s.inner(item, x); err != nil {
			return err
		}
		if err := s.src.skip(item.Length); err != nil {
			return s.fail(px.Tag, item.Offset, fmt.Errorf("fragment of %d bytes stated: %w", item.Length, err))
		}
	}
}

// item reads the header of the next item of sq; more is false behind the last one.
func (s *scanner) item(sq Element, x extent, enc layout) (e Element, more bool, err error) {
	for {
		at := s.src.offset()
		if x.end >= 0 && at >= x.end && (!x.delimited || s.ended(x, at)) {
			return e, false, nil
		}
		b, err := s.src.peek(8)
		if err != nil {
			return e, false, s.fail(sq.Tag, at, err)
		}
		if err := s.room(sq.Tag, 8, len(b), x); err != nil {
			return e, false, err
		}
		tag := tagAt(b, enc)
		switch {
		case tag == SequenceDelimitation && x.delimited:
			return e, false, s.delimiter(tag, b, enc)
		case tag == Item:
			e = Element{Tag: Item, Depth: sq.Depth + 1, Offset: at, ValueOffset: at + 8, Length: length32(b[4:], enc)}
			if err := s.src.skip(8); err != nil {
				return e, false, s.fail(sq.Tag, at, err)
			}
			return e, true, nil
		}
		err = s.wrong(sq.Tag, at, "%v where an item should begin", tag)
		if s.mend == nil || tag != ItemDelimitation && tag != SequenceDelimitation || sq.Tag == PixelDataTag {
			return e, false, err
		}
		s.mend.remark(err) // one delimiter too many
		if err := s.src.skip(8); err != nil {
			return e, false, s.fail(sq.Tag, at, err)
		}
	}
}

// report counts an element and shows it to the visitor.
func (s *scanner) report(e Element) error {
	s.count++
	if s.count > s.lim.Elements {
		return s.fail(e.Tag, e.Offset, fmt.Errorf("more than %d elements: %w", s.lim.Elements, ErrLimit))
	}
	return s.visit(e)
}

// room checks that n header bytes, of which got could be read, fit into x.
func (s *scanner) room(t Tag, n, got int, x extent) error {
	at := s.src.offset()
	if got < n {
		return s.fail(t, at, ErrTruncated)
	}
	if x.end >= 0 && int64(n) > x.end-at {
		return s.wrong(t, at, "element header crosses the end of the enclosing item")
	}
	return nil
}

func tagAt(b []byte, enc layout) Tag {
	o := enc.order()
	return NewTag(o.Uint16(b), o.Uint16(b[2:]))
}

// length32 reads a 32-bit length, FFFFFFFF (undefined) as -1.
func length32(b []byte, enc layout) int64 {
	n := enc.order().Uint32(b)
	if n == 0xFFFFFFFF {
		return -1
	}
	return int64(n)
}

func zero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

func letter(c byte) bool { return 'A' <= c && c <= 'Z' }
