package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"jcsnode/dataset"
	"jcsnode/dicomout/object"
)

// altered writes the slices of a folder from one to another again, each as change makes it, which gives its SOP Instance UID.
func altered(
	t *testing.T, folder string, from, to int, change func(set *dataset.Set, elements []*object.Element) (uid string),
) (out string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	out = t.TempDir()
	for _, entry := range entries[from:to] {
		f, err := dataset.Open(filepath.Join(folder, entry.Name()), dataset.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		elements, err := object.CopyAll(f.Set())
		if err != nil {
			t.Fatal(err)
		}
		uid := change(f.Set(), elements)
		pixels, ok := f.PixelData()
		if !ok {
			t.Fatal("no pixel data")
		}
		value, err := io.ReadAll(pixels.Reader())
		if err != nil {
			t.Fatal(err)
		}
		kind := object.Kind{Name: "slice", SOPClassUID: f.Set().String(dataset.SOPClassUID)}
		file, err := object.Encode(kind, uid, dataset.ExplicitVRLittleEndian, append(elements, object.PixelData("OW", value)))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(out, entry.Name()), file, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return out
}
