package scp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// keep makes the received file durable under its name: contents first, then the name, then
// the folder. Only after the last step may the sender be told. If the same bytes are there
// already, nothing is written, but the name is made durable all the same: the first
// association may still be on its way to it.
func (b *Inbox) keep(f file, tmp, folder string, s *Stored, dataSetSize int64) error {
	path := b.abs(filepath.FromSlash(s.Path))
	dir := filepath.Dir(path)
	name, err := b.name(path)
	if err != nil {
		return cannotWrite(err)
	}
	name.Lock()
	defer name.Unlock()
	if sameDataSet(path, dataSetSize) {
		s.Again = true
		if info, err := os.Stat(path); err == nil {
			s.Size = info.Size()
		}
		now := time.Now()
		if err := errors.Join(os.Chtimes(path, now, now), b.disk.syncDir(dir)); err != nil { // Remove looks at the time
			return cannotWrite(err)
		}
		return nil
	}
	if err := f.Datasync(); err != nil {
		return cannotWrite(err)
	}
	if err := f.Close(); err != nil {
		return cannotWrite(err)
	}
	if err := b.studyDir(folder); err != nil {
		return cannotWrite(err)
	}
	if err := b.disk.rename(tmp, path); err != nil {
		return cannotWrite(err)
	}
	if err := b.disk.syncDir(dir); err != nil {
		// It may not survive a power cut, so it must not be found by anybody.
		if e := b.disk.remove(path); e != nil {
			err = fmt.Errorf("%w (and %w)", err, e)
		}
		return cannotWrite(err)
	}
	return nil
}

// Remove removes the file of an instance, by its path relative to data_dir, if neither it nor the same bytes came at or after before.
// It tells whether the file is gone. Whoever sends the instance later has it stored anew.
func (b *Inbox) Remove(path string, before time.Time) (gone bool, err error) {
	full := b.abs(filepath.FromSlash(path))
	name, err := b.name(full)
	if err != nil {
		return false, fmt.Errorf("remove instance %s: %w", path, err)
	}
	name.Lock()
	defer name.Unlock()
	info, err := os.Stat(full)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("remove instance: %w", err)
	}
	if !info.ModTime().Before(before) {
		return false, nil
	}
	if err := b.disk.remove(full); err != nil {
		return false, fmt.Errorf("remove instance: %w", err)
	}
	return true, nil
}

// name is the lock of the name of a file, which begins with the digest of its bytes.
func (b *Inbox) name(path string) (*sync.Mutex, error) {
	n, err := strconv.ParseUint(fmt.Sprintf("%.2s", filepath.Base(path)), 16, 8)
	if err != nil {
		return nil, fmt.Errorf("name of a file of the inbox: %w", err)
	}
	return &b.names[n], nil
}

// durableFolders bounds the memory of folders: a folder that is forgotten costs one more sync.
const durableFolders = 10_000

// studyDir makes the folder of a study and its name durable, once per process and study.
func (b *Inbox) studyDir(folder string) error {
	b.mu.Lock()
	known := b.durable[folder]
	b.mu.Unlock()
	path := b.abs(inboxDir, folder)
	if known {
		if _, err := os.Stat(path); err == nil {
			return nil // and not removed by hand meanwhile
		}
	}
	if err := b.disk.mkdir(path); err != nil {
		return err
	}
	if err := b.disk.syncDir(b.abs(inboxDir)); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.durable) >= durableFolders {
		clear(b.durable)
	}
	b.durable[folder] = true
	return nil
}

// sameDataSet says whether the file at path holds a data set of size bytes. Its name is the
// digest of the bytes, so the size is only to find a file that was damaged afterwards. The
// file meta information before the data set may differ: it names the sender.
func sameDataSet(path string, size int64) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false
	}
	var head [144]byte // preamble, DICM, group length element (PS3.10 7.1)
	if _, err := f.ReadAt(head[:], 0); err != nil {
		return false
	}
	meta := int64(len(head)) + int64(binary.LittleEndian.Uint32(head[140:]))
	return info.Size() == meta+size
}
