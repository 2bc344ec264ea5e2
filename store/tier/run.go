package tier

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"jcsnode/guard"
	"jcsnode/store"
)

const (
	// gather is how long Run waits for more once a file has come: a scanner sends some ten a second.
	gather = 500 * time.Millisecond
	// lookEvery is how often it looks for files of which nothing was heard.
	lookEvery = time.Minute
	// shortestPause and longestPause are between attempts while the store is away.
	shortestPause = time.Second
	longestPause  = 30 * time.Second
	// uploads is how many files go up at a time: a round trip of one is no time lost for the others.
	uploads = 4
)

// errDiffers is for a file that came back from the store as another one.
var errDiffers = errors.New("the store gives other bytes than those that went up; the file stays on this machine")

// Run takes files up until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	pause := shortestPause
	for ctx.Err() == nil {
		next := lookEvery
		err := guard.Call(func() error { return s.look(ctx) })
		if err == nil || far(err) {
			s.note(ctx, err)
		}
		s.odd(ctx, err)
		switch {
		case err != nil:
			next, pause = pause, min(2*pause, longestPause)
		case s.Waiting().Files > 0: // for the ledger, or because they came again
			next, pause = shortestPause, shortestPause
		default:
			pause = shortestPause
		}
		s.rest(ctx, next, err == nil)
	}
	return nil
}

// look takes up what lies here, and asks the store if it is in doubt.
func (s *Store) look(ctx context.Context) error {
	err := s.Sweep(ctx)
	if far(err) {
		return err
	}
	if asked := s.ask(ctx); asked != nil || err == nil {
		return asked
	}
	s.note(ctx, nil) // what is odd here says nothing of the store, which takes the others
	return err
}

// far tells whether an error is the store's, as against one of this machine or of the ledger.
func far(err error) bool {
	var fault *store.Error
	return errors.Is(err, errDiffers) || errors.As(err, &fault) && fault.Far
}

// odd says once why something stays here that is not the store's fault.
func (s *Store) odd(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	text := ""
	if err != nil && !far(err) {
		text = err.Error()
	}
	s.mu.Lock()
	news := text != "" && text != s.oddity
	s.oddity = text
	s.mu.Unlock()
	if news {
		s.opt.Logger.Warn("something on this machine does not go up, for a reason that is not the object store's: it is tried again",
			"error", err)
	}
}

// rest waits for a time, or for less when a file comes and the store takes it.
func (s *Store) rest(ctx context.Context, d time.Duration, eager bool) {
	wake := s.wake
	if !eager {
		wake = nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-wake:
		timer.Reset(gather)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	}
}

// heard notes what the store answered while somebody waited for it. Who was not answered in time has gone, and says nothing of the store:
// it is asked again in either case.
func (s *Store) heard(ctx context.Context, size int64, err error) {
	s.mu.Lock()
	news := err != nil || s.doubt > 0
	s.doubt = 0
	if err != nil {
		s.doubt = max(size, 1)
	}
	s.mu.Unlock()
	if !news {
		return
	}
	s.note(ctx, err)
	if err != nil {
		s.awake()
	}
}

// longestTrial bounds the file by which the store is asked: one that is full may take a small one.
const longestTrial = 1 << 20

// ask asks the store whether it takes a file again, if it did not take one, and nothing else says so.
func (s *Store) ask(ctx context.Context) error {
	s.mu.Lock()
	size := min(s.doubt, longestTrial)
	s.mu.Unlock()
	if size == 0 {
		return nil
	}
	content := make([]byte, size)
	rand.Read(content)
	if _, err := s.remote.Upload(ctx, s.trial, bytes.NewReader(content), size, nil); err != nil {
		return fmt.Errorf("ask whether the store takes files: %w", err)
	}
	s.mu.Lock()
	s.doubt = 0
	s.mu.Unlock()
	if _, err := s.remote.Remove(ctx, s.trial, time.Time{}); err != nil {
		s.opt.Logger.Warn("a file by which the object store was asked stays there", "name", s.trial, "error", err)
	}
	return nil
}

// note says once that the store does not take what it should, and once that it does again.
func (s *Store) note(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	was, files := s.waiting.Away, s.waiting.Files
	switch {
	case err == nil:
		s.waiting.Away, s.waiting.Since = "", time.Time{}
	case was == "":
		s.waiting.Since = time.Now()
		fallthrough
	default:
		s.waiting.Away = err.Error()
	}
	s.mu.Unlock()
	switch {
	case err != nil && was == "":
		text := "files wait on this machine: the object store does not take them; it is asked again until it does"
		if len(s.opt.Later) == 0 {
			text = "the object store does not take files, and what is answered only then is refused; it is asked again until it does"
		}
		s.opt.Logger.Error(text, "files", files, "error", err)
	case err == nil && was != "":
		s.opt.Logger.Info("the object store takes files again", "waiting", files)
	}
}

// Sweep takes up what lies here. The error is of a store that does not take it now, or of a file that it took wrongly: the others go on.
func (s *Store) Sweep(ctx context.Context) error {
	names, odd, err := s.here(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.waiting.Files = len(names)
	s.mu.Unlock()
	g, going := errgroup.WithContext(ctx)
	g.SetLimit(uploads)
	for _, name := range names {
		if going.Err() != nil {
			break
		}
		g.Go(func() error {
			var gone bool
			err := guard.Call(func() (err error) { gone, err = s.take(going, name); return err })
			s.mu.Lock()
			defer s.mu.Unlock()
			if gone {
				s.waiting.Files--
			}
			if err != nil && !passes(err) && going.Err() == nil {
				odd = cmp.Or(odd, err)
				return nil
			}
			return err
		})
	}
	return cmp.Or(g.Wait(), odd, ctx.Err())
}

// here lists what lies here and has to go up. odd is of folders that cannot be read.
func (s *Store) here(ctx context.Context) (names []string, odd, err error) {
	for _, folder := range s.opt.Folders {
		for name, err := range s.local.List(ctx, folder) {
			if under(s.opt.Stay, name) {
				continue
			}
			if err != nil {
				err = fmt.Errorf("look for files that have to go up: %w", err)
				if name == "" || passes(err) {
					return nil, nil, err
				}
				odd = cmp.Or(odd, err)
				continue
			}
			names = append(names, name)
		}
	}
	return names, odd, nil
}

// passes tells whether an error is one of the store, which stops all files, as against one of this file.
func passes(err error) bool {
	return errors.Is(err, store.ErrTemporary) || errors.Is(err, store.ErrFull)
}

// take takes one file up, and removes it here once it was read back. It tells whether the file is not here any more.
func (s *Store) take(ctx context.Context, name string) (gone bool, err error) {
	if s.opt.Recorded != nil {
		known, err := s.opt.Recorded(ctx, name)
		if err != nil || !known {
			return false, err
		}
	}
	defer s.names.Lock(name)()
	f, err := s.local.Open(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return true, nil // removed meanwhile
	}
	if err != nil {
		return false, fmt.Errorf("take %s up: %w", name, err)
	}
	defer f.Close()
	if _, err := s.remote.Upload(ctx, name, f, f.Size(), nil); err != nil {
		return false, fmt.Errorf("take %s up: %w", name, err)
	}
	if err := s.compare(ctx, name, f); err != nil {
		return false, fmt.Errorf("compare %s with what went up: %w", name, err)
	}
	if s.opt.Stored != nil {
		if err := s.opt.Stored(ctx, name); err != nil {
			return false, fmt.Errorf("tell that %s went up: %w", name, err)
		}
	}
	// One that came again meanwhile is younger, and goes up again.
	return s.local.Remove(ctx, name, f.Time().Add(time.Nanosecond))
}

// compare reads what went up, all of it.
func (s *Store) compare(ctx context.Context, name string, local store.File) error {
	far, err := s.remote.Open(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return errDiffers
	}
	if err != nil {
		return err
	}
	defer far.Close()
	if far.Size() != local.Size() {
		return errDiffers
	}
	var sums [2][sha256.Size]byte
	for i, f := range []store.File{local, far} {
		digest := sha256.New()
		if _, err := io.CopyBuffer(digest, io.NewSectionReader(f, 0, f.Size()), make([]byte, 512<<10)); err != nil {
			return err
		}
		sums[i] = [sha256.Size]byte(digest.Sum(nil))
	}
	if sums[0] != sums[1] {
		return errDiffers
	}
	return nil
}
