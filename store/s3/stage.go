package s3

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/minio/minio-go/v7"

	"jcsnode/store"
)

// staged implements store.Staged: a file of this machine that never had a name, so that nothing is left of it when the process dies.
type staged struct {
	store *Store
	file  *os.File
	size  int64
}

// Stage implements store.Store.
func (s *Store) Stage(context.Context) (store.Staged, error) {
	f, err := os.CreateTemp(s.opt.Spool, ".s3-*")
	if err != nil {
		return nil, store.FileFault(fmt.Errorf("begin a file for the object store: %w", err))
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, store.FileFault(fmt.Errorf("begin a file for the object store: %w", err))
	}
	return &staged{store: s, file: f}, nil
}

func (f *staged) Write(p []byte) (int, error) {
	n, err := f.file.Write(p)
	f.size += int64(n)
	return n, store.FileFault(err)
}

func (f *staged) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.file.ReadAt(p, off)
	if err != nil && err != io.EOF {
		err = store.FileFault(err)
	}
	return n, err
}

// Abort implements store.Staged.
func (f *staged) Abort() error {
	f.file.Close() // it may be closed already, and nobody wants the content
	return nil
}

// Another request for a key, or for its folder where a service has folders, is given time to end: twice as long each time.
const (
	firstOther = 20 * time.Millisecond
	lastOther  = 1280 * time.Millisecond
)

// Commit implements store.Staged.
func (f *staged) Commit(ctx context.Context, name string, same func(old store.File) bool) (kept bool, err error) {
	return f.store.Upload(ctx, name, f.file, f.size, same)
}

// Upload gives content a name, as Staged.Commit does. A service that is silent is given up after one patience, one that
// answers at first after two at most.
func (s *Store) Upload(
	ctx context.Context, name string, content io.ReaderAt, size int64, same func(old store.File) bool,
) (kept bool, err error) {
	if err := store.CheckName(name); err != nil {
		return false, err
	}
	sums, err := sumsOf(content, size)
	if err != nil {
		return false, store.FileFault(fmt.Errorf("read what is to be put into the object store: %w", err))
	}
	defer s.names.Lock(name)()
	ctx = s.within(ctx)
	if same != nil {
		if kept, err := s.keep(ctx, name, same); kept || err != nil {
			return kept, err
		}
	}
	err = s.put(ctx, name, content, size, sums)
	for wait := firstOther; conflict(err) && wait <= lastOther; wait *= 2 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return false, ctx.Err()
		}
		err = s.put(ctx, name, content, size, sums)
	}
	return false, s.told(ctx, "put", name, err)
}

func (s *Store) put(ctx context.Context, name string, content io.ReaderAt, size int64, sums sums) error {
	_, err := s.client.Client.PutObject(ctx, s.opt.Bucket, s.key(name), io.NewSectionReader(content, 0, size), size, minio.PutObjectOptions{
		UserMetadata:     map[string]string{sumKey: sums.String()},
		ContentType:      "application/octet-stream",
		SendContentMd5:   s.client.EndpointURL().Scheme == "https", // else the signature covers the content
		DisableMultipart: size <= s.opt.OnePut,
	})
	return err
}

// keep asks whether what has the name is as good, and makes it as young as a new one. One that cannot be read is not; a service that
// cannot be asked may not be overwritten blindly.
func (s *Store) keep(ctx context.Context, name string, same func(old store.File) bool) (bool, error) {
	old, err := s.Open(ctx, name)
	if temporary(err) {
		return false, err
	}
	if err != nil {
		return false, nil
	}
	defer old.Close()
	if !same(old) {
		return false, nil
	}
	return true, s.copy(ctx, name, name, old.(*file).info)
}
