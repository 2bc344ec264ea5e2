package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dataset"
	"jcsnode/dicomout/object"
	"jcsnode/phantom"
)

// foreignText is what a page must show as it is.
const foreignText = `"><script>`

// scripted writes a phantom study in which every text that a page shows is foreignText.
func scripted(t *testing.T) (folder, study string) {
	t.Helper()
	const slices = 24
	plain := t.TempDir()
	if err := phantom.Write(t.Context(), plain, phantom.Options{Slices: slices, Spacing: 12, Rows: 256, Columns: 256, Lesions: true,
		Seed: 1}); err != nil {
		t.Fatal(err)
	}
	texts := map[tag.Tag]string{tag.PatientID: "LO", tag.AccessionNumber: "SH", tag.SeriesDescription: "LO", tag.StudyDescription: "LO",
		tag.ConvolutionKernel: "SH", tag.PatientName: "PN"}
	folder = altered(t, plain, 0, slices, func(set *dataset.Set, elements []*object.Element) string {
		for i, e := range elements {
			if vr := texts[e.Tag]; vr != "" {
				elements[i] = object.Text(e.Tag, vr, foreignText)
			}
		}
		study = set.String(dataset.StudyInstanceUID)
		return set.String(dataset.SOPInstanceUID)
	})
	return folder, study
}

// The page of a running node, in a real browser: testdata/page.js says what is looked at.
func TestPage(t *testing.T) {
	tool(t, "chromium")
	browserKit(t)
	port, pacs := freePort(t), freePort(t)
	l := newLabWith(t, exactNetworks(t), destination("pacs", "PACS", pacs), destination("away", "AWAY", freePort(t)),
		"[settle]\nquiet = \"1s\"",
		fmt.Sprintf("[[webhook]]\nname = \"ris\"\nurl = \"http://127.0.0.1:%d/\"\nsecret_file = \"secret\"", freePort(t)),
		fmt.Sprintf("[web]\nlisten = \"127.0.0.1:%d\"\nauth = \"local\"\nusers_file = \"users\"\nidentifiers = \"patient\"", port))
	if err := os.WriteFile(filepath.Join(l.dir, "secret"), []byte(strings.Repeat("s", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	const password = "correct horse"
	for name, role := range map[string]string{"ann": "look", "bob": "act"} {
		cmd := program(t.Context(), "user", "add", name, "--role", role, "--config", l.config)
		cmd.Stdin = strings.NewReader(password + "\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("user add: %v\n%s", err, out)
		}
	}
	start(t, program(context.WithoutCancel(t.Context()), "archive", "--out", filepath.Join(l.dir, "pacs"), "--ae", "PACS",
		"--listen", fmt.Sprintf("127.0.0.1:%d", pacs)), filepath.Join(l.dir, "pacs.log"))
	l.serve(t)
	folder, study := scripted(t)
	jcsnode(t, "send", "--to", l.address(), "--called", "JCSNODE", "--calling", foreignText, folder)
	eventually(t, 2*time.Minute, "the study is sent", func() bool {
		s := l.study(t, study)
		return s != nil && s.Decision != nil && s.Decision.Positive && len(sentTo("pacs", s.Revisions[0])) > 0
	})

	var problems []string
	order := map[string]any{"base": fmt.Sprintf("http://127.0.0.1:%d", port), "study": study, "user": "bob", "watcher": "ann",
		"password": password}
	browse(t, "page.js", inBrowser(t, order), &problems)
	for _, p := range problems {
		t.Error(p)
	}
	asked := map[string]bool{} // of the study; what was asked of others is the node's
	for _, e := range l.study(t, study).Events {
		if e.Kind == "asked on the page" {
			asked[e.Text] = true
		}
	}
	for _, want := range []string{"read again, by bob", "send again, by bob"} {
		if !asked[want] {
			t.Errorf("the ledger does not say %q: %v", want, asked)
		}
	}
}
