package migrate

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"

	"golang.org/x/sync/errgroup"

	"jcsnode/store"
)

// Source is where files are.
type Source interface {
	store.Reader
	List(ctx context.Context, folder string) iter.Seq2[string, error]
}

// Options of Files. Functions may be nil.
type Options struct {
	Folders  []string               // whose files are copied
	Skip     func(name string) bool // files that stay
	Progress func(Count)            // called after each file, by one goroutine at a time
}

// Count is what was done.
type Count struct {
	Files, Already, Skipped int   // Already: of Files, those that were there
	Bytes                   int64 // of Files
}

// atATime is how many files are on their way: a store that is far away answers late.
const atATime = 8

// Files copies all files. It ends at the first that cannot be copied; another run goes on from there.
func Files(ctx context.Context, from Source, to store.Store, opt Options) (Count, error) {
	var mu sync.Mutex
	var done Count
	g, copying := errgroup.WithContext(ctx)
	g.SetLimit(atATime)
	var listing error
	for _, folder := range opt.Folders {
		for name, err := range from.List(copying, folder) {
			if err != nil {
				listing = fmt.Errorf("list %s: %w", folder, err)
				break
			}
			if opt.Skip != nil && opt.Skip(name) {
				mu.Lock()
				done.Skipped++
				mu.Unlock()
				continue
			}
			g.Go(func() error {
				size, already, err := one(copying, from, to, name)
				if err != nil {
					return fmt.Errorf("copy %s: %w", name, err)
				}
				mu.Lock()
				defer mu.Unlock()
				done.Files++
				done.Bytes += size
				if already {
					done.Already++
				}
				if opt.Progress != nil {
					opt.Progress(done)
				}
				return nil
			})
			if copying.Err() != nil {
				break
			}
		}
	}
	err := g.Wait() // what it says is the cause of a list that ended early
	if err == nil {
		err = listing
	}
	return done, err
}

// one copies a file and compares what is there then.
func one(ctx context.Context, from store.Reader, to store.Store, name string) (size int64, already bool, err error) {
	f, err := from.Open(ctx, name)
	if err != nil {
		return 0, false, err
	}
	defer f.Close()
	want, err := digest(f)
	if err != nil {
		return 0, false, err
	}
	there, err := digestAt(ctx, to, name)
	switch {
	case err == nil && there == want:
		return f.Size(), true, nil
	case ctx.Err() != nil:
		return 0, false, ctx.Err()
	case errors.Is(err, store.ErrTemporary):
		return 0, false, err
	}
	// There is none, or one that was spoilt.
	if err := put(ctx, to, name, f); err != nil {
		return 0, false, err
	}
	if there, err = digestAt(ctx, to, name); err != nil {
		return 0, false, err
	}
	if there != want {
		return 0, false, errors.New("what was written comes back as something else")
	}
	return f.Size(), false, nil
}

func put(ctx context.Context, to store.Store, name string, f store.File) (err error) {
	staged, err := to.Stage(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if e := staged.Abort(); err == nil {
			err = e
		}
	}()
	if _, err := io.Copy(staged, io.NewSectionReader(f, 0, f.Size())); err != nil {
		return err
	}
	_, err = staged.Commit(ctx, name, nil)
	return err
}

func digestAt(ctx context.Context, at store.Reader, name string) (sum [sha256.Size]byte, err error) {
	f, err := at.Open(ctx, name)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	return digest(f)
}

func digest(f store.File) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(f, 0, f.Size())); err != nil {
		return sum, err
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}
