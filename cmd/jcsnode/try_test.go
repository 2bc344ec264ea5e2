package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/suyashkumar/dicom"

	"jcsnode/phantom"
)

// trialLab is a running node on whose page studies can be tried, with a PACS that nobody may call, and a phantom as folder and as zip.
type trialLab struct {
	*lab
	base, folder, zip string
}

func newTrialLab(t *testing.T) trialLab {
	t.Helper()
	port := freePort(t)
	l := trialLab{base: fmt.Sprintf("http://127.0.0.1:%d", port), folder: filepath.Join(t.TempDir(), "ct")}
	l.lab = newLabWith(t, exactNetworks(t), destination("pacs", "PACS", freePort(t)),
		fmt.Sprintf("[web]\nlisten = \"127.0.0.1:%d\"\n[web.try]\nenabled = true\nmax_size = \"20MB\"", port))
	lungs := phantom.Options{Slices: 20, Spacing: 12, Rows: 256, Columns: 256, Lesions: true, Seed: 1}
	if err := phantom.Write(t.Context(), l.folder, lungs); err != nil {
		t.Fatal(err)
	}
	l.zip = filepath.Join(t.TempDir(), "ct.zip")
	f, err := os.Create(l.zip)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	if err := z.AddFS(os.DirFS(l.folder)); err != nil {
		t.Fatal(err)
	}
	w, err := z.Create("README.TXT")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "a CD of the patient's"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	// What a node that died has left is gone once the next one is there.
	left := filepath.Join(l.dir, "data", "web-try", "OLD", "in", "000001")
	if err := os.MkdirAll(filepath.Dir(left), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(left, []byte("a slice"), 0o600); err != nil {
		t.Fatal(err)
	}
	l.serve(t)
	if _, err := os.Stat(left); err == nil {
		t.Errorf("%s is still there", left)
	}
	return l
}

// post sends files as a form does and gives where that leads.
func (l trialLab) post(t *testing.T, files ...string) (status int, at, text string) {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for _, path := range files {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		w, err := m.CreateFormFile("files", filepath.Base(path))
		if err != nil {
			t.Fatal(err)
		}
		w.Write(content)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := http.Post(l.base+"/try", m.FormDataContentType(), &b)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, r.Request.URL.Path, all(t, r)
}

func all(t *testing.T, r *http.Response) string {
	t.Helper()
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (l trialLab) get(t *testing.T, path string) string {
	t.Helper()
	r, err := http.Get(l.base + path)
	if err != nil {
		t.Fatal(err)
	}
	return all(t, r)
}

// A study that is tried is read as any other, and leaves no trace: neither in the ledger nor on its way to a destination nor, in the end,
// on the disk.
func TestTry(t *testing.T) {
	l := newTrialLab(t)
	t.Run("by requests", l.byRequests)
	t.Run("in a browser", l.inBrowser)
	if out := jcsnode(t, "status", "--config", l.config, "--json"); strings.Contains(out, "study_uid\": \"") {
		t.Errorf("the ledger knows of it:\n%s", out)
	}
	for _, folder := range []string{"inbox", "objects"} {
		entries, err := filepath.Glob(filepath.Join(l.dir, "data", folder, "*", "*", "*"))
		if err != nil || len(entries) > 0 {
			t.Errorf("%s holds %v, %v", folder, entries, err)
		}
	}
	l.node.stop(t)
	if _, err := os.Stat(filepath.Join(l.dir, "data", "web-try")); err == nil {
		t.Error("something is left on the disk")
	}
}

// inBrowser tries it in a real browser: testdata/try.js says what is looked at.
func (l trialLab) inBrowser(t *testing.T) {
	letter := filepath.Join(t.TempDir(), "letter.txt")
	if err := os.WriteFile(letter, []byte("Dear colleague"), 0o600); err != nil {
		t.Fatal(err)
	}
	var problems []string
	order := map[string]any{"base": l.base, "folder": l.folder, "zip": l.zip, "letter": letter}
	browse(t, "try.js", inBrowser(t, order), &problems)
	for _, p := range problems {
		t.Error(p)
	}
}

func (l trialLab) byRequests(t *testing.T) {
	defer http.DefaultClient.CloseIdleConnections()
	status, at, text := l.post(t, l.zip)
	if status != http.StatusOK || !strings.HasPrefix(at, "/try/") || !strings.Contains(text, "20 DICOM files") {
		t.Fatalf("%d %s %s", status, at, text)
	}
	eventually(t, time.Minute, "the study is read", func() bool {
		text = l.get(t, at)
		return !strings.Contains(text, "data-working")
	})
	for _, want := range []string{"POSITIVE", "untrained", "1 other file left out", "summary.png"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if !strings.HasPrefix(l.get(t, at+"/summary.png"), "\x89PNG") {
		t.Error("no summary picture")
	}
	packed := l.get(t, at+"/objects.zip")
	z, err := zip.NewReader(strings.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, f := range z.File {
		kind, _, _ := strings.Cut(strings.TrimPrefix(f.Name, "objects/"), "-")
		kinds[kind]++
		if kind != "seg" && kind != "summary" {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := dicom.Parse(bytes.NewReader(content), int64(len(content)), nil, dicom.SkipPixelData()); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	if kinds["findings.json"] != 1 || kinds["summary"] != 1 || kinds["seg"] != 1 || kinds["outline"] == 0 {
		t.Errorf("in the zip: %v", kinds)
	}
	if !json.Valid([]byte(l.get(t, at+"/findings.json"))) {
		t.Error("findings.json is none")
	}

	// Two studies at once, and one that cannot be read.
	other := filepath.Join(t.TempDir(), "other")
	if err := phantom.Write(t.Context(), other, phantom.Options{Slices: 2, Rows: 128, Columns: 128, Seed: 2}); err != nil {
		t.Fatal(err)
	}
	slices, err := filepath.Glob(filepath.Join(other, "*"))
	if err != nil || len(slices) != 2 {
		t.Fatal(err, slices)
	}
	for want, files := range map[string][]string{"These are files of 2 studies.": append(slices, l.zip), "NOT PROCESSED": slices[:1]} {
		status, odd, text := l.post(t, files...)
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, text)
		}
		eventually(t, time.Minute, want, func() bool { return strings.Contains(l.get(t, odd), want) })
	}

	r, err := http.PostForm(l.base+at+"/remove", nil)
	if err != nil {
		t.Fatal(err)
	}
	if text := all(t, r); r.Request.URL.Path != "/try" {
		t.Error(text)
	}
}
