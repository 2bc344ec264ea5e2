package try

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"jcsnode/findings"
	"jcsnode/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a desk whose studies are read when the test says so.
type bench struct {
	*Desk
	later atomic.Int64 // how far its clock is before that of the machine
	begun chan string  // folder of the study that is read now
	end   chan error   // what comes of it
}

func newBench(t *testing.T, change func(*Settings)) *bench {
	t.Helper()
	b := &bench{begun: make(chan string), end: make(chan error)}
	set := Settings{
		Dir:      filepath.Join(t.TempDir(), "try"),
		MaxBytes: 1 << 20,
		Keep:     time.Hour,
		Waiting:  1,
		PerHour:  100,
		Free:     func(context.Context) (int64, error) { return 1 << 30, nil },
		Now:      func() time.Time { return time.Now().Add(time.Duration(b.later.Load())) },
		Logger:   slog.New(slog.DiscardHandler),
	}
	set.Read = func(ctx context.Context, in, out string, tell func(string, int, int)) (r Result, err error) {
		tell(StepClassify, 2, 3)
		b.begun <- in
		select {
		case err = <-b.end:
		case <-ctx.Done():
			err = ctx.Err()
		}
		r = Result{Objects: []Object{{"summary", "summary-001.dcm"}}, SliceFiles: []string{filepath.Join(in, "000002")},
			ObjectsFolder: filepath.Join(out, "objects"), FindingsFile: filepath.Join(out, "findings.json")}
		r.Findings = findings.Findings{Decision: &findings.Decision{Positive: true}}
		r.Summary = filepath.Join(out, "summary.png")
		for path, text := range map[string]string{filepath.Join(r.ObjectsFolder, "summary-001.dcm"): dicom("s"), r.FindingsFile: "{}",
			r.Summary: "picture"} {
			err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600))
		}
		return r, err
	}
	if change != nil {
		change(&set)
	}
	b.Desk = NewDesk(set)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(set.Dir); err == nil {
			t.Error("something is left at the end")
		}
	})
	return b
}

func (b *bench) give(ctx context.Context, owner string, files ...string) (string, error) {
	return b.Receive(ctx, owner, func() (io.Reader, error) {
		if len(files) == 0 {
			return nil, io.EOF
		}
		r := strings.NewReader(files[0])
		files = files[1:]
		return r, nil
	})
}

// state waits until a study has a state.
func (b *bench) state(t *testing.T, id, want string) View {
	t.Helper()
	for range 500 {
		v, err := b.View(id, "ann")
		if err != nil {
			t.Fatal(err)
		}
		if v.State == want {
			return v
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatalf("%s is not %s", id, want)
	return View{}
}

func status(err error) int {
	var r *Refusal
	if !errors.As(err, &r) {
		return 0
	}
	return r.Status
}

// One study is read at a time, those behind it wait, and whoever comes then is refused before anything is taken.
func TestDesk_Queue(t *testing.T) {
	b := newBench(t, nil)
	first, err := b.give(t.Context(), "ann", dicom("1"), "letter")
	if err != nil {
		t.Fatal(err)
	}
	in := <-b.begun
	second, err := b.give(t.Context(), "ann", dicom("2"))
	if err != nil {
		t.Fatal(err)
	}
	if v := b.state(t, first, Reading); v.Files != 1 || v.Others != 1 || v.Steps[1] != (Step{StepClassify, 2, 3}) || v.Steps[1].Over() {
		t.Errorf("%+v", v)
	}
	if v := b.state(t, second, Waiting); v.Before != 1 {
		t.Errorf("%+v", v)
	}
	if _, err := b.give(t.Context(), "bob", dicom("3")); status(err) != http.StatusServiceUnavailable || status(b.Room()) != status(err) {
		t.Error(err)
	}
	b.end <- nil
	if v := b.state(t, first, Done); !v.Result.Findings.Decision.Positive || v.Until.IsZero() {
		t.Errorf("%+v", v)
	}
	if entries, err := os.ReadDir(in); err != nil || len(entries) > 0 {
		t.Errorf("files of a study that was read and not used are kept: %v, %v", entries, err)
	}
	<-b.begun
	b.end <- &Refusal{http.StatusBadRequest, "two studies"}
	if v := b.state(t, second, Failed); v.Why != "two studies" {
		t.Errorf("%+v", v)
	}
	if b.Room() != nil {
		t.Error("no room after all are over")
	}
}

// What is wrong with the node is for its log, and a panic is of one study.
func TestDesk_Faults(t *testing.T) {
	b := newBench(t, func(s *Settings) {
		read := s.Read
		s.Read = func(ctx context.Context, in, out string, tell func(string, int, int)) (Result, error) {
			r, err := read(ctx, in, out, tell)
			if err == nil {
				panic("odd")
			}
			return r, err
		}
	})
	for _, fault := range []error{nil, errors.New("disk /var/lib is gone")} {
		id, err := b.give(t.Context(), "ann", dicom("1"))
		if err != nil {
			t.Fatal(err)
		}
		<-b.begun
		b.end <- fault
		if v := b.state(t, id, Failed); !strings.Contains(v.Why, "the log") || strings.Contains(v.Why, "/var") {
			t.Errorf("%v: %+v", fault, v)
		}
		if _, err := b.Packed(id, "ann"); status(err) != http.StatusNotFound {
			t.Error(err)
		}
	}
}

// What was found is for whoever gave the study, as long as it is kept.
func TestDesk_ForItsOwnerForAnHour(t *testing.T) {
	b := newBench(t, nil)
	id, err := b.give(t.Context(), "ann", dicom("1"), dicom("2"))
	if err != nil {
		t.Fatal(err)
	}
	<-b.begun
	if _, err := b.Findings(id, "ann"); status(err) != http.StatusNotFound {
		t.Errorf("before its end: %v", err)
	}
	b.end <- nil
	b.state(t, id, Done)
	write, err := b.Packed(id, "ann")
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	if err := write(&packed); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(packed.Bytes()), int64(packed.Len()))
	if err != nil || len(z.File) != 2 || z.File[0].Name != "findings.json" || z.File[1].Name != "objects/summary-001.dcm" {
		t.Errorf("%v, %+v", err, z)
	}
	result, files, err := b.Files(id, "ann")
	if err != nil {
		t.Fatal(err)
	}
	name, err := b.Name(id, result.SliceFiles[0])
	if content, read := store.Get(t.Context(), files, name); string(content) != dicom("2") || errors.Join(err, read) != nil {
		t.Errorf("%s holds %q: %v, %v", name, content, err, read)
	}
	for _, other := range []string{"in/000001", "../../" + id + "/in/000002"} {
		if has, err := files.Has(t.Context(), other); has {
			t.Errorf("there is %s: %v", other, err)
		}
	}
	b.later.Store(int64(59 * time.Minute))
	b.sweep()
	summary, err := b.Summary(id, "ann")
	if err != nil {
		t.Fatal(err)
	}
	defer summary.Close()
	for name, c := range map[string]struct{ id, owner string }{
		"another's": {id, "bob"}, "a path": {"../" + id, "ann"}, "none": {"", "ann"},
	} {
		_, viewed := b.View(c.id, c.owner)
		_, packed := b.Packed(c.id, c.owner)
		_, _, files := b.Files(c.id, c.owner)
		removed := b.Remove(c.id, c.owner)
		if status(files) != 404 || status(viewed) != 404 || status(packed) != 404 || status(removed) != 404 {
			t.Errorf("%s: %v, %v, %v", name, viewed, packed, removed)
		}
	}
	b.later.Store(int64(61 * time.Minute))
	if _, err := b.View(id, "ann"); status(err) != 404 {
		t.Errorf("after an hour, not yet swept: %v", err)
	}
	if _, err := os.Stat(filepath.Join(b.Dir, id)); err != nil {
		t.Fatal(err)
	}
	b.sweep()
	if _, err := os.Stat(filepath.Join(b.Dir, id)); err == nil {
		t.Error("it is still there")
	}
}

// A study goes when its owner says so, be it read just then.
func TestDesk_Remove(t *testing.T) {
	b := newBench(t, nil)
	read, err := b.give(t.Context(), "ann", dicom("1"))
	if err != nil {
		t.Fatal(err)
	}
	<-b.begun
	waits, err := b.give(t.Context(), "ann", dicom("2"))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{waits, read} {
		if err := b.Remove(id, "ann"); err != nil {
			t.Fatal(err)
		}
		if _, err := b.View(id, "ann"); status(err) != 404 {
			t.Error(err)
		}
	}
	next, err := b.give(t.Context(), "ann", dicom("3"))
	if err != nil {
		t.Fatal(err)
	}
	<-b.begun // of the third: the second is not read
	b.state(t, next, Reading)
	entries, err := os.ReadDir(b.Dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
	b.end <- nil
	b.state(t, next, Done)
}

func TestDesk_Refuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Settings)
		want   int
	}{
		"too many in an hour": {func(s *Settings) { s.PerHour = 1 }, http.StatusTooManyRequests},
		"a full disk":         {func(s *Settings) { s.MaxBytes = 1 << 29 }, http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, c.change)
			var err error
			for range 2 {
				_, err = b.give(t.Context(), "ann", "a letter")
				if entries, _ := os.ReadDir(b.Dir); len(entries) > 0 {
					t.Errorf("left: %v", entries)
				}
			}
			if status(err) != c.want {
				t.Error(err)
			}
			b.later.Store(int64(time.Hour))
			if err := b.Room(); err != nil {
				t.Errorf("an hour later: %v", err)
			}
		})
	}
}

// Whoever goes away while sending leaves nothing.
func TestDesk_BrokenOff(t *testing.T) {
	b := newBench(t, nil)
	gone := errors.New("gone")
	sent := 0
	_, err := b.Receive(t.Context(), "ann", func() (io.Reader, error) {
		if sent++; sent > 1 {
			return nil, gone
		}
		return strings.NewReader(dicom("1")), nil
	})
	if entries, _ := os.ReadDir(b.Dir); !errors.Is(err, gone) || len(entries) > 0 {
		t.Errorf("%v, %v", err, entries)
	}
}
