package corpus

import (
	"os"
	"path/filepath"
	"testing"
)

func TestShared_LeavesOutAndCounts(t *testing.T) {
	dir := t.TempDir()
	list := filepath.Join(dir, "left-out")
	t.Setenv(leftOutEnv, list)
	t.Setenv("CI", "true")
	t.Setenv(DataEnv, filepath.Join(dir, "nowhere"))
	t.Run("absent", func(t *testing.T) {
		Shared(t, "ct")
		t.Error("not left out")
	})
	got, err := os.ReadFile(list)
	if want := "TestShared_LeavesOutAndCounts/absent\n"; err != nil || string(got) != want {
		t.Errorf("listed %q, %v, want %q", got, err, want)
	}

	t.Setenv(DataEnv, dir)
	if err := os.Mkdir(filepath.Join(dir, "ct"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got, want := Shared(t, "ct"), filepath.Join(dir, "ct"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestBoth(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(DataEnv, dir)
	if got := Both(t, "syntaxes"); len(got) != 1 {
		t.Errorf("without the larger data: %v", got)
	}
	if err := os.Mkdir(filepath.Join(dir, "syntaxes"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := Both(t, "syntaxes"); len(got) != 2 || got[1] != filepath.Join(dir, "syntaxes") {
		t.Errorf("with them: %v", got)
	}
}
