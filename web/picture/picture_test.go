package picture

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"jcsnode/phantom"
	"jcsnode/store"
)

// folder is a store of the files of a folder.
type folder string

func (f folder) Open(_ context.Context, name string) (store.File, error) {
	file, err := os.Open(filepath.Join(string(f), name))
	if err != nil {
		return nil, store.ErrNotFound
	}
	return opened{file}, nil
}

func (f folder) Has(context.Context, string) (bool, error) { return false, errors.New("nobody asks") }

type opened struct{ *os.File }

func (o opened) Size() int64 {
	info, err := o.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

func (o opened) Time() time.Time { return time.Time{} }

func TestDrawer(t *testing.T) {
	dir := t.TempDir()
	if err := phantom.Write(t.Context(), dir, phantom.Options{Slices: 20, Spacing: 15, Seed: 1, Rows: 128, Columns: 128}); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	name := files[len(files)/2].Name()
	if err := os.WriteFile(filepath.Join(dir, "broken.dcm"), []byte("no DICOM"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := NewDrawer(folder(dir))
	if err != nil {
		t.Fatal(err)
	}
	img, err := d.Slice(t.Context(), name, 0)
	if err != nil {
		t.Fatal(err)
	}
	size := img.Bounds()
	corner, _, _, _ := img.At(2, 2).RGBA()
	body, _, _, _ := img.At(size.Dx()/2, size.Dy()/2).RGBA()
	if size.Dx() < 512 || corner>>8 > 100 || body>>8 < 200 {
		t.Errorf("%v: air is drawn %d and the body %d", size, corner>>8, body>>8)
	}
	for name, draw := range map[string]func() error{
		"another frame":        func() error { _, err := d.Slice(t.Context(), name, 1); return err },
		"no DICOM":             func() error { _, err := d.Slice(t.Context(), "broken.dcm", 0); return err },
		"no such file":         func() error { _, err := d.Slice(t.Context(), "none.dcm", 0); return err },
		"out of the store":     func() error { _, err := d.Slice(t.Context(), "../"+filepath.Base(dir)+"/"+name, 0); return err },
		"a slice as a picture": func() error { _, err := d.Capture(t.Context(), name, 0); return err },
	} {
		if draw() == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if places, err := d.Places(t.Context(), name); err != nil || len(places) > 0 {
		t.Errorf("a slice shows %+v, %v", places, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range cap(d.painters) {
		<-d.painters
	}
	if _, err := d.Slice(ended, name, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits, and it draws: %v", err)
	}
}
