package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// The promises of the command line, as scripts.
func TestScripts(t *testing.T) {
	networks, err := filepath.Abs("../../models")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("JCSNODE_AS_PROGRAM", "1")
			e.Setenv("NETWORKS", networks)
			e.Setenv("HOME", os.Getenv("HOME"))
			return os.Symlink(os.Args[0], filepath.Join(e.WorkDir, "jcsnode"))
		},
	})
}
