package try

import (
	"archive/zip"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"jcsnode/store"
)

// resultOf is what came of a study that was read.
func (d *Desk) resultOf(id, owner string) (Result, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, err := d.find(id, owner)
	if err != nil {
		return Result{}, err
	}
	if s.state != Done {
		return Result{}, refuse(http.StatusNotFound, "This study has no result.")
	}
	return s.result, nil
}

// Summary opens the picture of the summary page.
func (d *Desk) Summary(id, owner string) (*os.File, error) {
	r, err := d.resultOf(id, owner)
	if err != nil {
		return nil, err
	}
	if r.Summary == "" {
		return nil, refuse(http.StatusNotFound, "There is no such picture.")
	}
	return os.Open(r.Summary)
}

// Findings opens findings.json.
func (d *Desk) Findings(id, owner string) (*os.File, error) {
	r, err := d.resultOf(id, owner)
	if err != nil {
		return nil, err
	}
	return os.Open(r.FindingsFile)
}

// Files gives a result with a store of the study's files, in which names are paths below its folder.
func (d *Desk) Files(id, owner string) (Result, store.Reader, error) {
	r, err := d.resultOf(id, owner)
	return r, folder(filepath.Join(d.Dir, id)), err
}

// Name is the name of a file, of Result's, in the store of its study.
func (d *Desk) Name(id, path string) (string, error) {
	name, err := filepath.Rel(filepath.Join(d.Dir, id), path)
	return filepath.ToSlash(name), err
}

// folder is a store of the files of a folder, links out of it excepted.
type folder string

func (f folder) Open(_ context.Context, name string) (store.File, error) {
	file, err := os.OpenInRoot(string(f), filepath.FromSlash(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, store.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return opened{file, info}, nil
}

func (f folder) Has(ctx context.Context, name string) (bool, error) {
	file, err := f.Open(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, file.Close()
}

type opened struct {
	*os.File
	info fs.FileInfo
}

func (o opened) Size() int64     { return o.info.Size() }
func (o opened) Time() time.Time { return o.info.ModTime() }

// Packed gives what writes a zip of the objects and findings.json.
func (d *Desk) Packed(id, owner string) (write func(io.Writer) error, err error) {
	r, err := d.resultOf(id, owner)
	if err != nil {
		return nil, err
	}
	return func(w io.Writer) error { return pack(w, r) }, nil
}

func pack(w io.Writer, r Result) error {
	z := zip.NewWriter(w)
	// Pictures of secondary captures are plain, and shrink to a tenth at the least effort.
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	if err := packFile(z, "findings.json", r.FindingsFile); err != nil {
		return err
	}
	entries, err := os.ReadDir(r.ObjectsFolder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := packFile(z, "objects/"+e.Name(), filepath.Join(r.ObjectsFolder, e.Name())); err != nil {
			return err
		}
	}
	return z.Close()
}

func packFile(z *zip.Writer, name, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w, err := z.Create(name)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, f); err != nil {
		return fmt.Errorf("pack %s: %w", name, err)
	}
	return nil
}
