package store

import (
	"context"
	"io"
	"iter"
	"time"
)

// Store keeps files under names. All methods may be called by several goroutines at a time.
type Store interface {
	Reader
	// Stage begins a file that has no name yet. What ctx ends early leaves nothing behind.
	Stage(ctx context.Context) (Staged, error)
	// Move gives a file another name, durably; what has that name is replaced.
	Move(ctx context.Context, from, to string) error
	// Remove removes a file, if it was neither committed nor kept by Commit at or after before; the zero time stands for any age. It
	// tells whether there is no file of that name any more. None from the beginning is no error.
	Remove(ctx context.Context, name string, before time.Time) (gone bool, err error)
	// List gives the names below a folder, in no order that counts: those that begin with it and a slash. A file that comes or goes
	// meanwhile is listed or not. What lies there under no name as CheckName wants it is not the store's and left out. An error with a
	// name is of the folder of that name alone: who goes on gets the rest.
	List(ctx context.Context, folder string) iter.Seq2[string, error]
	// ListSince is List that may leave out files that have had their names since before a time; the zero time leaves out none. Where there
	// are millions of files and few are new it is much faster.
	ListSince(ctx context.Context, folder string, since time.Time) iter.Seq2[string, error]
	// Room measures the free space.
	Room(ctx context.Context) (Room, error)
}

// Reader is a store for who changes nothing.
type Reader interface {
	// Open opens a file for reading; the error is ErrNotFound if there is none. ctx bounds its reads, too. It must be closed.
	Open(ctx context.Context, name string) (File, error)
	// Has tells whether there is a file of that name.
	Has(ctx context.Context, name string) (bool, error)
}

// File is an open file. It stays as it is, even if its name is removed or given to another, or its reads fail then: what was read never
// mixes two files. Several goroutines may read it.
type File interface {
	io.ReaderAt
	io.Closer
	Size() int64
	Time() time.Time // when it was committed, or last kept by Commit
}

// Staged is a file on its way in, of one goroutine. Write appends; what was written can be read back before it has a name. Abort must
// be called at the end whatever came of it.
type Staged interface {
	io.Writer
	io.ReaderAt
	// Commit gives the file its name. After it returned without error, content and name are durable. If there is a file of that
	// name already, same decides, which may be nil: where it says that the old one is as good, that one is kept, made durable and as
	// young as a new one, and kept is true. Otherwise the old one is replaced. Of several who commit to one name at a time, one
	// after the other does. After an error the name has what it had before, or nothing.
	Commit(ctx context.Context, name string, same func(old File) bool) (kept bool, err error)
	// Abort drops the file, if Commit did not give it a name.
	Abort() error
}

// Put keeps content under a name, durably, and replaces what is there.
func Put(ctx context.Context, s Store, name string, content []byte) (err error) {
	f, err := s.Stage(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Abort(); err == nil {
			err = e
		}
	}()
	if _, err := f.Write(content); err != nil {
		return err
	}
	_, err = f.Commit(ctx, name, nil)
	return err
}

// Get reads a whole file.
func Get(ctx context.Context, r Reader, name string) ([]byte, error) {
	f, err := r.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content := make([]byte, f.Size())
	if _, err := io.ReadFull(io.NewSectionReader(f, 0, f.Size()), content); err != nil {
		return nil, err
	}
	return content, nil
}
