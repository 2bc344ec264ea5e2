package dataset

import (
	"errors"
	"io"
)

const (
	// maxResumes bounds how often a walk goes on behind a place where it lost its way, and with it what that may cost.
	maxResumes = 16
	// resumeWindow is how many bytes behind such a place are searched for the next element.
	resumeWindow = 1 << 20
	// maxTrials bounds the places from which a walk is tried, over all searches.
	maxTrials = 1024
	// chain is how many elements in a row, each of a known VR, of a length that fits and in ascending order, are taken for elements. Four
	// headers come about by chance in random bytes less than once in 10^15 places.
	chain = 4
)

// errLost ends a walk that went on at the wrong place.
var errLost = errors.New("elements behind a damaged one are not in order")

// needed are elements without which an instance is not what it was: who it is of, what it is, where it lies, how its pixels are stored.
func needed(t Tag) bool {
	switch t.Group() {
	case 0x0010, 0x0020, 0x0028, 0x7FE0:
		return true
	}
	return t == SpecificCharacterSet || t == SOPClassUID || t == SOPInstanceUID
}

// resume finds the next element of the top level behind one that states a wrong length or holds something unreadable, and goes on
// there. It returns err if there is none, if the one that is to blame is needed, or if no whole
// pixel data follow: then the data set is cut.
func (s *scanner) resume(err error, enc layout) error {
	m := s.mend
	if m == nil || m.at == nil || s.src.size < 0 || s.tops == 0 || s.pixels || !structural(err) || m.resumes >= maxResumes {
		return err
	}
	m.resumes++
	// To blame is the element whose header was read last, or the one before, if that header is none.
	for _, blamed := range []Element{s.newest, s.top} {
		if needed(blamed.Tag) || blamed.Tag < s.top.Tag {
			continue
		}
		at, whole := s.search(blamed, enc)
		if at < 0 || !whole && !enc.explicit {
			continue
		}
		m.note(err)
		m.sure = whole
		return s.goOn(at, blamed)
	}
	return err
}

// goOn moves the walk to an offset behind the element that is to blame, which ends there.
func (s *scanner) goOn(at int64, blamed Element) error {
	if err := s.src.jump(at); err != nil {
		return s.fail(blamed.Tag, at, err)
	}
	if s.leave != nil && blamed.Offset == s.top.Offset {
		s.leave(s.top)
	}
	s.top.Tag = blamed.Tag
	return nil
}

// doubtful says whether the walk was moved before an element of implicit VR that does not look like one: a header there is any 8 bytes,
// so that a wrong length before shows by odd tags alone.
func (s *scanner) doubtful(tag Tag, enc layout) bool {
	m := s.mend
	if m == nil || m.trial || m.sure || m.at == nil || s.src.size < 0 || enc.explicit ||
		s.tops == 0 || s.pixels || m.doubts >= maxResumes || needed(s.top.Tag) {
		return false
	}
	if tag > s.top.Tag && (tag.Private() || tag.Element() == 0 || implicitVR(tag) != "") &&
		(!tag.Private() || tag.Element() < 0x100 || tag.Group() == s.top.Tag.Group()) {
		return false
	}
	m.doubts++
	at, whole := s.search(s.top, enc)
	if !whole {
		return false
	}
	if m.sure = true; at == s.src.offset() {
		return false
	}
	m.note(s.wrong(s.top.Tag, s.top.Offset, "wrong length"))
	return s.goOn(at, s.top) == nil
}

// goesOn says whether the top level goes on where the walk is, behind e, and not rather at end, where e should end by its length. Damage
// inside e can look like an element that reaches into what follows e, and a wrong length can end where an element begins: of two whole
// walks the one with more elements is right.
func (s *scanner) goesOn(e Element, end int64, enc layout) bool {
	if s.mend.at == nil || s.mend.trial || s.src.size < 0 {
		return false
	}
	here, whole := s.tryCandidate(e, s.src.offset(), enc)
	if !whole {
		return false
	}
	there, whole := s.tryCandidate(e, end, enc)
	return !whole || here >= there
}

// tryCandidate tries to walk from a place ahead if it looks like one behind e.
func (s *scanner) tryCandidate(e Element, at int64, enc layout) (length int, whole bool) {
	if !s.candidate(e.Tag, at, s.look(at, 12), enc) {
		return 0, false
	}
	s.mend.trials++
	return s.try(e, at, enc)
}

// search looks behind the header of an element for the place where the top level goes on: where a walk goes to the end of the whole
// data set, or, failing that, where a chain of elements begins; -1 if there is none.
func (s *scanner) search(blamed Element, enc layout) (at int64, whole bool) {
	from := blamed.ValueOffset
	const step = 64 << 10
	chained := int64(-1)
	end := min(s.src.size, from+resumeWindow)
	buf := make([]byte, step+12)
	for ; from < end; from += step {
		n, _ := s.mend.at.ReadAt(buf[:min(int64(len(buf)), s.src.size-from)], from)
		for i := 0; i < min(step, n-8); i++ {
			at := from + int64(i)
			if !s.candidate(blamed.Tag, at, buf[i:n], enc) {
				continue
			}
			if s.mend.trials++; s.mend.trials > maxTrials {
				return chained, false
			}
			length, whole := s.try(blamed, at, enc)
			if whole {
				return at, true
			}
			if length >= chain && chained < 0 {
				chained = at
			}
		}
	}
	return chained, false
}

// candidate says whether b looks like the header of an element that may follow, as far as can be told at a glance.
func (s *scanner) candidate(behind Tag, at int64, b []byte, enc layout) bool {
	if len(b) < 8 {
		return false
	}
	tag := tagAt(b, enc)
	if tag <= behind || tag.Group() >= 0xFFFD {
		return false
	}
	length, head := length32(b[4:], enc), int64(8)
	if enc.explicit {
		vr, known := vrNames[[2]byte(b[4:6])]
		if !known || vr.long && len(b) < 12 {
			return false
		}
		if length = int64(enc.order().Uint16(b[6:])); vr.long {
			length, head = length32(b[8:], enc), 12
		}
	}
	return length <= s.src.size-at-head
}

// try walks from a place and says how many elements it passed, and whether that was to the end, pixel data included.
func (s *scanner) try(blamed Element, at int64, enc layout) (length int, whole bool) {
	in := io.NewSectionReader(s.mend.at, 0, s.src.size)
	seek := func(off int64) error {
		_, err := in.Seek(off, io.SeekStart)
		return err
	}
	if seek(at) != nil {
		return 0, false
	}
	t := &scanner{src: &source{r: in, seek: seek, size: s.src.size, base: at}, lim: s.lim, count: s.count, top: blamed, tops: 1,
		visit: func(Element) error { return nil }, mend: &mender{at: s.mend.at, resumes: maxResumes, damaged: true, trial: true}}
	err := t.elements(extent{end: s.src.size}, enc, 0)
	s.count = t.count
	return t.tops - 2, err == nil // the newest may be the one that failed
}
