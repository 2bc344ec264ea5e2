package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"

	"jcsnode/store"
)

// aheadSize is how much is got at once behind the head: most instances whole.
const aheadSize = 4 << 20

// file is an object that is being read. It keeps one run of pieces that were found good.
type file struct {
	ctx    context.Context
	store  *Store
	name   string
	info   minio.ObjectInfo
	pieces pieces
	sums   sums

	mu    sync.Mutex // guards what follows
	first int        // piece that have begins with
	have  []byte
}

// Open implements store.Reader: one request, which brings the head.
func (s *Store) Open(ctx context.Context, name string) (store.File, error) {
	if err := store.CheckName(name); err != nil {
		return nil, err
	}
	f := &file{ctx: ctx, store: s, name: name}
	head, err := f.head()
	if err != nil {
		return nil, err
	}
	f.pieces = piecesOf(f.info.Size)
	if f.sums, err = parseSums(f.info.UserMetadata[sumKey], f.info.Size); err != nil {
		return nil, lied("get", name, err)
	}
	if !f.sums.hold(0, head) {
		return nil, lied("get", name, errors.New("the digest of its beginning differs"))
	}
	f.have = head
	return f, nil
}

// head gets the first piece, and what the service says about the whole.
func (f *file) head() (head []byte, err error) {
	opt := minio.GetObjectOptions{}
	if err := opt.SetRange(0, headSize-1); err != nil {
		return nil, err
	}
	s := f.store
	body, info, header, err := s.client.GetObject(f.ctx, s.opt.Bucket, s.key(f.name), opt)
	var answer minio.ErrorResponse
	switch {
	case notFound(err):
		return nil, missing(f.name)
	case errors.As(err, &answer) && answer.Code == "InvalidRange": // an empty object has no byte 0
		f.info, err = s.client.StatObject(f.ctx, s.opt.Bucket, s.key(f.name), minio.StatObjectOptions{})
		if err == nil && f.info.Size > 0 {
			return nil, lied("get", f.name, errors.New("its size changes"))
		}
		return nil, s.told(f.ctx, "get", f.name, err)
	case err != nil:
		return nil, s.told(f.ctx, "get", f.name, err)
	}
	defer body.Close()
	f.info = info
	if text := header.Get("Content-Range"); text != "" {
		if f.info.Size, err = wholeSize(text); err != nil {
			return nil, lied("get", f.name, err)
		}
	}
	head = make([]byte, min(f.info.Size, headSize))
	if _, err := io.ReadFull(body, head); err != nil {
		return nil, s.told(f.ctx, "get", f.name, err)
	}
	return head, nil
}

// wholeSize reads "bytes 0-65535/526000".
func wholeSize(contentRange string) (int64, error) {
	_, whole, _ := strings.Cut(contentRange, "/")
	size, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || size < 0 {
		return 0, fmt.Errorf("it answers with the range %q", contentRange)
	}
	return size, nil
}

func (f *file) Size() int64     { return f.info.Size }
func (f *file) Time() time.Time { return f.info.LastModified }

func (f *file) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.have = nil
	return nil
}

// ReadAt implements io.ReaderAt.
func (f *file) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fmt.Errorf("read %s at %d", f.name, off)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for n < len(p) {
		at := off + int64(n)
		if at >= f.info.Size {
			return n, io.EOF
		}
		from := f.pieces.start(f.first)
		if at < from || at >= from+int64(len(f.have)) {
			if err := f.get(f.pieces.at(at)); err != nil {
				return n, err
			}
			from = f.pieces.start(f.first)
		}
		n += copy(p[n:], f.have[at-from:])
	}
	return n, nil
}

// get gets pieces from the first on: one at least, and as many as make aheadSize.
func (f *file) get(first int) error {
	from := f.pieces.start(first)
	last := first
	for last+1 < f.pieces.count() && f.pieces.start(last+2)-from <= aheadSize {
		last++
	}
	opt := minio.GetObjectOptions{}
	to := f.pieces.start(last + 1)
	if err := errors.Join(opt.SetRange(from, to-1), opt.SetMatchETag(f.info.ETag)); err != nil {
		return err
	}
	s := f.store
	body, _, _, err := s.client.GetObject(f.ctx, s.opt.Bucket, s.key(f.name), opt)
	if notFound(err) {
		return missing(f.name)
	}
	if err != nil {
		return s.told(f.ctx, "get", f.name, err)
	}
	defer body.Close()
	content := make([]byte, to-from)
	if _, err := io.ReadFull(body, content); err != nil {
		return s.told(f.ctx, "get", f.name, err)
	}
	for i := first; i <= last; i++ {
		if !f.sums.hold(i, content[f.pieces.start(i)-from:f.pieces.start(i+1)-from]) {
			return lied("get", f.name, fmt.Errorf("the digest of its bytes from %d on differs", f.pieces.start(i)))
		}
	}
	f.first, f.have = first, content
	return nil
}
