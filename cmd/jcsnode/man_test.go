package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every command that help lists has its page, which says what its flags do.
func TestMan(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man1")
	jcsnode(t, "man", "--out", dir)
	for _, c := range root().Commands() {
		if c.Hidden || c.Name() == "help" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, "jcsnode-"+c.Name()+".1"))
		if err != nil || !strings.Contains(string(text), ".SH SYNOPSIS") {
			t.Errorf("%s: %v\n%s", c.Name(), err, text)
		}
		if c.Name() == "deliver" && !strings.Contains(string(text), "also what was given up") {
			t.Errorf("deliver:\n%s", text)
		}
	}
}
