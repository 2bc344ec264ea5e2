package dataset

import (
	"bufio"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"sync"
)

const (
	// inflateFree is what any deflated data set may inflate to, in bytes.
	inflateFree = 16 << 20
	// inflateRatio bounds inflated to deflated size beyond inflateFree.
	inflateRatio = 100
)

// inflater reads a deflated data set (PS3.5 A.5) up to the limits.
type inflater struct {
	z   io.Reader
	in  *counter
	out int64
	max int64
}

func newInflater(r io.Reader, lim Limits) *inflater {
	in := &counter{r: r}
	return &inflater{z: flate.NewReader(bufio.NewReaderSize(in, maxRead)), in: in, max: lim.Inflated}
}

// Read implements io.Reader; a stream that ends early is ErrTruncated.
func (f *inflater) Read(p []byte) (int, error) {
	n, err := f.z.Read(p)
	f.out += int64(n)
	if f.out > f.max || f.out > inflateFree && f.out/inflateRatio > f.in.n {
		return 0, fmt.Errorf("%d deflated bytes inflate to more than %d: %w", f.in.n, f.out, ErrLimit)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return n, fmt.Errorf("deflated stream ends early: %w", ErrTruncated)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, fmt.Errorf("inflate: %w", err)
	}
	return n, err
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// inflatedAt reads the inflated data set at any offset. It inflates on from where the
// last read ended, and from the beginning again for an offset before that, so that
// memory does not grow with the data set.
type inflatedAt struct {
	open func() io.Reader

	mu  sync.Mutex // guards r and pos
	r   io.Reader
	pos int64
}

// ReadAt implements io.ReaderAt.
func (a *inflatedAt) ReadAt(p []byte, off int64) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.r == nil || off < a.pos {
		a.r, a.pos = a.open(), 0
	}
	n, err := io.CopyN(io.Discard, a.r, off-a.pos)
	a.pos += n
	if err != nil {
		a.r = nil
		return 0, err
	}
	m, err := io.ReadFull(a.r, p)
	a.pos += int64(m)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	if err != nil {
		a.r = nil
	}
	return m, err
}
