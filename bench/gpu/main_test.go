package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		a, b        []float32
		apart, dice float64
	}{
		{[]float32{0, 1, 1, 0}, []float32{0, 1, 1, 0}, 0, 1},
		{[]float32{0, 1, 1, 0}, []float32{0, 0, 1, 0}, 0.25, 2.0 / 3},
		{[]float32{0, 0}, []float32{0, 0.25}, 0.125, 1},
		{[]float32{1, 0}, []float32{0, 1}, 1, 0},
	} {
		if apart, dice := compare(c.a, c.b); apart != c.apart || dice != c.dice {
			t.Errorf("%v %v: %v %v, want %v %v", c.a, c.b, apart, dice, c.apart, c.dice)
		}
	}
}

// Parts come in any order over several calls, some of them damaged.
func TestParts(t *testing.T) {
	dir := t.TempDir()
	script, err := filepath.Abs("parts.sh")
	if err != nil {
		t.Fatal(err)
	}
	parts := func(code int, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), script, args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "PART_BYTES=1000")
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != code {
			t.Fatalf("parts %v: exit code %d, want %d\n%s", args, got, code, out)
		}
		return string(out)
	}
	random := rand.NewChaCha8([32]byte{1})
	files := map[string][]byte{"a.bin": make([]byte, 3500), "b.bin": make([]byte, 10)}
	for name, content := range files {
		_, _ = random.Read(content) // never fails
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	parts(0, "split", "all", "a.bin", "b.bin")
	bring := func(damage bool, names ...string) {
		t.Helper()
		call := filepath.Join(dir, "call")
		if err := os.RemoveAll(call); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(call, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			content, err := os.ReadFile(filepath.Join(dir, "all", name))
			if err != nil {
				t.Fatal(err)
			}
			if damage {
				content[len(content)/2] ^= 1
			}
			if err := os.WriteFile(filepath.Join(call, name), content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	bring(false, "a.bin.part-002")
	parts(1, "join", "store", "call") // nobody knows yet what there should be
	bring(false, "SHA256SUMS", "b.bin.part-000", "a.bin.part-000")
	if out := parts(3, "join", "store", "call"); !strings.Contains(out, "joined: b.bin") ||
		!strings.Contains(out, "missing: a.bin.part-001") || strings.Contains(out, "missing: a.bin.part-002") {
		t.Errorf("second call:\n%s", out)
	}
	bring(true, "a.bin.part-001")
	if out := parts(3, "join", "store", "call"); !strings.Contains(out, "damaged: a.bin.part-001") ||
		!strings.Contains(out, "missing: a.bin.part-003") {
		t.Errorf("third call:\n%s", out)
	}
	bring(false, "a.bin.part-001", "a.bin.part-003")
	if out := parts(0, "join", "store", "call"); !strings.Contains(out, "joined: a.bin") {
		t.Errorf("last call:\n%s", out)
	}
	parts(0, "join", "store", "call") // again: nothing to do
	for name, want := range files {
		if got, err := os.ReadFile(filepath.Join(dir, "store", name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes (%v), want %d", name, len(got), err, len(want))
		}
	}
}
