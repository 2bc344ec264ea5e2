package sqlite

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/mattn/go-sqlite3"
)

// plainError is an error with other words than its cause has.
type plainError struct {
	text string
	err  error
}

func (t *plainError) Error() string { return t.text }
func (t *plainError) Unwrap() error { return t.err }

// inWords puts what SQLite and the file system say into the words of an operator, with what to do about it.
func (d *Database) inWords(err error) error {
	var already *plainError
	if err == nil || errors.As(err, &already) {
		return err
	}
	var code sqlite3.Error
	internal := ""
	switch {
	case errors.As(err, &code):
		internal = code.Error()
	case errors.Is(err, fs.ErrPermission):
		internal = fs.ErrPermission.Error()
	default:
		return err
	}
	words := d.wordsFor(code.Code)
	if words == "" {
		return err
	}
	return &plainError{strings.Replace(err.Error(), internal, words, 1), err}
}

// wordsFor are those for a code of SQLite, 0 for a file that may not be opened.
func (d *Database) wordsFor(code sqlite3.ErrNo) string {
	switch code {
	case 0, sqlite3.ErrCantOpen, sqlite3.ErrReadonly, sqlite3.ErrPerm:
		if d.readOnly {
			return "this user may not read it: run this as the user of the node, " +
				"or as one who may read this file and those beside it that end in -wal and -shm; " +
				"if there is a -wal without -shm, start the node once"
		}
		return "this user may not write it: run this as the user of the node, " +
			"who must own this file and those beside it that end in -wal and -shm"
	case sqlite3.ErrFull:
		return "its disk is full: make room on the disk of data_dir"
	case sqlite3.ErrIoErr:
		return "its disk gives errors: check the disk of data_dir"
	case sqlite3.ErrCorrupt, sqlite3.ErrNotADB:
		return "it is damaged: stop the node and restore data_dir from a backup, " +
			"or move ledger.db and the files beside it away; the node makes a new one from the inbox"
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		return "another program keeps it busy: try again"
	}
	return ""
}
