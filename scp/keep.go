package scp

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// keep makes the received file durable under its name: contents first, then the name, then
// the folder. Only after the last step may the sender be told. If the same bytes are there
// already, nothing is written, but the name is made durable all the same: the first
// association may still be on its way to it.
func (b *Inbox) keep(f file, tmp, folder string, s *Stored, dataSetSize int64) error {
	path := b.abs(filepath.FromSlash(s.Path))
	dir := filepath.Dir(path)
	name, err := strconv.ParseUint(s.Digest[:2], 16, 8)
	if err != nil {
		return cannotWrite(err)
	}
	b.names[name].Lock()
	defer b.names[name].Unlock()
	if sameDataSet(path, dataSetSize) {
		s.Again = true
		if info, err := os.Stat(path); err == nil {
			s.Size = info.Size()
		}
		if err := b.disk.syncDir(dir); err != nil {
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
