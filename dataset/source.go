package dataset

import (
	"errors"
	"io"
)

const (
	// firstRead is what the first read asks for: most CT headers end within it.
	firstRead = 8 << 10
	// maxRead bounds one read, and so what is allocated before its bytes arrive.
	maxRead = 64 << 10
	// longestSegment is where what is kept moves to a new buffer, so that a long header is not copied again and again.
	longestSegment = 1 << 20
)

// source hands out the bytes of a data set in order. It looks ahead by a few bytes,
// skips values without reading them where the reader can, and on request keeps what
// it read (see kept).
type source struct {
	r    io.Reader
	seek func(off int64) error // nil: values are skipped by reading them
	size int64                 // length of the stream, -1 if not known
	base int64                 // offset of buf[0]
	buf  []byte
	pos  int // next byte of buf
	eof  bool
	keep *kept // nil: bytes are forgotten once passed
}

// kept collects the header bytes that a source has passed, except values longer than
// value bytes, until there are max bytes in all.
type kept struct {
	segments   []segment
	size       int64
	value, max int64
	full       bool // max is reached, nothing more is kept
}

type segment struct {
	offset int64
	data   []byte
}

// keeping tells whether passed bytes stay in memory.
func (s *source) keeping() bool { return s.keep != nil && !s.keep.full }

// offset is the position of the next byte.
func (s *source) offset() int64 { return s.base + int64(s.pos) }

// peek returns the next n bytes without passing them, fewer only at the end of the
// stream. The buffer grows as bytes arrive.
func (s *source) peek(n int) ([]byte, error) {
	for len(s.buf)-s.pos < n && !s.eof {
		if err := s.fill(); err != nil {
			return nil, err
		}
	}
	return s.buf[s.pos:min(s.pos+n, len(s.buf))], nil
}

// fill reads once more into the buffer.
func (s *source) fill() error {
	switch {
	case !s.keeping() && s.pos > 0:
		n := copy(s.buf, s.buf[s.pos:])
		s.base, s.buf, s.pos = s.base+int64(s.pos), s.buf[:n], 0
	case s.keeping() && s.keep.size+int64(len(s.buf)) >= s.keep.max:
		s.closeSegment()
		s.keep.full = true
	case s.keeping() && s.pos >= longestSegment:
		s.closeSegment()
	}
	if len(s.buf) == cap(s.buf) {
		grown := make([]byte, len(s.buf), len(s.buf)+min(max(firstRead, len(s.buf)), maxRead))
		copy(grown, s.buf)
		s.buf = grown
	}
	n, err := s.r.Read(s.buf[len(s.buf):cap(s.buf)])
	s.buf = s.buf[:len(s.buf)+n]
	if errors.Is(err, io.EOF) {
		s.eof, err = true, nil
	}
	return err
}

// skip passes n bytes. It returns ErrTruncated if there are fewer.
func (s *source) skip(n int64) error {
	if n <= int64(len(s.buf)-s.pos) {
		s.pos += int(n)
		return nil
	}
	if s.size >= 0 && n > s.size-s.offset() {
		return ErrTruncated
	}
	if s.keeping() && n <= s.keep.value {
		b, err := s.peek(int(n))
		if err != nil {
			return err
		}
		if int64(len(b)) < n {
			return ErrTruncated
		}
		s.pos += int(n)
		return nil
	}
	target := s.offset() + n
	rest := n - int64(len(s.buf)-s.pos)
	if s.keeping() {
		s.closeSegment()
	}
	s.base, s.buf, s.pos = target, s.buf[:0], 0
	if s.eof {
		return ErrTruncated
	}
	if s.seek != nil {
		return s.seek(target)
	}
	_, err := io.CopyN(io.Discard, s.r, rest)
	if errors.Is(err, io.EOF) {
		return ErrTruncated
	}
	return err
}

// jump goes on at an offset, which may lie behind.
func (s *source) jump(to int64) error {
	if s.keeping() {
		s.closeSegment()
		k := s.keep
		for n := len(k.segments); n > 0 && k.segments[n-1].offset >= to; n-- { // they are in order
			k.segments = k.segments[:n-1]
		}
	}
	s.base, s.buf, s.pos, s.eof = to, nil, 0, false
	return s.seek(to)
}

// closeSegment hands the passed part of the buffer to keep; the rest moves to a new one.
func (s *source) closeSegment() {
	if s.pos > 0 {
		s.keep.segments = append(s.keep.segments, segment{s.base, s.buf[:s.pos:s.pos]})
		s.keep.size += int64(s.pos)
	}
	s.base, s.buf, s.pos = s.offset(), append([]byte(nil), s.buf[s.pos:]...), 0
}

// passed returns what was kept so far.
func (s *source) passed() []segment {
	if s.keeping() {
		s.closeSegment()
	}
	return s.keep.segments
}
