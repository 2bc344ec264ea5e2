package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"sync"
)

// File is a DICOM file whose structure has been walked once within Limits. Header
// values are in memory, pixel data are not. Reading from a File is safe from several
// goroutines; one of Open or OpenReader must be closed.
type File struct {
	ts     TransferSyntax
	start  int64
	meta   *Set
	set    *Set
	closer io.Closer
	faults []Fault

	fragments     []Fragment // of the pixel data, Basic Offset Table included
	tables        int        // fragments that are the table: 1, or 0 where it is left out
	fragmentBytes int64      // of all fragments but the table
	framing       struct {
		once sync.Once
		list [][]Fragment
		err  error
	}
}

// Open reads the file at path; see Read. Errors name no path, since *os.PathError
// does where the file system is at fault.
func Open(path string, lim Limits) (*File, error) {
	h, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := h.Stat()
	if err != nil {
		h.Close()
		return nil, err
	}
	return OpenReader(h, st.Size(), lim)
}

// ReadAtCloser is an open file.
type ReadAtCloser interface {
	io.ReaderAt
	io.Closer
}

// OpenReader reads a file of size bytes that is open already; see Read. It closes h when it returns an error, else the File does.
func OpenReader(h ReadAtCloser, size int64, lim Limits) (*File, error) {
	f, err := Read(h, size, lim)
	if err != nil {
		h.Close()
		return nil, err
	}
	f.closer = h
	return f, nil
}

// Close releases the file. Header values in memory stay readable.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// TransferSyntax is what the file meta information says, or, for a bare data set, what
// its first element shows. Name is "" for a UID that is not known.
func (f *File) TransferSyntax() TransferSyntax { return f.ts }

// DataSetOffset is the byte of the file at which the data set begins, behind the file
// meta information: what follows is what C-STORE sends.
func (f *File) DataSetOffset() int64 { return f.start }

// Faults are the places where the data set is not well-formed, in file order, at most 16.
func (f *File) Faults() []Fault { return f.faults }

// Meta is the file meta information, group 0002; empty for a bare data set.
func (f *File) Meta() *Set { return f.meta }

// Set is the data set.
func (f *File) Set() *Set { return f.set }

// Read walks a DICOM file of size bytes: Part 10 with or without group length, version
// and SOP Instance UID in the file meta information (PS3.10 7.1), also without the
// preamble, and a bare data set when its first element is clearly one of group 0008.
// The data set must be complete to the last byte: a cut one is ErrTruncated. What is not
// well-formed in an element that nobody needs is passed over where it is clear how, and told
// by Faults. r is used later for pixel data and long values.
//
// Offsets are those in r, for a deflated data set those in the inflated one.
func Read(r io.ReaderAt, size int64, lim Limits) (*File, error) {
	lim = lim.filled()
	src := fileSource(r, size, lim)
	head, err := src.peek(144)
	if err != nil {
		return nil, fmt.Errorf("read file preamble: %w", err)
	}
	f := &File{}
	var start int64
	meta := false
	switch {
	case size == 0:
		return nil, fmt.Errorf("%w: the file is empty", ErrNotDICOM)
	case len(head) >= 132 && string(head[128:132]) == "DICM":
		start, meta = 132, true
	case len(head) >= 8 && bytes.HasPrefix(head, []byte{2, 0}) && head[3] == 0 && letter(head[4]) && letter(head[5]):
		meta = true
	}
	if meta {
		if err := src.skip(start); err != nil {
			return nil, err
		}
		if err := f.readMeta(src, r, lim); err != nil {
			return nil, fmt.Errorf("read file meta information: %w", err)
		}
	} else {
		ts, ok := recognise(head, size)
		if !ok {
			return nil, fmt.Errorf("%w: no DICM mark, and no data set of group 0008 at its beginning", ErrNotDICOM)
		}
		f.ts, f.meta = ts, &Set{content: &content{at: r}}
	}
	if err := f.readSet(src, r, size, lim); err != nil {
		return nil, fmt.Errorf("read data set: %w", err)
	}
	return f, nil
}

// fileSource reads r from its beginning, keeping the header.
func fileSource(r io.ReaderAt, size int64, lim Limits) *source {
	in := io.NewSectionReader(r, 0, size)
	seek := func(off int64) error {
		_, err := in.Seek(off, io.SeekStart)
		return err
	}
	return &source{r: in, seek: seek, size: size, keep: &kept{value: lim.Value, max: lim.Header}}
}

// readMeta walks group 0002, which is explicit little endian whatever follows it. Its
// stated group length is not used: files with a wrong one are readable.
func (f *File) readMeta(src *source, r io.ReaderAt, lim Limits) error {
	var list []Element
	s := &scanner{src: src, lim: lim}
	s.visit = func(e Element) error {
		if e.Depth == 0 {
			list = append(list, e)
		}
		return nil
	}
	s.leave = func(e Element) {
		if e.Depth == 0 {
			list[len(list)-1].end = src.offset()
		}
	}
	if err := s.group(2); err != nil {
		return err
	}
	f.meta = newSet(list, &content{segments: src.passed(), at: r}, layout{explicit: true}, lim)
	uid := f.meta.String(TransferSyntaxUID)
	if uid == "" {
		return errors.New("no Transfer Syntax UID (0002,0010)")
	}
	f.ts, _ = LookupTransferSyntax(uid)
	return nil
}

// readSet walks the data set from where src stands.
func (f *File) readSet(src *source, r io.ReaderAt, size int64, lim Limits) error {
	f.start = src.offset()
	c := &content{at: r}
	if f.ts.Deflated {
		start := f.start
		open := func() io.Reader { return newInflater(io.NewSectionReader(r, start, size-start), lim) }
		src = &source{r: open(), size: -1, keep: &kept{value: lim.Value, max: lim.Header}}
		c.at = &inflatedAt{open: open}
	}
	list := make([]Element, 0, 128)
	s := &scanner{src: src, lim: lim, mend: &mender{}}
	if !f.ts.Deflated { // to look ahead in a deflated stream, it would have to be inflated again
		s.mend.at = r
	}
	s.visit = func(e Element) error {
		switch {
		case e.Depth == 0:
			list = append(list, e)
		case e.Tag == Item && e.Depth == 1 && list[len(list)-1].Tag == PixelDataTag:
			f.fragments = append(f.fragments, Fragment{e.Offset, e.ValueOffset, e.Length})
		}
		return nil
	}
	s.leave = func(e Element) {
		if e.Depth == 0 {
			list[len(list)-1].end = src.offset()
		}
	}
	enc := layout{f.ts.Explicit, f.ts.BigEndian}
	if err := s.elements(extent{end: src.size}, enc, 0); err != nil {
		return err
	}
	if len(list) == 0 {
		return fmt.Errorf("no element behind the file meta information: %w", ErrTruncated)
	}
	c.segments, f.faults = src.passed(), s.mend.faults
	f.set = newSet(list, c, enc, lim)
	f.tables = f.countTables()
	for _, fr := range f.fragments[f.tables:] {
		f.fragmentBytes += fr.Length
	}
	return nil
}

// recognise guesses the encoding of a bare data set from its first element, which must
// be one of group 0008 with a length that makes sense.
func recognise(b []byte, size int64) (TransferSyntax, bool) {
	if len(b) < 12 {
		return TransferSyntax{}, false
	}
	_, vr := vrNames[[2]byte{b[4], b[5]}]
	uid := ""
	switch {
	case b[0] == 8 && b[1] == 0 && vr:
		uid = ExplicitVRLittleEndian
	case b[0] == 0 && b[1] == 8 && vr:
		uid = ExplicitVRBigEndian
	case b[0] == 8 && b[1] == 0:
		if n := length32(b[4:], layout{}); n < 0 || n > min(size-8, 1024) {
			return TransferSyntax{}, false
		}
		uid = ImplicitVRLittleEndian
	default:
		return TransferSyntax{}, false
	}
	return LookupTransferSyntax(uid)
}

// content finds the bytes of a data set: in memory where they were kept, in the file
// otherwise.
type content struct {
	segments []segment // by rising offset
	at       io.ReaderAt
}

// bytes returns n bytes at off. The caller must not change them.
func (c *content) bytes(off, n int64) ([]byte, error) {
	i := sort.Search(len(c.segments), func(i int) bool { return c.segments[i].offset > off }) - 1
	if i >= 0 {
		s := c.segments[i]
		if from := off - s.offset; from+n <= int64(len(s.data)) {
			return s.data[from : from+n : from+n], nil
		}
	}
	b := make([]byte, n)
	got, err := c.at.ReadAt(b, off)
	if int64(got) == n {
		return b, nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = ErrTruncated
	}
	return nil, fmt.Errorf("read %d bytes at %d: %w", n, off, err)
}
