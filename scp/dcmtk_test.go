package scp

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"jcsnode/corpus"
	"jcsnode/dataset"
	"jcsnode/ledger"
	"jcsnode/phantom"
	"jcsnode/phantom/odd"
	"jcsnode/phantom/phantomtest"
)

// skip skips outside of CI, where everything must be there.
func skip(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// testData is something in the larger data.
func testData(t testing.TB, elements ...string) string {
	t.Helper()
	return corpus.Shared(t, elements...)
}

func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		skip(t, "%s is missing: install dcmtk", name)
	}
	return path
}

func storescu(t testing.TB, addr string, args ...string) error {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, tool(t, "storescu"), append([]string{"-aec", "JCS", "-aet", "SCU", host, port}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("storescu %v: %w\n%s", args, err, tail(out.String()))
	}
	return nil
}

func tail(s string) string { return s[max(0, len(s)-2000):] }

// dataSets maps SOP Instance UID to the data set bytes of the files of a folder.
func dataSets(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.dcm"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	sets := map[string][]byte{}
	for _, p := range paths {
		f, err := dataset.Open(p, dataset.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		sets[f.Set().String(dataset.SOPInstanceUID)] = raw[f.DataSetOffset():]
		f.Close()
	}
	return sets
}

func onlyStudy(t *testing.T, n *node) *ledger.History {
	t.Helper()
	if err := n.l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, err := n.l.Studies(t.Context(), ledger.Filter{})
	if err != nil || len(all) != 1 {
		t.Fatalf("%d studies, %v; want one", len(all), err)
	}
	return n.history(t, all[0].StudyUID)
}

func TestDCMTK_WholeStudyInTwoAssociations(t *testing.T) {
	wholeStudyInTwoAssociations(t, phantomtest.Compressed(t, phantom.Options{Slices: 20, Rows: 256, Columns: 256}))
	t.Run("real", func(t *testing.T) { wholeStudyInTwoAssociations(t, testData(t, "ct", "covid_p001")) })
}

func wholeStudyInTwoAssociations(t *testing.T, folder string) {
	t.Helper()
	sent := dataSets(t, folder)
	paths, _ := filepath.Glob(filepath.Join(folder, "*.dcm"))
	n := startNode(t, Settings{CheckCalled: true}, nil)
	var wg sync.WaitGroup
	for _, half := range [][]string{paths[:len(paths)/2], paths[len(paths)/2:]} {
		wg.Go(func() {
			if err := storescu(t, n.addr, append([]string{"-xs"}, half...)...); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	h := onlyStudy(t, n)
	if len(h.Instances) != len(sent) || len(files(t, n.dir)) != len(sent) {
		t.Fatalf("%d rows, %d files; want %d", len(h.Instances), len(files(t, n.dir)), len(sent))
	}
	for _, i := range h.Instances {
		path := filepath.Join(n.dir, filepath.FromSlash(i.Path))
		f, err := dataset.Open(path, dataset.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := raw[f.DataSetOffset():]; !sameElements(t, got, sent[i.SOPInstanceUID]) {
			t.Errorf("%s: %d bytes, sent %d; not what was sent", i.SOPInstanceUID, len(got), len(sent[i.SOPInstanceUID]))
		}
	}
	waitFor(t, "both associations to end", func() bool { return len(n.events(t, EventAssociation)) == 2 })

	// All of it again, as modalities do after a failure: nothing new.
	if err := storescu(t, n.addr, append([]string{"-xs"}, paths...)...); err != nil {
		t.Fatal(err)
	}
	again := onlyStudy(t, n)
	if len(again.Instances) != len(sent) || len(files(t, n.dir)) != len(sent) || again.Instances[0].ReceivedAgain != 1 {
		t.Errorf("after the resend: %d rows, %d files", len(again.Instances), len(files(t, n.dir)))
	}
}

// sameElements compares what storescu may not change: all values at the top level. It
// writes some lengths anew.
func sameElements(t *testing.T, a, b []byte) bool {
	t.Helper()
	var values [2][]string
	ts, _ := dataset.LookupTransferSyntax(dataset.JPEGLosslessSV1)
	for k, raw := range [][]byte{a, b} {
		err := dataset.Walk(bytes.NewReader(raw), ts, dataset.DefaultLimits(), func(e dataset.Element) error {
			if e.Length >= 0 && e.VR != "SQ" && e.VR != "" {
				values[k] = append(values[k], fmt.Sprintf("%v %s %x", e.Tag, e.VR, raw[e.ValueOffset:e.ValueOffset+e.Length]))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return strings.Join(values[0], "\n") == strings.Join(values[1], "\n")
}

// oddPhantoms is the folder of the odd studies of our own.
func oddPhantoms(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := odd.Write(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestDCMTK_OddStudies(t *testing.T) {
	own := oddPhantoms(t)
	for _, c := range []struct {
		folder    string
		instances int
		flag      string
	}{
		{"shared_sop_uid", 5, ledger.FlagOtherBytes},
		{"hostile_strings", 2, FlagUID},
		{"no_patient_id", 2, ""},
	} {
		check := func(t *testing.T, folder string) {
			n := startNode(t, Settings{}, nil)
			paths, _ := filepath.Glob(filepath.Join(folder, "*.dcm"))
			if err := storescu(t, n.addr, append([]string{"-R", "-xs"}, paths...)...); err != nil {
				t.Fatal(err)
			}
			if err := n.l.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			counts, err := n.l.Counts(t.Context())
			if err != nil || counts.Instances != c.instances || len(files(t, n.dir)) != c.instances {
				t.Errorf("%d rows, %d files, %v; want %d", counts.Instances, len(files(t, n.dir)), err, c.instances)
			}
			all, err := n.l.Studies(t.Context(), ledger.Filter{})
			if err != nil {
				t.Fatal(err)
			}
			flagged := false
			for _, s := range all {
				for _, i := range n.history(t, s.StudyUID).Instances {
					flagged = flagged || c.flag != "" && strings.Contains(i.Flag, c.flag)
				}
			}
			if flagged != (c.flag != "") {
				t.Errorf("flagged %v, want flag %q", flagged, c.flag)
			}
		}
		t.Run("phantom/"+c.folder, func(t *testing.T) { check(t, filepath.Join(own, c.folder)) })
		t.Run(c.folder, func(t *testing.T) { check(t, testData(t, "odd", c.folder)) })
	}
}

func TestDCMTK_MRIsRefusedPerContext(t *testing.T) {
	mrIsRefusedPerContext(t, filepath.Join(oddPhantoms(t), "mr_head"))
	t.Run("real", func(t *testing.T) { mrIsRefusedPerContext(t, testData(t, "odd", "mr_head")) })
}

func mrIsRefusedPerContext(t *testing.T, folder string) {
	t.Helper()
	paths, _ := filepath.Glob(filepath.Join(folder, "*.dcm"))
	n := startNode(t, Settings{}, nil)
	if err := storescu(t, n.addr, append([]string{"-R", "-xs"}, paths...)...); err == nil {
		t.Error("MR was taken")
	}
	if got := files(t, n.dir); len(got) != 0 {
		t.Errorf("files %v", got)
	}
}
