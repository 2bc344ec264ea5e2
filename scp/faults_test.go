package scp

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"jcsnode/dimse"
)

// faultyFile fails at one place.
type faultyFile struct {
	file
	writeLeft int // bytes until ENOSPC; -1 never
	sync      error
	read      error
}

func (f *faultyFile) ReadAt(p []byte, off int64) (int, error) {
	if f.read != nil {
		return 0, f.read
	}
	return f.file.ReadAt(p, off)
}

func (f *faultyFile) Write(p []byte) (int, error) {
	if f.writeLeft >= 0 && len(p) > f.writeLeft {
		n, _ := f.file.Write(p[:f.writeLeft])
		f.writeLeft = 0
		return n, unix.ENOSPC
	}
	if f.writeLeft >= 0 {
		f.writeLeft -= len(p)
	}
	return f.file.Write(p)
}

func (f *faultyFile) Datasync() error {
	if f.sync != nil {
		return f.sync
	}
	return f.file.Datasync()
}

func TestReceive_FaultsLeaveNothingAndNeverSucceed(t *testing.T) {
	wrap := func(b *Inbox, change func(*faultyFile)) {
		real := b.disk.create
		b.disk.create = func(path string) (file, error) {
			f, err := real(path)
			if err != nil {
				return nil, err
			}
			ff := &faultyFile{file: f, writeLeft: -1}
			change(ff)
			return ff, nil
		}
	}
	for name, c := range map[string]struct {
		break_ func(b *Inbox)
		code   string
	}{
		"create":                {func(b *Inbox) { b.disk.create = func(string) (file, error) { return nil, unix.EMFILE } }, "disk-error"},
		"full in the file meta": {func(b *Inbox) { wrap(b, func(f *faultyFile) { f.writeLeft = 10 }) }, "disk-full"},
		"full in the data set":  {func(b *Inbox) { wrap(b, func(f *faultyFile) { f.writeLeft = 400 }) }, "disk-full"},
		"sync":                  {func(b *Inbox) { wrap(b, func(f *faultyFile) { f.sync = unix.EIO }) }, "disk-error"},
		"read back":             {func(b *Inbox) { wrap(b, func(f *faultyFile) { f.read = &fs.PathError{Op: "read", Err: unix.EIO} }) }, "disk-error"},
		"study folder": {func(b *Inbox) {
			b.disk.mkdir = func(string) error { return unix.ENOSPC }
		}, "disk-full"},
		"rename": {func(b *Inbox) { b.disk.rename = func(string, string) error { return unix.EIO } }, "disk-error"},
		"sync of the inbox folder": {func(b *Inbox) {
			b.disk.syncDir = func(path string) error {
				if filepath.Base(path) == inboxDir {
					return unix.EIO
				}
				return nil
			}
		}, "disk-error"},
		"sync of the study folder": {func(b *Inbox) {
			b.disk.syncDir = func(path string) error {
				if filepath.Base(path) != inboxDir {
					return unix.EIO
				}
				return nil
			}
		}, "disk-error"},
		"reserve reached before": {func(b *Inbox) {
			b.opt.ReserveBytes = 1000
			b.disk.freeDisk = func(string) (int64, error) { return 1000, nil }
		}, "disk-full"},
		"free space not known": {func(b *Inbox) { b.disk.freeDisk = func(string) (int64, error) { return 0, unix.EIO } }, "disk-error"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			b := testInbox(t, dir)
			good := b.disk
			c.break_(b)
			i := aSlice("1.2", "1.2.3")
			i.pixels = make([]byte, 2000)
			_, err := b.Receive(i.incoming(), bytes.NewReader(i.bytes()))
			var r *NotStored
			if !errors.As(err, &r) || r.Status != dimse.StatusOutOfResources || r.Code != c.code {
				t.Errorf("%v, want A700H with code %s", err, c.code)
			}
			if got := files(t, dir); len(got) != 0 {
				t.Errorf("left behind: %v", got)
			}
			b.disk, b.opt.ReserveBytes = good, 0
			if s, err := b.Receive(i.incoming(), bytes.NewReader(i.bytes())); err != nil || s.Again {
				t.Errorf("after repair: %+v, %v", s, err)
			}
		})
	}
}

func TestReceive_ReserveReachedWhileWriting(t *testing.T) {
	dir := t.TempDir()
	b := testInbox(t, dir)
	looks := 0
	b.opt.ReserveBytes = 1000
	b.disk.freeDisk = func(string) (int64, error) {
		looks++
		return int64(4000 - 1000*looks), nil // reached at the third look
	}
	i := aSlice("1.2", "1.2.3")
	i.pixels = make([]byte, 10*spaceStep)
	var r *NotStored
	_, err := b.Receive(i.incoming(), struct{ io.Reader }{bytes.NewReader(i.bytes())})
	if !errors.As(err, &r) || r.Code != "disk-full" || looks != 3 {
		t.Errorf("%v after %d looks, want disk-full at the third", err, looks)
	}
	if got := files(t, dir); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}
