package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestVersion_NamesWhatItWouldLoad(t *testing.T) {
	dir := t.TempDir()
	site := filepath.Join(dir, "config.toml")
	models, err := filepath.Abs("../../models")
	if err != nil {
		t.Fatal(err)
	}
	write := func(dir string) {
		if err := os.WriteFile(site, []byte("[models]\ndir = \""+dir+"\"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ask := func() build {
		var b build
		if out := jcsnode(t, "version", "--config", site, "--json"); json.Unmarshal([]byte(out), &b) != nil {
			t.Fatalf("no JSON: %s", out)
		}
		return b
	}
	write(models)
	b := ask()
	if b.Go != runtime.Version() || b.Version == "" || b.Commit == "" || len(b.Networks) != 2 || len(b.Networks[0].SHA256) != 64 {
		t.Errorf("%+v", b)
	}
	if text := jcsnode(t, "version", "--config", site); !strings.Contains(text, b.Networks[1].SHA256) {
		t.Errorf("the text does not name the segmenter:\n%s", text)
	}
	write(dir)
	if b := ask(); len(b.Networks) != 0 || len(b.Problems) == 0 {
		t.Errorf("without networks: %+v", b)
	}
}
