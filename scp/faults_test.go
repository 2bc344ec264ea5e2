package scp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"syscall"
	"testing"

	"jcsnode/dimse"
	"jcsnode/store"
)

// faultyStore fails where it is told to. What a fault leaves behind in a real one is the business of the store's own tests.
type faultyStore struct {
	store.Store
	stage, read, commit, abort error
	space                      int // bytes that can be written to a staged file, 0: any
	room                       func() (store.Room, error)
}

func (s *faultyStore) Room(ctx context.Context) (store.Room, error) {
	if s.room != nil {
		return s.room()
	}
	return s.Store.Room(ctx)
}

func (s *faultyStore) Stage(ctx context.Context) (store.Staged, error) {
	if s.stage != nil {
		return nil, s.stage
	}
	f, err := s.Store.Stage(ctx)
	return &faultyStaged{f, s, 0}, err
}

type faultyStaged struct {
	store.Staged
	s       *faultyStore
	written int
}

func (f *faultyStaged) Write(p []byte) (int, error) {
	if f.written += len(p); f.s.space > 0 && f.written > f.s.space {
		return 0, full
	}
	return f.Staged.Write(p)
}

func (f *faultyStaged) ReadAt(p []byte, off int64) (int, error) {
	if f.s.read != nil {
		return 0, f.s.read
	}
	return f.Staged.ReadAt(p, off)
}

func (f *faultyStaged) Commit(ctx context.Context, name string, same func(store.File) bool) (bool, error) {
	if f.s.commit != nil {
		return false, f.s.commit
	}
	return f.Staged.Commit(ctx, name, same)
}

func (f *faultyStaged) Abort() error { return errors.Join(f.Staged.Abort(), f.s.abort) }

var (
	full    = &store.Error{Kind: store.ErrFull, Err: errors.New("no space left on device")}
	away    = &store.Error{Kind: store.ErrTemporary, Far: true, Err: errors.New("nobody listens there")}
	farFull = &store.Error{Kind: store.ErrFull, Far: true, Err: errors.New("the quota is spent")}
	busy    = &store.Error{Kind: store.ErrTemporary, Err: errors.New("too many open files")}
	broken  = &store.Error{Err: errors.New("input/output error")}
)

func spent() (store.Room, error) { return store.Room{Free: 1000, Reserve: 1000}, nil }

func unwritable() (store.Room, error) { return store.Room{ReadOnly: true}, nil }

func TestReceive_FaultsLeaveNothingAndNeverSucceed(t *testing.T) {
	for name, c := range map[string]struct {
		faulty faultyStore
		code   string
	}{
		"stage":                  {faultyStore{stage: busy}, "disk-error"},
		"full in the file meta":  {faultyStore{space: 10}, "disk-full"},
		"full in the data set":   {faultyStore{space: 400}, "disk-full"},
		"read back":              {faultyStore{read: broken}, "disk-error"},
		"full at the end":        {faultyStore{commit: full}, "disk-full"},
		"commit":                 {faultyStore{commit: broken}, "disk-error"},
		"store away":             {faultyStore{commit: away}, "store-error"},
		"store full":             {faultyStore{commit: farFull}, "store-error"},
		"reserve reached before": {faultyStore{room: spent}, "disk-full"},
		"read only before":       {faultyStore{room: unwritable}, "disk-read-only"},
		"read only at the end":   {faultyStore{commit: store.FileFault(syscall.EROFS)}, "disk-read-only"},
		"free space not known":   {faultyStore{room: func() (store.Room, error) { return store.Room{}, broken }}, "disk-error"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			b := testInbox(t, dir)
			good := b.store
			c.faulty.Store, b.store = good, &c.faulty
			i := aSlice("1.2", "1.2.3")
			i.pixels = make([]byte, 2000)
			_, err := b.Receive(t.Context(), i.incoming(), bytes.NewReader(i.bytes()))
			var r *NotStored
			if !errors.As(err, &r) || r.Status != dimse.StatusOutOfResources || r.Code != c.code {
				t.Errorf("%v, want A700H with code %s", err, c.code)
			}
			if known := c.faulty.commit != nil; known != (r.StudyUID == "1.2") { // it is in what has come by then
				t.Errorf("refused of study %q", r.StudyUID)
			}
			if got := files(t, dir); len(got) != 0 {
				t.Errorf("left behind: %v", got)
			}
			b.store = good
			if s, err := b.Receive(t.Context(), i.incoming(), bytes.NewReader(i.bytes())); err != nil || s.Again {
				t.Errorf("after repair: %+v, %v", s, err)
			}
		})
	}
}

// A staged file that stays is told of where nothing else went wrong: it takes room from the next ones.
func TestReceive_StagedFileThatCannotBeRemoved(t *testing.T) {
	b := testInbox(t, t.TempDir())
	b.store = &faultyStore{Store: b.store, abort: broken}
	i := aSlice("1.2", "1.2.3")
	var r *NotStored
	if _, err := b.Receive(t.Context(), i.incoming(), bytes.NewReader(i.bytes())); !errors.As(err, &r) || r.Code != "disk-error" {
		t.Errorf("%v, want disk-error", err)
	}
	i.study = ""
	if _, err := b.Receive(t.Context(), i.incoming(), bytes.NewReader(i.bytes())); !errors.As(err, &r) || r.Code != "no-uid" {
		t.Errorf("%v, want no-uid, the first that went wrong", err)
	}
}

func TestReceive_ReserveReachedWhileWriting(t *testing.T) {
	dir := t.TempDir()
	b := testInbox(t, dir)
	looks := 0
	b.store = &faultyStore{Store: b.store, room: func() (store.Room, error) {
		looks++
		return store.Room{Free: int64(4000 - 1000*looks), Reserve: 1000}, nil // reached at the third look
	}}
	i := aSlice("1.2", "1.2.3")
	i.pixels = make([]byte, 10*spaceStep)
	var r *NotStored
	_, err := b.Receive(t.Context(), i.incoming(), struct{ io.Reader }{bytes.NewReader(i.bytes())})
	if !errors.As(err, &r) || r.Code != "disk-full" || looks != 3 {
		t.Errorf("%v after %d looks, want disk-full at the third", err, looks)
	}
	if got := files(t, dir); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}
