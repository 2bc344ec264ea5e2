package ledger

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/mattn/go-sqlite3"

	"jcsnode/ledger/sqlite"
)

func TestNoRoom(t *testing.T) {
	l := &Ledger{db: &sqlite.Database{}}
	for _, c := range []struct {
		err  error
		want bool
	}{
		{fmt.Errorf("x: %w", syscall.ENOSPC), true},
		{fmt.Errorf("x: %w", syscall.EDQUOT), true},
		{fmt.Errorf("x: %w", syscall.EROFS), true},
		{fmt.Errorf("x: %w", sqlite3.Error{Code: sqlite3.ErrFull}), true},
		{fmt.Errorf("x: %w", sqlite3.Error{Code: sqlite3.ErrConstraint}), false},
		{errors.New("no space left on device"), false},
		{syscall.EIO, false}, // of one file, for ever
	} {
		if got := l.noRoom(c.err); got != c.want {
			t.Errorf("%v: %v", c.err, got)
		}
	}
}
