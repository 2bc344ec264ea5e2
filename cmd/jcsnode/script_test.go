package main

import (
	"bytes"
	"fmt"
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
			configs, err := filepath.Glob(filepath.Join(e.WorkDir, "*.toml"))
			if err != nil {
				return err
			}
			for _, path := range configs { // PORT is one that is free: check tries it
				text, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				if err := os.WriteFile(path, bytes.ReplaceAll(text, []byte("PORT"), fmt.Append(nil, freePort(t))), 0o644); err != nil {
					return err
				}
			}
			return os.Symlink(os.Args[0], filepath.Join(e.WorkDir, "jcsnode"))
		},
	})
}
