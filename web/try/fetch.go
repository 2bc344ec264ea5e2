package try

import (
	"archive/zip"
	"compress/flate"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
)

// result is what came of a study that was read.
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
