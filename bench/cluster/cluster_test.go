package cluster

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"jcsnode/ledger"
	"jcsnode/pgtest"
	"jcsnode/phantom"
	"jcsnode/scu"
	"jcsnode/store/s3test"
)

func wanted(t *testing.T) {
	t.Helper()
	if os.Getenv("JCSNODE_BENCH") != "1" {
		t.Skip("skipped: a measurement of minutes; JCSNODE_BENCH=1 runs it")
	}
}

// durableServer is PostgreSQL as a site runs it: it syncs.
func durableServer(t *testing.T) *pgtest.Cluster {
	t.Helper()
	return pgtest.Start(t, "fsync = on", "synchronous_commit = on", "full_page_writes = on")
}

// networks is a folder of two networks of models/testdata that take no time.
func networks(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	text := ""
	for role, file := range map[string]string{"classifier": "exact_classifier.onnx", "segmenter": "exact_segmenter.onnx"} {
		graph, err := os.ReadFile(filepath.Join("../../models/testdata", file))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, file), graph, 0o600))
		text += fmt.Sprintf("[%s]\nfile = %q\nsha256 = \"%x\"\nname = \"test %s\"\nversion = \"1\"\nstatus = \"untrained\"\n"+
			"precision = \"fp32\"\nwindow = [-1000.0, 1000.0]\nsize = 4\noperating_point = 0.31\nlicence = \"none needed\"\n",
			role, file, sha256.Sum256(graph), role)
	}
	must(t, os.WriteFile(filepath.Join(dir, "manifest.toml"), []byte(text), 0o600))
	return fmt.Sprintf("[models]\ndir = %q\ndevice = \"cpu\"\nthreads = 1\n", dir)
}

const (
	slices = 24
	nap    = 500 * time.Millisecond // a slice
	number = 8                      // studies
)

// TestReaders has 8 studies come through one door, read by 1, 2 and 4 processes. Efficiency is the time of one reader over n times that of
// n, from the first study that is begun to the last that is reported.
func TestReaders(t *testing.T) {
	wanted(t)
	server, bucket := durableServer(t), s3test.Start(t)
	t.Setenv("AWS_ACCESS_KEY_ID", s3test.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s3test.SecretKey)
	models := networks(t)
	all, uids := studies(t, number, phantom.Options{Slices: slices, Spacing: 12, Rows: 64, Columns: 64, Lesions: true})
	var one time.Duration
	for _, readers := range []int{1, 2, 4} {
		address := server.Database(t, "", nil)
		shared := fmt.Sprintf("[ledger]\nurl = %q\n[store]\nkind = \"s3\"\nendpoint = %q\nbucket = %q\nprefix = \"r%d\"\n%s",
			address, bucket.Endpoint(), s3test.Bucket, readers, models)
		door := startMember(t, "door", nap, `"door"`, shared)
		members := []*member{door}
		for r := range readers {
			members = append(members, startMember(t, fmt.Sprintf("reader%d", r), nap, `"read"`, shared))
		}
		before := load(t)
		for _, files := range all {
			must(t, send(t.Context(), door.address, files))
		}
		took := read(t, address, uids)
		if readers == 1 {
			one = took
		}
		t.Logf("%d readers: %.1f s for %d studies of %d slices at %v; %.2f times one reader, efficiency %.2f (load %s, then %s)",
			readers, took.Seconds(), number, slices, nap, one.Seconds()/took.Seconds(), one.Seconds()/took.Seconds()/float64(readers),
			before, load(t))
		for _, m := range members {
			m.stop()
		}
	}
}

// read waits until all studies are read, and says how long that took.
func read(t *testing.T, address string, uids []string) time.Duration {
	t.Helper()
	l, err := ledger.Open(t.Context(), address, ledger.Options{ReadOnly: true})
	must(t, err)
	defer l.Close()
	var first, last time.Time
	deadline := time.Now().Add(10 * time.Minute)
	for _, uid := range uids {
		for {
			h, err := l.History(t.Context(), uid)
			if err == nil && h.State == ledger.StateReported {
				r := h.Revisions[len(h.Revisions)-1]
				if first.IsZero() || r.StartedAt.Before(first) {
					first = r.StartedAt
				}
				if r.FinishedAt.After(last) {
					last = r.FinishedAt
				}
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("study %s is not read: %v", uid, err)
			}
			time.Sleep(200 * time.Millisecond)
		}
	}
	return last.Sub(first)
}

// TestDoors has one door take instances of 526 kB, one and eight at a time, with the ledger in a file and in PostgreSQL; files are on its
// disk both times.
func TestDoors(t *testing.T) {
	wanted(t)
	server := durableServer(t)
	models := networks(t)
	const each = 240
	files, _ := studies(t, each*4/8, phantom.Options{Slices: 8, Spacing: 5})
	for _, parallel := range []int{1, 8} {
		for round := range 2 {
			for _, engine := range []string{"SQLite", "PostgreSQL"} {
				more := models
				if engine == "PostgreSQL" {
					more = fmt.Sprintf("[ledger]\nurl = %q\n", server.Database(t, "", nil)) + models
				}
				door := startMember(t, "door", nap, `"door", "read", "deliver"`, strings.Replace(more, "[models]",
					"[pipeline]\nworkers = 1\n[models]", 1))
				part := files[:each/8]
				began := time.Now()
				var g sync.WaitGroup
				for p := range parallel {
					g.Go(func() {
						var mine []scu.File
						for i, f := range part {
							if i%parallel == p {
								mine = append(mine, f...)
							}
						}
						if err := send(context.WithoutCancel(t.Context()), door.address, mine); err != nil {
							t.Error(err)
						}
					})
				}
				g.Wait()
				took := time.Since(began)
				t.Logf("round %d, %d at a time, %s: %.0f instances a second, %.2f ms each (load %s)", round+1, parallel, engine,
					each/took.Seconds(), 1000*took.Seconds()/each, load(t))
				door.stop()
			}
		}
	}
}

// The files that are sent are what they should be: copies with UIDs of their own.
func TestStudies(t *testing.T) {
	all, uids := studies(t, 2, phantom.Options{Slices: 1, Spacing: 5, Rows: 64, Columns: 64})
	if len(all) != 2 || uids[0] == uids[1] || all[0][0].SOPInstanceUID == all[1][0].SOPInstanceUID {
		t.Fatalf("%v %v", all, uids)
	}
	a, err := os.ReadFile(all[0][0].Path)
	must(t, err)
	b, err := os.ReadFile(all[1][0].Path)
	must(t, err)
	if bytes.Equal(a, b) || len(a) != len(b) {
		t.Error("the copies are no copies")
	}
}
