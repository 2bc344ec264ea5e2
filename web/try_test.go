package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jcsnode/findings"
	"jcsnode/phantom"
	"jcsnode/web/access"
	"jcsnode/web/picture"
	"jcsnode/web/try"
)

// lab is a page where studies can be tried, on a port of its own: what it does about time needs one. What is told of each is foreign text.
type lab struct {
	base string
	desk *try.Desk
	stop chan struct{} // closed: what is read ends
}

func newLab(t *testing.T) lab {
	t.Helper()
	l := lab{stop: make(chan struct{})}
	l.desk = try.NewDesk(try.Settings{
		Dir:      filepath.Join(t.TempDir(), "try"),
		MaxBytes: 1 << 20,
		Keep:     90 * time.Minute,
		PerHour:  100,
		Read: func(ctx context.Context, _, out string, tell func(string, int, int)) (try.Result, error) {
			tell(try.StepClassify, 140, 300)
			select {
			case <-l.stop:
			case <-ctx.Done():
			}
			r := try.Result{ObjectsFolder: filepath.Join(out, "objects"), Objects: []try.Object{{Kind: "report"}, {Kind: "report"}},
				SliceFiles: []string{filepath.Join(out, "ct", "IM0001.dcm")}}
			r.FindingsFile, r.Summary = filepath.Join(out, "findings.json"), filepath.Join(out, "s.png")
			r.Findings = findings.Findings{Decision: &findings.Decision{Positive: true, Text: "positive: 20 of 20 slices"},
				Limits: []string{"only 100 mm " + foreign}, Cautions: []string{foreign},
				RefusedInstances: []findings.Refused{{}}, Slices: []findings.Slice{{SOPInstanceUID: "1.2"}},
				Models: []findings.Model{{Status: "preliminary"}}}
			return r, errors.Join(os.MkdirAll(r.ObjectsFolder, 0o700), os.WriteFile(r.FindingsFile, []byte(`{"a": 1}`), 0o600),
				os.WriteFile(r.Summary, []byte("\x89PNG"), 0o600),
				phantom.Write(ctx, filepath.Dir(r.SliceFiles[0]), phantom.Options{Slices: 1, Rows: 64, Columns: 64}))
		},
		Free:   func(context.Context) (int64, error) { return 1 << 30, nil },
		Now:    time.Now,
		Logger: slog.New(slog.DiscardHandler),
	})
	pictures, err := picture.NewDrawer(nil)
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, func(s *Settings, _ *access.Settings) { s.Try, s.Pictures = l.desk, pictures })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.desk.Run(ctx) }()
	server := httptest.NewServer(d.Server)
	l.base = server.URL
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		server.Close()
	})
	return l
}

// as is a browser of somebody who has logged in.
func (l lab) as(t *testing.T, name string) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar}
	t.Cleanup(c.CloseIdleConnections)
	r, err := c.PostForm(l.base+"/login", url.Values{"name": {name}, "password": {password}})
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	return c
}

// upload is a form with files.
func upload(t *testing.T, files ...string) (io.Reader, string) {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for _, text := range files {
		w, err := m.CreateFormFile("files", "../../"+foreign)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(m.WriteField("more", "x"), m.Close()); err != nil {
		t.Fatal(err)
	}
	return &b, m.FormDataContentType()
}

var slice = strings.Repeat("\x00", 128) + "DICM"

// give sends a form and gives the answer, where it leads, and its text.
func (l lab) give(t *testing.T, c *http.Client, change func(*http.Request), files ...string) (status int, at, text string) {
	t.Helper()
	b, kind := upload(t, files...)
	r, err := http.NewRequestWithContext(t.Context(), "POST", l.base+"/try", b)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	if change != nil {
		change(r)
	}
	answer, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.StatusCode, answer.Request.URL.Path, body(t, answer)
}

func get(t *testing.T, c *http.Client, url string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	answer, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.StatusCode, body(t, answer)
}

// A study's way on the page: given, followed, shown, fetched, removed; and nobody else sees it.
func TestTry(t *testing.T) {
	l := newLab(t)
	bob := l.as(t, "bob")
	if _, text := get(t, bob, l.base+"/try"); !strings.Contains(text, "at most 1.0 MB") || !strings.Contains(text, "90 minutes") {
		t.Error(text)
	}
	status, at, text := l.give(t, bob, nil, slice, "letter")
	if status != http.StatusOK || !strings.Contains(text, "1 DICOM file") || !strings.Contains(text, "1 other file") ||
		!strings.Contains(text, `http-equiv="refresh"`) {
		t.Fatalf("%d %s", status, text)
	}
	for range 100 {
		if _, text = get(t, bob, l.base+at); strings.Contains(text, "140/300") {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if !strings.Contains(text, "classify 140/300") {
		t.Errorf("no progress in\n%s", text)
	}
	if status, _, text := l.give(t, bob, nil, slice); status != http.StatusServiceUnavailable || !strings.Contains(text, "Try again when") {
		t.Errorf("a second one: %d %s", status, text)
	}
	if _, text := get(t, bob, l.base+"/try"); !strings.Contains(text, "Try again when") || strings.Contains(text, "<form id") {
		t.Errorf("a form that nobody takes: %s", text)
	}
	if status, _ := get(t, bob, l.base+at+"/findings.json"); status != http.StatusNotFound {
		t.Errorf("findings before there are any: %d", status)
	}
	close(l.stop)
	for range 100 {
		if _, text = get(t, bob, l.base+at); strings.Contains(text, "POSITIVE") {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	for _, want := range []string{"POSITIVE", "<p>20 of 20 slices</p>", "LIMIT:</strong> only 100 mm &#34;&gt;&lt;script", "CAUTION",
		"preliminary", "summary.png", "2 objects", "1 instance not used", "Research use only"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "<script>alert") || strings.Contains(text, `http-equiv="refresh"`) {
		t.Error(text)
	}
	for path, want := range map[string]string{"/summary.png": "\x89PNG", "/findings.json": `{"a": 1}`, "/objects.zip": "PK\x03\x04",
		"/1/ct.png": "\x89PNG"} {
		if status, text := get(t, bob, l.base+at+path); status != http.StatusOK || !strings.HasPrefix(text, want) {
			t.Errorf("%s: %d %.40q", path, status, text)
		}
	}
	for path, want := range map[string]int{"/2/ct.png": 404, "/1/outline.png": 404, "/1/x": 404, "/x/ct.png": 404, "/1/../1/ct.png": 200} {
		if status, _ := get(t, bob, l.base+at+path); status != want {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status, _ := get(t, l.as(t, "ann"), l.base+at+"/1/ct.png"); status != http.StatusForbidden {
		t.Errorf("a slice for who may look: %d", status)
	}
	if r, err := bob.PostForm(l.base+at+"/remove", nil); err != nil || r.Request.URL.Path != "/try" {
		t.Error(err)
	} else {
		r.Body.Close()
	}
	if status, _ := get(t, bob, l.base+at); status != http.StatusNotFound {
		t.Errorf("removed: %d", status)
	}
}

// What is refused is refused before anything of it is kept, with a sentence.
func TestTry_Refuses(t *testing.T) {
	l := newLab(t)
	bob, ann := l.as(t, "bob"), l.as(t, "ann")
	large := strings.Repeat("x", 1<<20)
	crossSite := func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }
	plain := func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }
	endless := func(r *http.Request) { r.ContentLength = -1 }
	for name, c := range map[string]struct {
		who    *http.Client
		change func(*http.Request)
		files  []string
		status int
		want   string
	}{
		"nobody":           {http.DefaultClient, nil, []string{slice}, 401, "not logged in"},
		"who may look":     {ann, nil, []string{slice}, 403, "may look"},
		"another site":     {bob, crossSite, []string{slice}, 403, "another site"},
		"another name":     {bob, func(r *http.Request) { r.Host = "evil.example" }, []string{slice}, 421, "not served under that name"},
		"no form":          {bob, plain, []string{slice}, 400, "cannot be read"},
		"nothing":          {bob, nil, nil, 400, "No file came"},
		"a letter":         {bob, nil, []string{"Dear colleague"}, 400, "no DICOM file"},
		"an empty zip":     {bob, nil, []string{"PK\x05\x06" + strings.Repeat("\x00", 18)}, 400, "The zip is empty"},
		"too much":         {bob, nil, []string{slice + large}, 413, "more than the 1.0 MB"},
		"far too much":     {bob, nil, []string{strings.Repeat(large, 18)}, 413, "more than the 1.0 MB"},
		"without a length": {bob, endless, []string{strings.Repeat(large, 18)}, 413, "more than the 1.0 MB"},
	} {
		t.Run(name, func(t *testing.T) {
			status, _, text := l.give(t, c.who, c.change, c.files...)
			if status != c.status || !strings.Contains(text, c.want) {
				t.Errorf("%d %.300s", status, text)
			}
			if entries, _ := os.ReadDir(l.desk.Dir); len(entries) > 0 {
				t.Errorf("left: %v", entries)
			}
		})
	}
	http.DefaultClient.CloseIdleConnections()
	for _, path := range []string{"/try", "/try/ABC", "/try/ABC/objects.zip"} {
		if status, _ := get(t, ann, l.base+path); status != http.StatusForbidden {
			t.Errorf("%s for who may look: %d", path, status)
		}
	}
	if _, text := get(t, ann, l.base+"/"); strings.Contains(text, "Try a study") {
		t.Error("the link is shown to who may not act")
	}
	if _, text := get(t, bob, l.base+"/"); !strings.Contains(text, "Try a study") {
		t.Error("no link to it")
	}
}

// Without [web.try] there is no such page, and no request may be larger for it.
func TestTry_Off(t *testing.T) {
	d := newDesk(t, nil)
	bob := d.as(t, "bob")
	if r := d.ask("GET", "/try", nil, bob); r.StatusCode != http.StatusNotFound {
		t.Error(r.Status)
	}
	if r := d.ask("POST", "/try", nil, bob); r.StatusCode != http.StatusNotFound {
		t.Error(r.Status)
	}
	if text := body(t, d.ask("GET", "/", nil, bob)); strings.Contains(text, "Try a study") {
		t.Error("a link to it")
	}
	if most := d.mostBody(httptest.NewRequest("POST", "/try", nil)); most != mostForm {
		t.Error(most)
	}
}

func TestSpell(t *testing.T) {
	for d, want := range map[time.Duration]string{time.Hour: "1 hour", 90 * time.Minute: "90 minutes", time.Minute: "1 minute"} {
		if got := spell(d); got != want {
			t.Error(fmt.Sprint(d), got)
		}
	}
}
