package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"jcsnode/config"
	"jcsnode/ledger"
	"jcsnode/pgtest"
	"jcsnode/scp"
	"jcsnode/store/s3test"
)

// testDoor is a node as far as it receives.
type testDoor struct {
	*Node
	inbox *scp.Inbox
}

func newDoor(t *testing.T, c config.Config, address, name string) testDoor {
	t.Helper()
	c.Node.DataDir, c.Node.Reserve = t.TempDir(), 0
	log := slog.New(slog.DiscardHandler)
	l, err := ledger.Open(t.Context(), address, ledger.Options{Shared: true, TestOnly: true, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	all, ahead, err := openFiles(c, l, false, log)
	if err != nil {
		t.Fatal(errors.Join(err, l.Close()))
	}
	t.Cleanup(func() {
		if err := errors.Join(all.Close(), l.Close()); err != nil {
			t.Error(err)
		}
	})
	n := &Node{config: c, ledger: l, store: all, ahead: ahead, log: log, self: ledger.Alive{ID: name}}
	return testDoor{n, scp.NewInbox(all, scp.InboxOptions{ImplementationClassUID: "2.25.1", At: n.alone})}
}

// receive stores an instance and records it.
func (d testDoor) receive(ctx context.Context, in scp.Incoming, body []byte) error {
	s, err := d.inbox.Receive(ctx, in, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if err := d.ledger.Record(ctx, ledger.Instance{StudyUID: s.StudyUID, SeriesUID: s.SeriesUID, SOPInstanceUID: s.SOPInstanceUID,
		Path: s.Path, Digest: s.Digest, Size: s.Size, CallingAE: in.CallingAETitle, At: s.At}); err != nil {
		return err
	}
	return d.ledger.Flush(ctx)
}

// Two doors that get the same instance at once have one row and one file of it, and the study waits for what is on one of them alone.
func TestDoors_SameInstanceAtOnce(t *testing.T) {
	shared := config.Default()
	shared.Store.Kind, shared.Store.Path = config.StoreShared, t.TempDir()
	far := onS3(t)
	in, body := aSlice(t)
	for name, c := range map[string]config.Config{"shared folder": shared, "object store": far} {
		t.Run(name, func(t *testing.T) {
			address := pgtest.Shared(t).Database(t, "", nil)
			doors := []testDoor{newDoor(t, c, address, "a"), newDoor(t, c, address, "b")}
			const each = 4
			var g sync.WaitGroup
			for _, d := range doors {
				g.Go(func() {
					for range each {
						if err := d.receive(t.Context(), in, body); err != nil {
							t.Error(err)
						}
					}
				})
			}
			g.Wait()
			studies, err := doors[0].ledger.Receiving(t.Context())
			if err != nil || len(studies) != 1 || studies[0].Total != 1 {
				t.Fatalf("%+v, %v; want one study of one instance", studies, err)
			}
			if away := studies[0].Away == 1; away != (c.Store.Kind == config.StoreS3) {
				t.Errorf("on one node alone: %v", away)
			}
			for _, d := range doors {
				if d.ahead != nil {
					err = errors.Join(err, d.ahead.Sweep(t.Context()), d.ledger.Flush(t.Context()))
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			h, err := doors[1].ledger.History(t.Context(), studies[0].StudyUID)
			if err != nil || len(h.Instances) != 1 {
				t.Fatalf("%d rows, %v", len(h.Instances), err)
			}
			i := h.Instances[0]
			if got, want := fmt.Sprint(i.ReceivedAgain, i.At), fmt.Sprint(2*each-1, ""); got != want {
				t.Errorf("came again and is at %s, want %s", got, want)
			}
			for _, d := range doors {
				f, err := d.store.Open(t.Context(), i.Path)
				if err != nil {
					t.Fatal(err)
				}
				if f.Size() != i.Size {
					t.Errorf("the file has %d bytes, want %d", f.Size(), i.Size)
				}
				if err := f.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// onS3 is the configuration of a node with its files in an object store that runs until the test ends.
func onS3(t testing.TB) config.Config {
	t.Helper()
	server := s3test.Start(t)
	t.Setenv("AWS_ACCESS_KEY_ID", s3test.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s3test.SecretKey)
	c := config.Default()
	c.Store.Kind, c.Store.Endpoint, c.Store.Bucket = config.StoreS3, server.Endpoint(), s3test.Bucket
	return c
}

// A file that went up when the node died before the ledger heard of it, or whose ledger was told too early, is found to be in the store.
func TestDoors_FindWhatWentUp(t *testing.T) {
	c := onS3(t)
	d := newDoor(t, c, pgtest.Shared(t).Database(t, "", nil), "a")
	in, body := aSlice(t)
	if err := d.receive(t.Context(), in, body); err != nil {
		t.Fatal(err)
	}
	alone := func() []string {
		t.Helper()
		paths, err := d.ledger.AtNode(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		return paths
	}
	paths := alone()
	if err := d.tellPlaces(t.Context()); err != nil || len(paths) != 1 || len(alone()) != 1 {
		t.Fatalf("%q on the node, then %q, %v; want the file there", paths, alone(), err)
	}
	// Flushed, since the writer puts what comes at once into the order of studies.
	if err := errors.Join(d.ahead.Sweep(t.Context()), d.ledger.Flush(t.Context())); err != nil {
		t.Fatal(err)
	}
	again := ledger.Instance{StudyUID: "1", Path: paths[0], At: "a"} // as a row that was written late
	if err := errors.Join(d.ledger.Record(t.Context(), again), d.ledger.Flush(t.Context())); err != nil || len(alone()) != 1 {
		t.Fatal(alone(), err)
	}
	if err := errors.Join(d.tellPlaces(t.Context()), d.ledger.Flush(t.Context())); err != nil || len(alone()) != 0 {
		t.Errorf("%q on the node alone, %v; want none", alone(), err)
	}
}
