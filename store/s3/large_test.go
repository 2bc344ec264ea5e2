package s3

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"jcsnode/store"
	"jcsnode/store/s3test"
)

// What is larger than one request may be goes up in parts, is made younger and moved in parts, and its digests go with it.
func TestLargerThanOnePut(t *testing.T) {
	server := s3test.Start(t)
	s := openOn(t, server, server.Address, func(o *Options) { o.OnePut = 8 << 20 })
	content := random(t, 20<<20+7) // minio-go's parts have 16 MiB, those of a copy 8
	same := func(old store.File) bool { return old.Size() == int64(len(content)) }
	upload := func() bool {
		t.Helper()
		kept, err := s.Upload(t.Context(), "in/a/large", bytes.NewReader(content), int64(len(content)), same)
		if err != nil {
			t.Fatal(err)
		}
		return kept
	}
	if upload() {
		t.Error("it was there before it came")
	}
	aged, err := s.Open(t.Context(), "in/a/large")
	if err != nil {
		t.Fatal(err)
	}
	first := aged.Time()
	aged.Close()
	time.Sleep(time.Until(first.Add(1100 * time.Millisecond))) // times are whole seconds
	if !upload() {
		t.Error("it was not kept")
	}
	if err := s.Move(t.Context(), "in/a/large", "in/b/moved"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context(), "in/a/large"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("moved, and %v", err)
	}
	f, err := s.Open(t.Context(), "in/b/moved")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if !f.Time().After(first) {
		t.Errorf("is of %v, as before", f.Time())
	}
	middle := make([]byte, 5000)
	if _, err := f.ReadAt(middle, 16<<20-2500); err != nil || !bytes.Equal(middle, content[16<<20-2500:][:5000]) {
		t.Errorf("across two parts: %v", err)
	}
	if got, err := store.Get(t.Context(), s, "in/b/moved"); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
