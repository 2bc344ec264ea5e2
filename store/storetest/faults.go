package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"jcsnode/store"
)

// Fault is what can go wrong in a store.
type Fault string

// Faults that a store can be made to suffer.
const (
	CannotBegin      Fault = "no file can be made, for now" // out of file descriptors, of connections
	FullAtOnce       Fault = "full after ten bytes"
	FullLater        Fault = "full after 400 bytes"
	NotRead          Fault = "what was written cannot be read back"
	NotSynced        Fault = "the content cannot be made durable"
	NoFolder         Fault = "full when the name needs a folder"
	FolderNotSynced  Fault = "a new folder cannot be made durable"
	NoName           Fault = "the name cannot be given"
	NameNotSynced    Fault = "the name cannot be made durable"
	RoomNotKnown     Fault = "the free space cannot be measured"
	NotRemovedStaged Fault = "what is staged cannot be removed again"
)

// faults: what fails is told as what it is, is not there afterwards, and works when the fault is over.
func faults(t *testing.T, open func(t *testing.T) *Subject) {
	content := fmt.Sprintf("%2000d", 1)
	for fault, kind := range map[Fault]error{
		CannotBegin: store.ErrTemporary, FullAtOnce: store.ErrFull, FullLater: store.ErrFull, NotSynced: nil, NoFolder: store.ErrFull,
		FolderNotSynced: nil, NoName: nil, NameNotSynced: nil,
	} {
		for _, before := range []string{"", "what was there before"} {
			if before != "" && (fault == NoFolder || fault == FolderNotSynced) {
				continue // the folder is there
			}
			t.Run(fmt.Sprintf("%s/before %q", fault, before), func(t *testing.T) {
				u := open(t)
				if before != "" {
					put(t, u.Store, "in/a/file", before)
				}
				if !u.Break(fault) {
					t.Skip("this store has no such fault")
				}
				err := store.Put(t.Context(), u.Store, "in/a/file", []byte(content))
				var told *store.Error
				if !errors.As(err, &told) || told.Kind != kind {
					t.Errorf("%#v, want a fault of the store of kind %v", err, kind)
				}
				nothingLeft(t, u)
				u.Mend()
				got, err := store.Get(t.Context(), u.Store, "in/a/file")
				if err == nil && string(got) != before || err != nil && !errors.Is(err, store.ErrNotFound) {
					t.Errorf("%q, %v; want what was there before, or nothing", got, err)
				}
				put(t, u.Store, "in/a/file", content)
				want(t, u.Store, "in/a/file", content)
			})
		}
	}
	t.Run("read back", func(t *testing.T) {
		u := open(t)
		if !u.Break(NotRead) {
			t.Skip("this store has no such fault")
		}
		f := stage(t, u.Store, content)
		var told *store.Error
		if _, err := f.ReadAt(make([]byte, 10), 0); !errors.As(err, &told) {
			t.Errorf("%v, want a fault of the store", err)
		}
		if err := f.Abort(); err != nil {
			t.Error(err)
		}
		nothingLeft(t, u)
	})
	t.Run("room", func(t *testing.T) {
		u := open(t)
		if !u.Break(RoomNotKnown) {
			t.Skip("this store has no such fault")
		}
		var told *store.Error
		if _, err := u.Store.Room(t.Context()); !errors.As(err, &told) {
			t.Errorf("%v, want a fault of the store", err)
		}
	})
	t.Run("abort", func(t *testing.T) {
		u := open(t)
		f := stage(t, u.Store, content)
		if !u.Break(NotRemovedStaged) {
			t.Skip("this store has no such fault")
		}
		var told *store.Error
		if err := f.Abort(); !errors.As(err, &told) {
			t.Errorf("%v, want a fault of the store", err)
		}
	})
}

// crash: what was committed is there, what was staged is nowhere.
func crash(t *testing.T, u *Subject) {
	put(t, u.Store, "in/a/committed", "content")
	stage(t, u.Store, "half")
	after := u.Crash(t)
	if got := listed(t, after, "in"); !slices.Equal(got, []string{"in/a/committed"}) {
		t.Errorf("listed %v", got)
	}
	want(t, after, "in/a/committed", "content")
	nothingLeft(t, u)
	put(t, after, "in/a/next", "content")
}

// Of several who commit to one name, the first does and the others find that.
func oneNameAtATime(t *testing.T, u *Subject) {
	const all = 8
	var mu sync.Mutex
	var wg sync.WaitGroup
	found := 0
	for i := range all {
		content := fmt.Sprintf("content of %d", i)
		f := stage(t, u.Store, content)
		wg.Go(func() {
			defer f.Abort()
			kept, err := f.Commit(t.Context(), "in/a/file", func(old store.File) bool { return old.Size() == int64(len(content)) })
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			if kept {
				found++
			}
		})
	}
	wg.Wait()
	if got := listed(t, u.Store, "in"); found != all-1 || len(got) != 1 {
		t.Errorf("%d of %d were kept, files %v", found, all, got)
	}
	nothingLeft(t, u)
}

// The last file of a folder goes while others come: no commit fails for it, and what was committed is there.
func removedWhileOthersCome(t *testing.T, u *Subject) {
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for k := range 50 {
				name := fmt.Sprintf("in/a/%d", i)
				if err := store.Put(t.Context(), u.Store, name, []byte("content")); err != nil {
					t.Errorf("commit %d: %v", k, err)
				}
				if has, err := u.Store.Has(t.Context(), name); !has || err != nil {
					t.Errorf("commit %d: there %v, %v", k, has, err)
				}
				if gone, err := u.Store.Remove(t.Context(), name, time.Time{}); !gone || err != nil {
					t.Errorf("remove %d: gone %v, %v", k, gone, err)
				}
			}
		})
	}
	wg.Wait()
	if got := listed(t, u.Store, "in"); len(got) > 0 {
		t.Errorf("listed %v", got)
	}
	nothingLeft(t, u)
}
