package scp

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"jcsnode/dataset"
	"jcsnode/dimse"
	"jcsnode/durable"
)

// Names below data_dir. The study folder is named by a hash of the Study Instance UID and
// the file by a hash of its bytes: no text of a data set becomes a path.
const (
	inboxDir      = "inbox"
	tmpDir        = "tmp"
	quarantineDir = "quarantine"
	extension     = ".dcm"
)

// spaceStep is how many bytes are written between two looks at the free space.
const spaceStep = 8 << 20

// Inbox stores instances durably below data_dir/inbox.
type Inbox struct {
	dataDir string
	opt     InboxOptions
	disk    disk
	tmp     string   // folder of this process
	lock    *os.File // held while this process lives
	serial  atomic.Uint64
	names   [256]sync.Mutex // by first byte of the digest: looking for a name and taking it are one step

	mu      sync.Mutex
	durable map[string]bool // study folders whose own name is known to be durable
}

// InboxOptions of OpenInbox.
type InboxOptions struct {
	ReserveBytes int64 // free space of the disk below which nothing is taken

	// For the file meta information of stored files.
	ImplementationClassUID, ImplementationVersionName string

	Limits dataset.Limits
}

// Incoming is what the command says about an instance.
type Incoming struct {
	SOPClassUID, SOPInstanceUID, TransferSyntaxUID, CallingAETitle string
}

// Stored is an instance in the inbox.
type Stored struct {
	Path           string // relative to data_dir, with slashes
	Digest         string // hex sha256 of transfer syntax UID, newline, data set bytes
	Size           int64  // of the file
	StudyUID       string
	SeriesUID      string
	SOPInstanceUID string
	SOPClassUID    string
	Flag           string // what is odd about it, "" mostly
	Again          bool   // the same bytes were there already; nothing was written
}

// OpenInbox makes the folders where they are missing and removes what dead processes left
// half written.
func OpenInbox(dataDir string, opt InboxOptions) (*Inbox, error) {
	b := &Inbox{dataDir: dataDir, opt: opt, disk: realDisk(), durable: map[string]bool{}}
	if err := durable.Folder(dataDir); err != nil {
		return nil, fmt.Errorf("open inbox: %w", err)
	}
	for _, dir := range []string{b.abs(inboxDir), b.abs(inboxDir, tmpDir), b.abs(inboxDir, quarantineDir)} {
		if err := errors.Join(b.disk.mkdir(dir), b.disk.syncDir(filepath.Dir(dir))); err != nil {
			return nil, fmt.Errorf("open inbox: %w", err)
		}
	}
	if err := removeDead(b.abs(inboxDir, tmpDir)); err != nil {
		return nil, fmt.Errorf("open inbox: remove what dead processes left: %w", err)
	}
	b.tmp = b.abs(inboxDir, tmpDir, rand.Text())
	if err := b.disk.mkdir(b.tmp); err != nil {
		return nil, fmt.Errorf("open inbox: %w", err)
	}
	var err error
	if b.lock, err = lockDir(b.tmp); err != nil {
		return nil, fmt.Errorf("open inbox: %w", err)
	}
	return b, nil
}

// Close removes the temporary folder. Nothing may be received any more.
func (b *Inbox) Close() error {
	return errors.Join(os.RemoveAll(b.tmp), b.lock.Close())
}

func (b *Inbox) abs(elements ...string) string {
	return filepath.Join(append([]string{b.dataDir}, elements...)...)
}

// removeDead removes the temporary folders of processes that are gone: those whose lock can be had.
func removeDead(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if e.IsDir() {
			lock, err := lockDir(path)
			if errors.Is(err, unix.EWOULDBLOCK) {
				continue // alive
			}
			if err != nil {
				return err
			}
			defer lock.Close()
		}
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

// lockDir locks a folder as long as the returned file is open or this process lives.
func lockDir(path string) (*os.File, error) {
	d, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), d.Close())
	}
	return d, nil
}

// Room says whether there is more free disk than the reserve: nil or a *Refusal.
func (b *Inbox) Room() error {
	free, err := b.disk.freeDisk(b.dataDir)
	if err != nil {
		return &NotStored{Status: dimse.StatusOutOfResources, Code: "disk-error", Text: "free disk space is not known", Remedy: "check the disk of data_dir", Err: err}
	}
	if free <= b.opt.ReserveBytes {
		return diskFull(fmt.Errorf("%s free, %s reserved (node.reserve)", Bytes(free), Bytes(b.opt.ReserveBytes)))
	}
	return nil
}

func diskFull(err error) *NotStored {
	return &NotStored{Status: dimse.StatusOutOfResources, Code: "disk-full", Text: "disk is full up to the reserve",
		Remedy: "make room on the disk of data_dir; reception goes on by itself then", Err: err}
}

// cannotWrite is the refusal for an error of the file system.
func cannotWrite(err error) *NotStored {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return diskFull(err)
	}
	return &NotStored{Status: dimse.StatusOutOfResources, Code: "disk-error", Text: "instance could not be kept on disk",
		Remedy: "check the disk of data_dir and its permissions", Err: err}
}

// Receive stores the data set that body brings. When it returns without error, bytes and
// name are durable. A *Refusal says what to answer; any other error is one of body, and
// nothing is left of the instance in either case.
func (b *Inbox) Receive(in Incoming, body io.Reader) (Stored, error) {
	if err := b.Room(); err != nil {
		return Stored{}, err
	}
	tmp := filepath.Join(b.tmp, fmt.Sprintf("%d", b.serial.Add(1)))
	f, err := b.disk.create(tmp)
	if err != nil {
		return Stored{}, cannotWrite(err)
	}
	s, err := b.receive(in, body, f, tmp)
	if err != nil || s.Again {
		// The file is closed and gone already when it was renamed.
		f.Close()
		if e := b.disk.remove(tmp); e != nil && !errors.Is(e, os.ErrNotExist) && err == nil {
			err = cannotWrite(e)
		}
	}
	return s, err
}

func (b *Inbox) receive(in Incoming, body io.Reader, f file, tmp string) (Stored, error) {
	w := &sink{file: f, digest: sha256.New(), inbox: b}
	if err := dataset.WriteMeta(w, dataset.Meta{
		SOPClassUID: in.SOPClassUID, SOPInstanceUID: in.SOPInstanceUID, TransferSyntaxUID: in.TransferSyntaxUID,
		ImplementationClassUID: b.opt.ImplementationClassUID, ImplementationVersionName: b.opt.ImplementationVersionName, SourceAETitle: in.CallingAETitle,
	}); err != nil {
		return Stored{}, w.refusal(err)
	}
	metaSize := w.size
	w.digest.Reset()
	fmt.Fprintf(w.digest, "%s\n", in.TransferSyntaxUID)
	if _, err := io.Copy(w, body); err != nil {
		if w.err != nil {
			return Stored{}, w.refusal(err)
		}
		return Stored{}, fmt.Errorf("receive data set: %w", err)
	}

	header, err := dataset.Read(f, w.size, b.opt.Limits)
	if err != nil {
		r := unreadable(err)
		r.StudyUID = studyOf(f, metaSize, w.size, in.TransferSyntaxUID)
		return Stored{}, r
	}
	if header.DataSetOffset() != metaSize {
		// Behind our own, it would be taken for part of it by every reader.
		return Stored{}, &NotStored{Status: dimse.StatusCannotUnderstand, Code: "file-meta", Text: "data set begins with file meta information",
			Remedy: "the sender must send the data set of a file alone (PS3.10 7.1); check its software"}
	}
	id, err := identify(header)
	if err != nil {
		return Stored{}, err
	}
	if err := agree(id, in.SOPClassUID, in.SOPInstanceUID); err != nil {
		return Stored{}, err
	}
	s := Stored{Digest: hex.EncodeToString(w.digest.Sum(nil)), Size: w.size, StudyUID: id.studyUID, SeriesUID: id.seriesUID,
		SOPInstanceUID: id.sopInstanceUID, SOPClassUID: id.sopClassUID, Flag: id.flag}
	folder := studyFolder(id.studyUID)
	s.Path = inboxDir + "/" + folder + "/" + s.Digest[:40] + extension
	if err := b.keep(f, tmp, folder, &s, w.size-metaSize); err != nil {
		return Stored{}, err
	}
	return s, nil
}

// studyFolder names the folder of a study, whatever its UID looks like.
func studyFolder(studyUID string) string {
	sum := sha256.Sum256([]byte(studyUID))
	return hex.EncodeToString(sum[:])[:32]
}

// sink writes a file and the digest of what goes into it, and watches the free space.
type sink struct {
	file   file
	digest hash.Hash
	inbox  *Inbox
	size   int64
	looked int64 // size at the last look at the free space
	err    error // of the file system, as against the sender
}

// Write implements io.Writer.
func (w *sink) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	w.digest.Write(p[:n])
	w.size += int64(n)
	if err == nil && w.size-w.looked >= spaceStep {
		w.looked = w.size
		err = w.inbox.Room()
	}
	w.err = err
	return n, err
}

func (w *sink) refusal(err error) error {
	var r *NotStored
	if errors.As(w.err, &r) {
		return r
	}
	if w.err != nil {
		err = w.err
	}
	return cannotWrite(err)
}
