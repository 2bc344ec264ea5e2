package try

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"syscall"

	"jcsnode/dataset"
	"jcsnode/store"
)

// mostFiles of a study: the largest CT studies have some thousands, and a CD of the patient's has a viewer beside them.
const mostFiles = 20_000

// Refusal is the answer to what is not taken, or cannot be read: a sentence for whoever gave it.
type Refusal struct {
	Status int // of HTTP
	Text   string
}

func (r *Refusal) Error() string { return r.Text }

func refuse(status int, format string, a ...any) error {
	return &Refusal{status, fmt.Sprintf(format, a...)}
}

// intake writes what comes in into a folder, each file under its number: a name that somebody chose is never a path here.
type intake struct {
	dir       string // of the files
	spool     string // path of a zip until it is unpacked
	most      int64  // bytes in all
	mostFiles int

	bytes int64 // taken so far, files that were left out included
	taken int   // files that came, of which ...
	files int   // ... so many are DICOM and stay
	zips  int
}

// take takes a file, or a zip of files, which is known by its beginning. What is empty is nothing: a form sends it if no file was chosen.
func (in *intake) take(r io.Reader) error {
	b := bufio.NewReaderSize(r, 64<<10)
	head, err := b.Peek(len(zipMagic))
	if len(head) == 0 {
		if errors.Is(err, io.EOF) {
			return nil
		}
		return fmt.Errorf("receive: %w", err)
	}
	if !isZip(head) {
		return in.write(b)
	}
	in.zips++
	if err := in.spoolZip(b); err != nil {
		return err
	}
	return errors.Join(in.unzip(in.spool), os.Remove(in.spool))
}

// tooMuch is the answer to more than the limit.
func (in *intake) tooMuch() error {
	return refuse(http.StatusRequestEntityTooLarge, "This is more than the %s that a study may have here.", store.Bytes(in.most))
}

// spoolZip keeps a zip until it has come whole: its directory stands at its end.
func (in *intake) spoolZip(r io.Reader) error {
	n, err := writeFile(in.spool, r, in.most)
	if err == nil && n > in.most {
		err = in.tooMuch()
	}
	if err != nil {
		return errors.Join(err, removed(in.spool))
	}
	return nil
}

// write takes one file, and drops it again unless it is DICOM.
func (in *intake) write(r io.Reader) error {
	if in.taken >= in.mostFiles {
		return refuse(http.StatusRequestEntityTooLarge, "These are more than the %d files that a study may have here.", in.mostFiles)
	}
	in.taken++
	path := filepath.Join(in.dir, fmt.Sprintf("%06d", in.taken))
	n, err := writeFile(path, r, in.most-in.bytes)
	if err != nil {
		return err
	}
	if in.bytes += n; in.bytes > in.most {
		return in.tooMuch()
	}
	dicom, err := isDICOM(path)
	if err != nil {
		return err
	}
	if !dicom {
		return os.Remove(path)
	}
	in.files++
	return nil
}

// done says whether what came can be a study.
func (in *intake) done() error {
	switch {
	case in.files > 0:
		return nil
	case in.taken == 1:
		return refuse(http.StatusBadRequest, "This is no DICOM file. Give the files of one chest CT study, or a zip of them.")
	case in.taken > 0:
		return refuse(http.StatusBadRequest,
			"None of these %d files is DICOM. Give the files of one chest CT study, or a zip of them.", in.taken)
	case in.zips > 0:
		return refuse(http.StatusBadRequest, "The zip is empty.")
	}
	return refuse(http.StatusBadRequest, "No file came. Choose the files of one chest CT study, or a zip of them.")
}

// sourceError is an error of what is read, as against one of our disk.
type sourceError struct{ error }

func (e sourceError) Unwrap() error { return e.error }

type source struct{ io.Reader }

func (s source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = sourceError{err}
	}
	return n, err
}

// writeFile writes up to one byte more than most, so that more can be told from as much.
func writeFile(path string, r io.Reader, most int64) (int64, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, fmt.Errorf("keep a file: %w", err)
	}
	n, err := io.Copy(f, io.LimitReader(source{r}, most+1))
	err = errors.Join(err, f.Close())
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return n, refuse(http.StatusInsufficientStorage, "The disk of the node is full.")
	}
	if err != nil {
		return n, fmt.Errorf("keep a file: %w", err)
	}
	return n, nil
}

func removed(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// isDICOM tells DICOM from what else lies in a patient's folder. A damaged file with the mark of DICOM is left to the pipeline, which says
// what is wrong with it.
func isDICOM(path string) (bool, error) {
	const preamble, mark = 128, "DICM"
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	head := make([]byte, preamble+len(mark))
	if _, err := io.ReadFull(file, head); err == nil && string(head[preamble:]) == mark {
		return true, nil
	}
	f, err := dataset.Open(path, dataset.Limits{})
	if err != nil {
		return false, nil
	}
	defer f.Close()
	return f.Set().String(dataset.StudyInstanceUID) != "", nil
}
