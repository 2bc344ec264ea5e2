package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"jcsnode/dataset"
	"jcsnode/ledger"
	"jcsnode/node"
	"jcsnode/phantom"
	"jcsnode/phantom/phantomtest"
	"jcsnode/scu"
)

// The node dies by SIGKILL at ten random moments, while it receives, while it reads, while it delivers. Whatever it
// acknowledged is processed, and every object is in the archive exactly once.
func TestKill_NothingAcknowledgedIsLostNothingComesTwice(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)

	folder := someSlices(t, 16)
	uid := studyUID(t, folder)
	archive := startOrthanc(t)
	l := newLabWith(t, glassNetworks(t), destination("pacs", "ORTHANC", archive.dicom),
		"[settle]\nquiet = \"1h\"\nlimit = \"2h\"\n[cascade]\nthreshold = 0\nthreshold_mm = 0.0")
	files, _ := scu.Find([]string{folder})
	acknowledged := map[string]bool{}
	within := func(d time.Duration) time.Duration { return time.Duration(random.Int64N(int64(d))) }

	// Reception: the node dies while instances are on their way, and gets what it did not acknowledge again. The study does not
	// settle meanwhile: after four deaths in the cascade the node would take the study for their cause, rightly.
	for range 4 {
		l.serve(t)
		fuse := time.AfterFunc(within(40*time.Millisecond), func() { l.node.cmd.Process.Kill() })
		sendMissing(t, l, files, acknowledged)
		fuse.Stop()
		l.node.kill()
	}
	t.Logf("%d of %d instances acknowledged after four kills", len(acknowledged), len(files))
	l.serve(t)
	sendMissing(t, l, files, acknowledged)
	if len(acknowledged) != len(files) {
		t.Fatalf("%d of %d instances acknowledged by a node that was left alone", len(acknowledged), len(files))
	}
	l.node.kill()
	l.change(t, `quiet = "1h"`, `quiet = "2s"`)
	l.serve(t)

	// Cascade and delivery: it dies at any moment after the study has settled, three times at most in the cascade.
	for range 3 {
		eventually(t, 2*time.Minute, "the study is settled", func() bool { return l.beyond(t, uid, ledger.StateReceiving) })
		time.Sleep(within(time.Second)) // as long as small networks and the drawing of objects take
		l.node.kill()
		l.serve(t)
	}
	for range 3 {
		eventually(t, 5*time.Minute, "the study is reported", func() bool {
			return l.beyond(t, uid, ledger.StateProcessing)
		})
		time.Sleep(within(time.Second))
		l.node.kill()
		l.serve(t)
	}

	s := l.settled(t, uid, 10*time.Minute)
	if s.State != ledger.StateReported || s.Decision == nil || !s.Decision.Positive {
		t.Fatalf("the study is not positive, so hardly any object was at stake: %s %+v %+v", s.State, s.Decision, s.Reason)
	}
	known := map[string]bool{}
	for _, i := range s.Instances {
		if i.Revision == 0 {
			t.Errorf("instance %s is in no revision", i.SOPInstanceUID)
		}
		known[i.SOPInstanceUID] = true
	}
	for instance := range acknowledged {
		if !known[instance] {
			t.Errorf("acknowledged, but lost: %s", instance)
		}
	}
	l.node.stop(t)
	checkOnce(t, archive, uid, s)
}

// checkOnce compares the archive with the ledger: each object there once, and nothing of ours that the ledger does not know.
func checkOnce(t *testing.T, archive *orthanc, uid string, s *studyStatusJSON) {
	t.Helper()
	held := map[string]int{}
	for _, i := range archive.instances(t, uid) {
		held[i.MainDicomTags.SOPInstanceUID]++
	}
	total := 0
	for _, r := range s.Revisions {
		for _, o := range r.Objects {
			total++
			if held[o.SOPInstanceUID] != 1 {
				t.Errorf("%s %s is in the archive %d times", o.Kind, o.SOPInstanceUID, held[o.SOPInstanceUID])
			}
			delete(held, o.SOPInstanceUID)
		}
	}
	for stranger := range held {
		t.Errorf("in the archive, but not in the ledger: %s", stranger)
	}
	if total == 0 {
		t.Error("no objects were made")
	}
	t.Logf("%d objects, each in the archive once", total)
}

// beyond tells whether the study has left the state, or one before it.
func (l *lab) beyond(t *testing.T, uid, state string) bool {
	s := l.study(t, uid)
	order := map[string]int{ledger.StateReceiving: 1, ledger.StateSettled: 2,
		ledger.StateProcessing: 3, ledger.StateReported: 4, ledger.StateNotProcessed: 4}
	return s != nil && order[s.State] > order[state]
}

// sendMissing sends what was not acknowledged, until done or until the node is gone.
func sendMissing(t *testing.T, l *lab, files []scu.File, acknowledged map[string]bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	missing := slices.DeleteFunc(slices.Clone(files), func(f scu.File) bool { return acknowledged[f.SOPInstanceUID] })
	err := scu.Acceptor{Address: l.address(), CalledAETitle: "JCSNODE", Dialer: node.Dialer("SCANNER", 10*time.Second)}.Send(ctx, missing,
		func(f scu.File, refusal error) {
			if refusal != nil {
				t.Logf("%s: %v", f.Path, refusal)
				return
			}
			acknowledged[f.SOPInstanceUID] = true
		})
	if err != nil {
		t.Log(err)
	}
}

// someSlices is a short stack of a phantom with lesions, compressed as a scanner sends it.
func someSlices(t *testing.T, n int) string {
	t.Helper()
	return phantomtest.Compressed(t, phantom.Options{Slices: n, Lesions: true})
}

// covidSlices are images of the real study from one number to another, exclusive.
func covidSlices(t *testing.T, first, end, step int) string {
	t.Helper()
	from := data(t, "ct", "covid_p001")
	files, _ := scu.Find([]string{from})
	byNumber := map[int]string{}
	for _, f := range files {
		byNumber[headerInt(t, f.Path, dataset.InstanceNumber)] = f.Path
	}
	out := t.TempDir()
	for n := first; n < end; n += step {
		path, ok := byNumber[n]
		if !ok {
			t.Fatalf("no image %d in %s", n, from)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(out, fmt.Sprintf("%03d.dcm", n)), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func headerInt(t *testing.T, path string, tag dataset.Tag) int {
	t.Helper()
	f, err := dataset.Open(path, dataset.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n, err := f.Set().Int(tag)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return n
}
