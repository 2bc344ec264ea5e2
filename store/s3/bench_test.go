package s3

import (
	"fmt"
	"io"
	"testing"

	"jcsnode/store"
	"jcsnode/store/disk"
	"jcsnode/store/s3test"
)

// BenchmarkRead is what the header of an instance of 526 kB costs, and the whole, from a disk and from a store: its header alone by
// range, and by fetching all of it first.
//
//	go test -run xxx -bench Read -benchtime 200x ./store/s3
func BenchmarkRead(b *testing.B) {
	server := s3test.Start(b)
	far := openOn(b, server, server.Address, nil)
	near, err := disk.Open(b.TempDir(), disk.Options{Staging: "tmp"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { near.Close() })
	const files, size = 100, 526_000
	for i := range files {
		for _, s := range []store.Store{near, far} {
			if err := store.Put(b.Context(), s, fmt.Sprintf("in/%d", i), random(b, size)); err != nil {
				b.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name  string
		store store.Store
		bytes int64
	}{{"disk/header", near, 6000}, {"disk/whole", near, size}, {"s3/header", far, 6000}, {"s3/whole", far, size}} {
		b.Run(c.name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				f, err := c.store.Open(b.Context(), fmt.Sprintf("in/%d", i%files))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, io.NewSectionReader(f, 0, c.bytes)); err != nil {
					b.Fatal(err)
				}
				if err := f.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
