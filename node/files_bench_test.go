package node

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"jcsnode/config"
	"jcsnode/dataset"
	"jcsnode/phantom"
	"jcsnode/scp"
)

// BenchmarkDoor is what an instance costs before it can be answered, without network and ledger, one and eight at a time: on the disk, on
// the disk and up afterwards (which goes on beside it), and in the store before the answer.
//
//	go test -run xxx -bench Door -benchtime 300x ./node
func BenchmarkDoor(b *testing.B) {
	far := onS3(b)
	in, body := aSlice(b)
	for _, kind := range []string{"disk", "s3", "s3 before the answer"} {
		for _, parallel := range []int{1, 8} {
			b.Run(fmt.Sprintf("%s/x%d", kind, parallel), func(b *testing.B) {
				c := config.Default()
				c.Node.DataDir, c.Node.Reserve = b.TempDir(), 0
				if kind != "disk" {
					c.Store = far.Store
					c.Store.BeforeAnswer = kind != "s3"
				}
				all, ahead, err := openFiles(c, allKnown{}, false, slog.New(slog.DiscardHandler))
				if err != nil {
					b.Fatal(err)
				}
				ctx, cancel := context.WithCancel(b.Context())
				var up sync.WaitGroup
				if ahead != nil {
					up.Go(func() { ahead.Run(ctx) })
				}
				inbox := scp.NewInbox(all, scp.InboxOptions{ImplementationClassUID: "2.25.1"})
				var serial atomic.Uint64
				b.SetBytes(int64(len(body)))
				b.SetParallelism(max(1, parallel/2)) // of two processors
				b.ResetTimer()
				receive := func() {
					own := bytes.Clone(body)
					binary.LittleEndian.PutUint64(own[len(own)-8:], serial.Add(1))
					if _, err := inbox.Receive(ctx, in, bytes.NewReader(own)); err != nil {
						b.Error(err)
					}
				}
				if parallel == 1 {
					for range b.N {
						receive()
					}
				} else {
					b.RunParallel(func(pb *testing.PB) {
						for pb.Next() {
							receive()
						}
					})
				}
				b.StopTimer()
				cancel()
				up.Wait()
				if err := all.Close(); err != nil {
					b.Error(err)
				}
			})
		}
	}
}

// aSlice is a CT slice of 512 x 512 as it comes in.
func aSlice(b testing.TB) (scp.Incoming, []byte) {
	dir := b.TempDir()
	if err := phantom.Write(b.Context(), dir, phantom.Options{Slices: 1, Spacing: 5}); err != nil {
		b.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		b.Fatal(files, err)
	}
	whole, err := os.ReadFile(files[0])
	if err != nil {
		b.Fatal(err)
	}
	f, err := dataset.Read(bytes.NewReader(whole), int64(len(whole)), dataset.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	meta := f.Meta()
	return scp.Incoming{SOPClassUID: meta.String(dataset.MediaStorageSOPClassUID),
		SOPInstanceUID: meta.String(dataset.MediaStorageSOPInstanceUID), TransferSyntaxUID: meta.String(dataset.TransferSyntaxUID),
		CallingAETitle: "CT1"}, whole[f.DataSetOffset():]
}

// allKnown knows every instance.
type allKnown struct{}

func (allKnown) HasInstance(context.Context, string) (bool, error) { return true, nil }
func (allKnown) Stored(context.Context, string) error              { return nil }
