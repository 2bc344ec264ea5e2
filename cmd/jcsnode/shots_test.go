package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"jcsnode/corpus"
	"jcsnode/dataset"
)

// Pictures of the page for docs, of a real study and the shipped networks: `make page-pictures` takes them into JCSNODE_SHOTS.
func TestShots(t *testing.T) {
	shots := os.Getenv("JCSNODE_SHOTS")
	if shots == "" {
		t.Skip("JCSNODE_SHOTS names no folder for the pictures")
	}
	const part = 4 // every fourth slice, 8 mm apart
	folder := t.TempDir()
	files, err := filepath.Glob(filepath.Join(corpus.Shared(t, "ct", "covid_p001"), "*"))
	if err != nil {
		t.Fatal(err)
	}
	study := ""
	for _, path := range files {
		f, err := dataset.Open(path, dataset.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		number, err := f.Set().Int(dataset.InstanceNumber)
		study = f.Set().String(dataset.StudyInstanceUID)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		if number%part == 0 {
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, filepath.Base(path)), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	port, pacs := freePort(t), freePort(t)
	l := newLab(t, destination("pacs", "PACS", pacs), destination("research", "ARCHIVE", freePort(t)), "[settle]\nquiet = \"1s\"",
		"[[peer]]\nae_title = \"CT_A\"", "[[peer]]\nae_title = \"JCSNODE\"",
		fmt.Sprintf("[web]\nlisten = \"127.0.0.1:%d\"\n[web.try]\nenabled = true", port))
	start(t, program(context.WithoutCancel(t.Context()), "archive", "--out", filepath.Join(l.dir, "pacs"), "--ae", "PACS",
		"--listen", fmt.Sprintf("127.0.0.1:%d", pacs)), filepath.Join(l.dir, "pacs.log"))
	l.serve(t)
	jcsnode(t, "send", "--to", l.address(), "--called", "JCSNODE", "--calling", "CT_A", folder)
	eventually(t, 10*time.Minute, "the study is sent", func() bool {
		s := l.study(t, study)
		return s != nil && s.Decision != nil && len(sentTo("pacs", s.Revisions[0])) > 0
	})
	var problems []string
	browse(t, "shots.js", inBrowser(t, map[string]any{"base": fmt.Sprintf("http://127.0.0.1:%d", port), "study": study,
		"folder": folder, "out": shots}), &problems)
	for _, p := range problems {
		t.Error(p)
	}
}
