package try

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"jcsnode/findings"
	"jcsnode/guard"
	"jcsnode/store"
)

// Steps of reading, in their order.
const (
	StepCheck    = "check"
	StepClassify = "classify"
	StepSegment  = "segment"
	StepPictures = "pictures"
)

var stepOrder = []string{StepCheck, StepClassify, StepSegment, StepPictures}

// Read reads the study whose files lie in the folder in, writes what it gives below out, and tells how far each step has come, from any
// goroutine. A *Refusal is for whoever gave the study; any other error is for the log.
type Read func(ctx context.Context, in, out string, tell func(step string, done, total int)) (Result, error)

// Result is what came of a study. Files are paths.
type Result struct {
	Findings      findings.Findings
	FindingsFile  string
	SliceFiles    []string // of Findings.Slices; of what was given, these stay as long as the result
	ObjectsFolder string
	Objects       []Object
	Summary       string // PNG of the summary page; empty without one
}

// Object is an object that was made: its kind, and the name of its file in Result.ObjectsFolder.
type Object struct{ Kind, Name string }

// Settings of a Desk.
type Settings struct {
	Dir      string // nobody else's: what lies there is removed
	MaxBytes int64  // of a study, packed and unpacked
	Keep     time.Duration
	Waiting  int // studies that may wait while one is read
	PerHour  int
	Read     Read
	Free     func(context.Context) (int64, error) // disk space that is for the taking
	Now      func() time.Time
	Logger   *slog.Logger
}

// Desk holds the studies that are tried. Run reads them.
type Desk struct {
	Settings

	mu      sync.Mutex // guards what follows and the studies
	studies map[string]*study
	begun   []time.Time // when studies of the last hour came
	queue   []*study
	wake    chan struct{}
}

// NewDesk makes a desk, and nothing on the disk.
func NewDesk(set Settings) *Desk {
	return &Desk{Settings: set, studies: map[string]*study{}, wake: make(chan struct{}, 1)}
}

// States of a study.
const (
	Receiving = "receiving"
	Waiting   = "waiting"
	Reading   = "reading"
	Done      = "done"
	Failed    = "failed"
)

type study struct {
	id, owner, dir string
	state          string
	files, others  int
	bytes          int64
	steps          map[string]Step
	ended          time.Time
	why            string
	result         Result
	cancel         context.CancelFunc // of reading
}

func (s *study) in() string    { return filepath.Join(s.dir, "in") }
func (s *study) out() string   { return filepath.Join(s.dir, "out") }
func (s *study) over() bool    { return s.state == Done || s.state == Failed }
func (s *study) working() bool { return !s.over() }

// Step is how far one of the steps has come.
type Step struct {
	Name        string
	Done, Total int
}

// Over says that the step has ended, as far as is known.
func (s Step) Over() bool { return s.Total > 0 && s.Done >= s.Total }

// View is a study as it is shown.
type View struct {
	ID     string
	State  string
	Before int // studies that are read before it, of one that waits
	Files  int
	Others int // files that are no DICOM and were left out
	Bytes  int64
	Steps  []Step
	Why    string // it failed
	Result Result
	Until  time.Time // when it is removed, once it is over
}

// Working says that its view changes still.
func (v View) Working() bool { return v.State != Done && v.State != Failed }

// Receive takes in the files that next gives, one after the other until io.EOF, and has them read.
func (d *Desk) Receive(ctx context.Context, owner string, next func() (io.Reader, error)) (id string, err error) {
	s, err := d.begin(ctx, owner)
	if err != nil {
		return "", err
	}
	in := &intake{dir: s.in(), spool: filepath.Join(s.dir, "upload.zip"), most: d.MaxBytes, mostFiles: mostFiles}
	err = guard.Call(func() error { return in.all(next) })
	if err != nil {
		d.drop(s)
		return "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	s.state, s.files, s.others, s.bytes = Waiting, in.files, in.taken-in.files, in.bytes
	d.queue = append(d.queue, s)
	select {
	case d.wake <- struct{}{}:
	default: // it is awake already
	}
	d.Logger.Info("a study is given to try", "id", s.id, "user", owner, "files", s.files, "left_out", s.others, "bytes", s.bytes)
	return s.id, nil
}

func (in *intake) all(next func() (io.Reader, error)) error {
	if err := os.MkdirAll(in.dir, 0o700); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	for {
		r, err := next()
		if errors.Is(err, io.EOF) {
			return in.done()
		}
		if err != nil {
			return err
		}
		if err := in.take(r); err != nil {
			return err
		}
	}
}

// room is the reason why no study is taken now; nil: one is.
func (d *Desk) room(now time.Time) error {
	working := 0
	for _, s := range d.studies {
		if s.working() {
			working++
		}
	}
	if working > d.Waiting {
		return refuse(http.StatusServiceUnavailable, "As many studies wait as may. Try again when one of them is over.")
	}
	d.begun = slices.DeleteFunc(d.begun, func(t time.Time) bool { return now.Sub(t) >= time.Hour })
	if len(d.begun) >= d.PerHour {
		return refuse(http.StatusTooManyRequests, "As many studies came within an hour as may. Try again in %d minutes.",
			int((time.Hour-now.Sub(d.begun[0])).Minutes())+1)
	}
	return nil
}

// Room is the reason why no study is taken now, a *Refusal; nil: one is.
func (d *Desk) Room() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.room(d.Now())
}

func (d *Desk) begin(ctx context.Context, owner string) (*study, error) {
	free, err := d.Free(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask for free disk space: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.Now()
	if err := d.room(now); err != nil {
		return nil, err
	}
	const copies = 3 // zip, files, results
	if free/copies < d.MaxBytes {
		return nil, refuse(http.StatusServiceUnavailable, "The node's disk has too little room to try a study: %s are needed.",
			store.Bytes(copies*d.MaxBytes))
	}
	s := &study{id: rand.Text(), owner: owner, state: Receiving, steps: map[string]Step{}, cancel: func() {}}
	s.dir = filepath.Join(d.Dir, s.id)
	d.studies[s.id] = s
	d.begun = append(d.begun, now)
	return s, nil
}

// drop forgets a study and removes what there is of it.
func (d *Desk) drop(s *study) {
	d.mu.Lock()
	delete(d.studies, s.id)
	d.queue = slices.DeleteFunc(d.queue, func(q *study) bool { return q == s })
	s.cancel()
	d.mu.Unlock()
	if err := os.RemoveAll(s.dir); err != nil {
		d.Logger.Error("a study that was tried cannot be removed: the next start tries again", "path", s.dir, "error", err)
	}
}

// find gives the study of an ID to its owner. Only what is known here becomes a path.
func (d *Desk) find(id, owner string) (*study, error) {
	s, ok := d.studies[id]
	if !ok || s.owner != owner || s.state == Receiving || d.expired(s) {
		return nil, refuse(http.StatusNotFound, "There is no such study, or its time is over: studies that were tried are removed.")
	}
	return s, nil
}

func (d *Desk) expired(s *study) bool { return s.over() && !d.Now().Before(s.ended.Add(d.Keep)) }

// View is how a study stands.
func (d *Desk) View(id, owner string) (View, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, err := d.find(id, owner)
	if err != nil {
		return View{}, err
	}
	v := View{ID: s.id, State: s.state, Files: s.files, Others: s.others, Bytes: s.bytes, Why: s.why, Result: s.result}
	for _, name := range stepOrder {
		if step, told := s.steps[name]; told {
			v.Steps = append(v.Steps, step)
		} else {
			v.Steps = append(v.Steps, Step{Name: name})
		}
	}
	if s.state == Waiting {
		v.Before = max(0, slices.Index(d.queue, s))
		for _, other := range d.studies {
			if other.state == Reading {
				v.Before++
			}
		}
	}
	if s.over() {
		v.Until = s.ended.Add(d.Keep)
	}
	return v, nil
}

// Remove removes a study of the owner's now; one that is being read ends.
func (d *Desk) Remove(id, owner string) error {
	d.mu.Lock()
	s, err := d.find(id, owner)
	d.mu.Unlock()
	if err != nil {
		return err
	}
	d.drop(s)
	d.Logger.Info("a study that was tried is removed", "id", s.id, "user", owner)
	return nil
}
