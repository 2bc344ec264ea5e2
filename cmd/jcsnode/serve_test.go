package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A second node on the same data folder ends before it has touched anything, whatever port it is for.
func TestServe_SecondNodeOnTheFolder(t *testing.T) {
	l := newLab(t)
	l.serve(t)
	text, err := os.ReadFile(l.config)
	if err != nil {
		t.Fatal(err)
	}
	second := filepath.Join(l.dir, "second.toml")
	other := strings.Replace(string(text), fmt.Sprint(l.port), fmt.Sprint(freePort(t)), 1)
	if err := os.WriteFile(second, []byte(other), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := program(t.Context(), "serve", "--config", second).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "another node works on this data_dir") {
		t.Errorf("%v, want the reason:\n%s", err, out)
	}
	for _, done := range []string{"inbox compared", "networks are ready"} {
		if strings.Contains(string(out), done) {
			t.Errorf("went on to %q:\n%s", done, out)
		}
	}
}
