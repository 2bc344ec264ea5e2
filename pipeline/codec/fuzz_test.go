package codec_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"jcsnode/corpus"
	"jcsnode/dataset"
	"jcsnode/pipeline/codec"
)

// FuzzDecode takes whole files through header, framing and codec: each frame is whole, or there is an Error with a code. Its
// seeds beside the corpus are the small images of the test data, one for each transfer syntax.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(corpus.Own(f, "syntaxes", "ct_s16"), "*.dcm"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no small images: %v", err)
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := dataset.Read(bytes.NewReader(b), int64(len(b)), dataset.Limits{Elements: 10_000, Inflated: 1 << 20})
		if err != nil {
			return
		}
		rows, _ := file.Set().Int(dataset.Rows)
		columns, _ := file.Set().Int(dataset.Columns)
		if rows*columns > 1<<16 {
			return // right, perhaps, and slow
		}
		frames, err := codec.Frames(file)
		if err != nil {
			coded(t, err)
			return
		}
		for i := range min(frames, 3) {
			s, err := codec.Decode(file, i)
			if err != nil {
				coded(t, err)
				continue
			}
			if len(s.Values) != s.Rows*s.Columns || s.Rows != rows || s.Columns != columns {
				t.Fatalf("%d samples of %d x %d, the header says %d x %d", len(s.Values), s.Rows, s.Columns, rows, columns)
			}
		}
	})
}

// coded fails unless the error says what to tell the operator.
func coded(t *testing.T, err error) {
	t.Helper()
	var e *codec.Error
	if !errors.As(err, &e) || e.Code == "" || e.Text == "" {
		t.Fatalf("an error without code or text: %v", err)
	}
}
