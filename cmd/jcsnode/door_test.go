package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jcsnode/ledger"
)

// change edits the configuration of a lab whose node is not running.
func (l *lab) change(t *testing.T, before, after string) {
	t.Helper()
	text, err := os.ReadFile(l.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(l.config, []byte(strings.Replace(string(text), before, after, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// An MR at a node that keeps other images, in the only syntax that the node takes, from a peer with its own quiet time.
func TestDoor_KeepsOtherImagesWhenTold(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(oddPhantoms(t), "mr_head", "*.dcm"))
	for _, path := range files {
		dcmtk(t, "dcmcjpeg", "+e1", path, path)
	}
	l := newLabWith(t, exactNetworks(t),
		"[settle]\nquiet = \"1h\"\nlimit = \"2h\"\n[[peer]]\nae_title = \"MR1\"\nquiet = \"1s\"\n[[peer]]\nnetwork = \"127.0.0.1\"\n")
	l.change(t, "[node]\n", "[node]\naccept_other = true\ntransfer_syntaxes = [\"1.2.840.10008.1.2.4.70\"]\n")
	l.serve(t)
	args := append([]string{"-R", "-aet", "MR1", "-aec", "JCSNODE", "127.0.0.1", l.address()[len("127.0.0.1:"):]}, files...)
	if out, err := exec.CommandContext(t.Context(), tool(t, "storescu"), append([]string{"-xs"}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("storescu: %v\n%s", err, tail(out, 2000))
	}
	var s *studyStatusJSON
	eventually(t, time.Minute, "the study has its outcome", func() bool {
		all := l.studies(t)
		if len(all) == 1 && all[0].State == ledger.StateNotProcessed {
			s = l.study(t, all[0].StudyUID)
		}
		return s != nil
	})
	if len(s.Instances) != len(files) {
		t.Errorf("%d instances, want %d", len(s.Instances), len(files))
	}
	for _, i := range s.Instances {
		if !strings.Contains(i.Flag, "not ours") || i.TransferSyntaxUID != "1.2.840.10008.1.2.4.70" {
			t.Errorf("flag %q, syntax %s", i.Flag, i.TransferSyntaxUID)
		}
	}
	if why := s.Revisions[0].SettledWhy; why != "quiet for 1s" {
		t.Errorf("settled because %q, want the quiet time of the peer", why)
	}
	// The node's own sender offers the encoding of the file alone.
	ct := filepath.Join(l.dir, "phantom")
	jcsnode(t, "phantom", "--out", ct, "--slices", "2")
	if out, err := program(t.Context(), "send", "--to", l.address(), "--called", "JCSNODE", ct).CombinedOutput(); err == nil {
		t.Errorf("a syntax that is not configured was taken:\n%s", out)
	}
}

func TestCheck_SyntaxThatCannotBeRead(t *testing.T) {
	l := newLabWith(t, exactNetworks(t))
	l.change(t, "[node]\n", "[node]\ntransfer_syntaxes = [\"1.2.840.10008.1.2.4.100\"]\n") // MPEG-2
	out, err := program(t.Context(), "check", "--config", l.config).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "1.2.840.10008.1.2.4.100 cannot be read") {
		t.Errorf("%v\n%s", err, out)
	}
}
