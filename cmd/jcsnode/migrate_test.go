package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jcsnode/foldertest"
	"jcsnode/ledger"
	"jcsnode/pgtest"
	"jcsnode/phantom"
	"jcsnode/store/s3test"
)

// A node that has read one study and waits for its archive moves to PostgreSQL and an object store: refused while it runs, killed at three
// moments, then to the end. What waited is delivered from there, to the byte what was made before, and the study that was still coming is
// read.
func TestMigrate(t *testing.T) {
	tool(t, "storescu")
	server := s3test.Start(t)
	address := pgtest.Shared(t).Database(t, "", nil)
	folder := filepath.Join(t.TempDir(), "study")
	goldenPhantom(t, folder, phantom.Options{Slices: 24, Spacing: 12, Lesions: true}, "ISO_IR 100", "M\xfcller^\xc5sa")
	uid := studyUID(t, folder)
	later := someSlices(t, 10)

	port := freePort(t)
	archived := filepath.Join(t.TempDir(), "archive")
	more := []string{goldenDevice, strings.Replace(siteConfig, "[keep]", "", 1), destination("archive", "ARCHIVE", port),
		"objects = [\"summary\", \"segmentation\", \"report\"]\nretry_first = \"1s\"\nretry_longest = \"2s\"\n"}
	networks := exactNetworks(t)
	old := newLabWith(t, networks, more...)
	old.serve(t)
	dcmtk(t, "storescu", "-xs", "-aec", "JCSNODE", "127.0.0.1", fmt.Sprint(old.port), "+sd", folder)
	eventually(t, time.Minute, "the study is read", func() bool { return old.beyond(t, uid, ledger.StateProcessing) })
	dcmtk(t, "storescu", "-xs", "-aec", "JCSNODE", "127.0.0.1", fmt.Sprint(old.port), "+sd", later)

	next := newLabWith(t, networks, append(more, s3Config(t, server, ""), fmt.Sprintf("[ledger]\nurl = %q\n", address))...)
	data := filepath.Join(old.dir, "data")
	migrate := []string{"migrate", "--from", data, "--to", next.config}
	out, err := program(t.Context(), migrate...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "another node works on this data_dir") {
		t.Errorf("beside the node that runs: %v\n%s", err, out)
	}
	old.node.stop(t)
	before := foldertest.Files(t, data)
	for range 3 {
		killed := start(t, program(t.Context(), migrate...), filepath.Join(old.dir, "migrate.log"))
		time.Sleep(rand.N(600 * time.Millisecond))
		killed.kill()
	}
	said := jcsnode(t, migrate...)
	again := jcsnode(t, migrate...)
	for want, in := range map[string]string{
		"files: ":                             said,
		"moved and compared":                  said + "moved and compared", // a killed run may have come to its end
		"start the node with " + next.config:  said,
		"there from an earlier run, compared": again,
	} {
		if !strings.Contains(in, want) {
			t.Errorf("%q is not said:\n%s", want, in)
		}
	}
	after := foldertest.Files(t, data)
	for name, content := range before {
		if strings.Contains(name, "inbox/") && !strings.Contains(name, "tmp/") && !bytes.Equal(after[name], content) {
			t.Errorf("%s of the source has changed", name)
		}
	}

	start(t, program(t.Context(), "archive", "--listen", fmt.Sprintf("127.0.0.1:%d", port), "--out", archived),
		filepath.Join(old.dir, "archive.log"))
	next.serve(t)
	s := next.settled(t, uid, time.Minute)
	next.settled(t, studyUID(t, later), time.Minute)
	objects := s.Revisions[0].Objects
	if len(objects) < 3 || len(s.Revisions) != 1 || len(s.Instances) != 24 {
		t.Fatalf("%d objects, %d revisions, %d instances", len(objects), len(s.Revisions), len(s.Instances))
	}
	got := foldertest.Files(t, archived)
	for _, o := range objects {
		made, err := os.ReadFile(filepath.Join(data, filepath.FromSlash(o.Path)))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, content := range got {
			found = found || bytes.Equal(timeless(t, content), timeless(t, made))
		}
		if !found {
			t.Errorf("%s %s is not at the archive as it was made", o.Kind, o.SOPInstanceUID)
		}
	}
}

// Where nothing was begun nothing goes on.
func TestMigrate_NothingBegun(t *testing.T) {
	l := newLab(t)
	data := filepath.Join(l.dir, "data")
	for what, c := range map[string]struct{ from, want string }{
		"from nowhere": {filepath.Join(l.dir, "nothere"), "there is no ledger in"},
		"to itself":    {data, "everything is where the configuration has it"},
	} {
		if what == "to itself" {
			l.serve(t)
			l.node.stop(t)
		}
		out, err := program(t.Context(), "migrate", "--from", c.from, "--to", l.config).CombinedOutput()
		if text := string(out); err == nil || !strings.Contains(text, "nothing was moved: "+c.want) || strings.Contains(text, "goes on") {
			t.Errorf("%s: %v\n%s", what, err, text)
		}
	}
}
