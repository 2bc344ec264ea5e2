package scp

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"syscall"

	"jcsnode/dataset"
	"jcsnode/dimse"
	"jcsnode/store"
)

// Folders of names in the store: of instances, and of files that are not what they should be.
const (
	InboxFolder      = "inbox"
	QuarantineFolder = InboxFolder + "/quarantine"
)

// Staging is the folder of data_dir where what is being received has always been.
const Staging = InboxFolder + "/tmp"

// extension ends the names of instances. A study is named by a hash of its Study Instance UID and an instance by a hash of its bytes: no
// text of a data set becomes a name.
const extension = ".dcm"

// spaceStep is how many bytes are written between two looks at the free space.
const spaceStep = 8 << 20

// Inbox receives instances durably into a store.
type Inbox struct {
	store store.Store
	opt   InboxOptions
}

// InboxOptions of NewInbox.
type InboxOptions struct {
	// For the file meta information of stored files.
	ImplementationClassUID, ImplementationVersionName string

	Limits dataset.Limits

	// At names the node whose disk alone has a file of the store, "" if others can read it; nil: there are no others.
	At func(ctx context.Context, name string) (string, error)
}

// NewInbox makes an inbox over a store. Below the reserve of the store nothing is taken.
func NewInbox(s store.Store, opt InboxOptions) *Inbox { return &Inbox{store: s, opt: opt} }

// Incoming is what the command says about an instance.
type Incoming struct {
	SOPClassUID, SOPInstanceUID, TransferSyntaxUID, CallingAETitle string
}

// Stored is an instance in the inbox.
type Stored struct {
	Path           string // its name in the store
	Digest         string // hex sha256 of transfer syntax UID, newline, data set bytes
	Size           int64  // of the file
	StudyUID       string
	SeriesUID      string
	SOPInstanceUID string
	SOPClassUID    string
	Accession      string // accession number of the study, "" where it has none that can be kept
	At             string // node whose disk alone has it, "" if others can read it
	Flag           string // what is odd about it, "" mostly
	Again          bool   // the same bytes were there already; nothing was written
}

// Room says whether there is more free disk than the reserve: nil or a *NotStored.
func (b *Inbox) Room(ctx context.Context) error {
	r, err := b.store.Room(ctx)
	if err != nil {
		return &NotStored{Status: dimse.StatusOutOfResources, Code: "disk-error", Text: "free disk space is not known",
			Remedy: "check the disk of data_dir (of store.path, if that is set)", Err: err}
	}
	if r.ReadOnly {
		return readOnly(syscall.EROFS)
	}
	if r.Spent() {
		return diskFull(fmt.Errorf("%s free, %s reserved (node.reserve)", store.Bytes(r.Free), store.Bytes(r.Reserve)))
	}
	return nil
}

func diskFull(err error) *NotStored {
	return &NotStored{Status: dimse.StatusOutOfResources, Code: "disk-full", Text: "disk is full up to the reserve",
		Remedy: "make room on the disk of data_dir (of store.path, if that is set); reception goes on by itself then", Err: err}
}

func readOnly(err error) *NotStored {
	return &NotStored{Status: dimse.StatusOutOfResources, Code: "disk-read-only", Text: "disk is read only",
		Remedy: remedyReadOnly, Err: err}
}

// cannotWrite is the refusal for a fault of the store.
func cannotWrite(err error) *NotStored {
	if fault := (*store.Error)(nil); errors.As(err, &fault) && fault.Far {
		return &NotStored{Status: dimse.StatusOutOfResources, Code: "store-error", Text: "instance could not be kept in the object store",
			Remedy: "`jcsnode check` tries the store and says what it lacks; reception goes on by itself when it takes files", Err: err}
	}
	if errors.Is(err, store.ErrFull) {
		return diskFull(err)
	}
	if errors.Is(err, syscall.EROFS) {
		return readOnly(err)
	}
	return &NotStored{Status: dimse.StatusOutOfResources, Code: "disk-error", Text: "instance could not be kept on disk",
		Remedy: "check the disk of data_dir (of store.path, if that is set) and its permissions", Err: err}
}

// Receive stores the data set that body brings. When it returns without error, bytes and
// name are durable. A *NotStored says what to answer; any other error is one of body, and
// nothing is left of the instance in either case.
func (b *Inbox) Receive(ctx context.Context, in Incoming, body io.Reader) (s Stored, err error) {
	if err := b.Room(ctx); err != nil {
		return Stored{}, err
	}
	f, err := b.store.Stage(ctx)
	if err != nil {
		return Stored{}, cannotWrite(err)
	}
	defer func() {
		if e := f.Abort(); e != nil && err == nil {
			err = cannotWrite(e)
		}
	}()
	return b.receive(ctx, in, body, f)
}

func (b *Inbox) receive(ctx context.Context, in Incoming, body io.Reader, f store.Staged) (Stored, error) {
	w := &sink{file: f, digest: sha256.New(), room: func() error { return b.Room(ctx) }}
	if err := dataset.WriteMeta(w, dataset.Meta{
		SOPClassUID: in.SOPClassUID, SOPInstanceUID: in.SOPInstanceUID, TransferSyntaxUID: in.TransferSyntaxUID,
		ImplementationClassUID: b.opt.ImplementationClassUID, ImplementationVersionName: b.opt.ImplementationVersionName,
		SourceAETitle: in.CallingAETitle,
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
		return Stored{}, &NotStored{Status: dimse.StatusCannotUnderstand, Code: "file-meta",
			Text:   "data set begins with file meta information",
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
		SOPInstanceUID: id.sopInstanceUID, SOPClassUID: id.sopClassUID, Accession: id.accession, Flag: id.flag}
	s.Path = nameOf(s.StudyUID, s.Digest)
	s.Again, err = f.Commit(ctx, s.Path, func(old store.File) bool {
		same := sameDataSet(old, w.size-metaSize)
		if same {
			s.Size = old.Size()
		}
		return same
	})
	if err == nil {
		s.At, err = b.at(ctx, s.Path)
	}
	if err != nil {
		r := cannotWrite(err)
		r.StudyUID = s.StudyUID
		return Stored{}, r
	}
	return s, nil
}

func (b *Inbox) at(ctx context.Context, name string) (string, error) {
	if b.opt.At == nil {
		return "", nil
	}
	return b.opt.At(ctx, name)
}

// nameOf is the name of an instance in the store, whatever its Study Instance UID looks like.
func nameOf(studyUID, digest string) string {
	study := sha256.Sum256([]byte(studyUID))
	return InboxFolder + "/" + hex.EncodeToString(study[:])[:32] + "/" + digest[:40] + extension
}

// sameDataSet says whether a file holds a data set of size bytes. Its name is the digest of the bytes, so the size is only to find a
// file that was damaged afterwards. The file meta information before the data set may differ: it names the sender.
func sameDataSet(f store.File, size int64) bool {
	var head [144]byte // preamble, DICM, group length element (PS3.10 7.1)
	if _, err := f.ReadAt(head[:], 0); err != nil {
		return false
	}
	meta := int64(len(head)) + int64(binary.LittleEndian.Uint32(head[140:]))
	return f.Size() == meta+size
}

// sink writes a file and the digest of what goes into it, and watches the free space.
type sink struct {
	file   io.Writer
	digest hash.Hash
	room   func() error
	size   int64
	looked int64 // size at the last look at the free space
	err    error // of the store, as against the sender
}

// Write implements io.Writer.
func (w *sink) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	w.digest.Write(p[:n])
	w.size += int64(n)
	if err == nil && w.size-w.looked >= spaceStep {
		w.looked = w.size
		err = w.room()
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
