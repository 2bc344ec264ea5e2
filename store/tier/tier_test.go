package tier

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"jcsnode/store"
	"jcsnode/store/disk"
	"jcsnode/store/s3"
	"jcsnode/store/s3test"
	"jcsnode/store/storetest"
)

// parts are a disk and a store of their own, and the tier of both.
type parts struct {
	*Store
	disk   *disk.Store
	remote *s3.Store
	dir    string
}

func open(t *testing.T, endpoint, prefix, dir string, change func(*Options)) *parts {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", s3test.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s3test.SecretKey)
	p := &parts{dir: dir}
	var err error
	if p.remote, err = s3.Open(s3.Options{Endpoint: endpoint, Bucket: s3test.Bucket, Prefix: prefix, Spool: t.TempDir(),
		Patience: 2 * time.Second, Attempts: 1}); err != nil {
		t.Fatal(err)
	}
	if p.disk, err = disk.Open(dir, disk.Options{Staging: "in/tmp"}); err != nil {
		t.Fatal(err)
	}
	opt := Options{Later: []string{"in"}, Meanwhile: []string{"objects"}, Folders: []string{"in", "objects"},
		Stay: []string{"in/quarantine"}, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&opt)
	}
	p.Store = New(p.disk, p.remote, opt)
	t.Cleanup(func() { p.Store.Close() })
	return p
}

// at makes sure of where a file is.
func (p *parts) at(t *testing.T, name, want string) {
	t.Helper()
	if got, err := p.At(t.Context(), name); got != want || err != nil {
		t.Errorf("%s is at %q, %v; want %q", name, got, err, want)
	}
}

func content(t *testing.T) []byte {
	t.Helper()
	c := make([]byte, 100_000)
	rand.Read(c)
	return c
}

func (p *parts) put(t *testing.T, name string) []byte {
	t.Helper()
	c := content(t)
	if err := store.Put(t.Context(), p.Store, name, c); err != nil {
		t.Fatal(err)
	}
	return c
}

func (p *parts) want(t *testing.T, name string, c []byte) {
	t.Helper()
	if got, err := store.Get(t.Context(), p.Store, name); err != nil || !bytes.Equal(got, c) {
		t.Errorf("%s: %d bytes, %v", name, len(got), err)
	}
}

// A tier is a store as any, whether everything waits here or nothing does.
func TestStore(t *testing.T) {
	server := s3test.Start(t)
	for name, later := range map[string][]string{"later": {"in", "aside", "objects", "elsewhere"}, "before": nil} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) *storetest.Subject {
				prefix, dir := strings.ToLower(rand.Text()), t.TempDir()
				reopen := func(t *testing.T) *parts {
					return open(t, server.Endpoint(), prefix, dir, func(o *Options) { o.Later = later })
				}
				p := reopen(t)
				return &storetest.Subject{
					Store: p.Store,
					Break: func(storetest.Fault) bool { return false },
					Mend:  func() {},
					Crash: func(t *testing.T) store.Store {
						if err := p.disk.Close(); err != nil {
							t.Fatal(err)
						}
						return reopen(t)
					},
					Left: func(t *testing.T) []string {
						left, err := filepath.Glob(filepath.Join(dir, "in/tmp/*/*"))
						if err != nil {
							t.Fatal(err)
						}
						return left
					},
				}
			})
		})
	}
}

// Instances are here when they are answered, then there, and never nowhere.
func TestSweep_TakesUpAndRemovesHere(t *testing.T) {
	server := s3test.Start(t)
	known := map[string]bool{}
	var told []string
	deaf := errors.New("the ledger does not hear")
	p := open(t, server.Endpoint(), "", t.TempDir(), func(o *Options) {
		o.Stored = func(_ context.Context, name string) error {
			told = append(told, name)
			return deaf
		}
		o.Recorded = func(_ context.Context, name string) (bool, error) { return known[name], nil }
	})
	instance, unknown, object, bad := p.put(t, "in/s/1"), p.put(t, "in/s/2"), p.put(t, "objects/s/1"), p.put(t, "in/quarantine/x")
	known["in/s/1"], known["in/quarantine/x"] = true, true
	p.at(t, "in/s/1", AtNode)
	p.at(t, "objects/s/1", InStore)
	if err := p.Sweep(t.Context()); !errors.Is(err, deaf) {
		t.Errorf("%v, want what the ledger said", err)
	}
	p.at(t, "in/s/1", AtNode) // until the ledger knows where it is
	deaf = nil
	if err := p.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.at(t, "in/s/1", InStore)
	if want := []string{"in/s/1", "in/s/1"}; !slices.Equal(told, want) {
		t.Errorf("told of %q, want %q", told, want)
	}
	p.at(t, "in/s/2", AtNode) // the ledger does not know it: the next start must find it here
	p.at(t, "in/quarantine/x", AtNode)
	if w := p.Waiting(); w.Files != 1 {
		t.Errorf("waiting %+v, want 1", w)
	}
	for name, c := range map[string][]byte{"in/s/1": instance, "in/s/2": unknown, "objects/s/1": object, "in/quarantine/x": bad} {
		p.want(t, name, c)
	}
	var all []string
	for name, err := range p.List(t.Context(), "in") {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, name)
	}
	if slices.Sort(all); !slices.Equal(all, []string{"in/quarantine/x", "in/s/1", "in/s/2"}) {
		t.Errorf("listed %v", all)
	}
	p.put(t, "in/s/1") // comes again
	p.at(t, "in/s/1", AtNode)
	if gone, err := p.Remove(t.Context(), "in/s/1", time.Time{}); !gone || err != nil {
		t.Error(gone, err)
	}
	p.at(t, "in/s/1", "")
}

// While the store is away instances are taken and read; when it is back they go up, after a restart, too.
func TestRun_StoreAway(t *testing.T) {
	server := s3test.Start(t)
	dir := t.TempDir()
	p := open(t, server.Endpoint(), "", dir, nil)
	server.Kill(t)
	first := p.put(t, "in/s/1")
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() { defer close(over); p.Run(ctx) }()
	await(t, func() bool { return p.Waiting().Away != "" })
	if w := p.Waiting(); w.Files != 1 || w.Since.IsZero() || !strings.Contains(w.Away, "nobody listens there") {
		t.Errorf("waiting %+v", w)
	}
	p.want(t, "in/s/1", first)
	if err := store.Put(t.Context(), p.Store, "elsewhere/1", first); !errors.Is(err, store.ErrTemporary) {
		t.Errorf("%v, want one that passes", err)
	}
	result := p.put(t, "objects/s/1")
	p.at(t, "objects/s/1", AtNode)
	cancel()
	<-over
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, server.Endpoint(), "", dir, nil)
	again.want(t, "objects/s/1", result)
	server.Resume(t)
	ctx, cancel = context.WithCancel(t.Context())
	over = make(chan struct{})
	go func() { defer close(over); again.Run(ctx) }()
	second := again.put(t, "in/s/2")
	await(t, func() bool { w := again.Waiting(); return w.Files == 0 && w.Away == "" && empty(t, dir) })
	cancel()
	<-over
	for name, c := range map[string][]byte{"in/s/1": first, "in/s/2": second, "objects/s/1": result} {
		again.at(t, name, InStore)
		again.want(t, name, c)
	}
}

// roomy is a disk with as much room as is said.
type roomy struct {
	Local
	free *int64
}

func (r roomy) Room(context.Context) (store.Room, error) {
	return store.Room{Free: *r.free, Reserve: 100}, nil
}

// Before instances are refused, what is kept for convenience goes.
func TestRoom_MadeBeforeItRunsShort(t *testing.T) {
	free := int64(150)
	s := New(roomy{free: &free}, nil, Options{Shrink: func(bytes int64) int64 {
		if bytes != 50 {
			t.Errorf("asked for %d bytes, want 50", bytes)
		}
		free += 80
		return 80
	}})
	for range 2 { // the second time there is enough
		if r, err := s.Room(t.Context()); err != nil || r.Free != 230 || r.Short() {
			t.Errorf("%+v, %v", r, err)
		}
	}
}

func empty(t *testing.T, dir string) bool {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(dir, "*/s/*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(left) == 0
}

func await(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not done in time")
		}
	}
}

// liar says that it took what it did not keep, or changed.
type liar struct {
	Remote
	keeps []byte // nil: nothing
}

func (l *liar) Upload(ctx context.Context, name string, _ io.ReaderAt, _ int64, _ func(store.File) bool) (bool, error) {
	if l.keeps == nil {
		return false, nil
	}
	return l.Remote.Upload(ctx, name, bytes.NewReader(l.keeps), int64(len(l.keeps)), nil)
}

// A store that lies about success costs nothing: the file stays here, and the others go up.
func TestSweep_StoreLies(t *testing.T) {
	server := s3test.Start(t)
	for name, keeps := range map[string][]byte{"nothing": nil, "other bytes": bytes.Repeat([]byte("x"), 100_000), "fewer": []byte("x")} {
		t.Run(name, func(t *testing.T) {
			p := open(t, server.Endpoint(), strings.ToLower(rand.Text()), t.TempDir(), nil)
			first, second := p.put(t, "in/s/1"), p.put(t, "in/s/2")
			real := p.Store.remote
			p.Store.remote = &liar{real, keeps}
			if err := p.Sweep(t.Context()); !errors.Is(err, errDiffers) {
				t.Errorf("%v, want that it differs", err)
			}
			p.at(t, "in/s/1", AtNode)
			p.at(t, "in/s/2", AtNode)
			p.Store.remote = real
			if err := p.Sweep(t.Context()); err != nil {
				t.Error(err)
			}
			p.at(t, "in/s/1", InStore)
			p.want(t, "in/s/1", first)
			p.want(t, "in/s/2", second)
		})
	}
}

// shut is a disk with a folder that cannot be read.
type shut struct{ Local }

func (s shut) List(ctx context.Context, folder string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if yield("in/shut", store.FileFault(fs.ErrPermission)) {
			s.Local.List(ctx, folder)(yield)
		}
	}
}

// It is told of, and what lies elsewhere goes up.
func TestSweep_FolderThatCannotBeRead(t *testing.T) {
	p := open(t, s3test.Start(t).Endpoint(), "", t.TempDir(), nil)
	p.put(t, "in/s/1")
	p.Store.local = shut{p.disk}
	if err := p.Sweep(t.Context()); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v, want what cannot be read", err)
	}
	p.at(t, "in/s/1", InStore)
}

// A node that was on its own disk moves its files by itself, and reads them meanwhile.
func TestSweep_OfANodeThatWasOnItsDisk(t *testing.T) {
	server := s3test.Start(t)
	dir := t.TempDir()
	before, err := disk.Open(dir, disk.Options{Staging: "in/tmp"})
	if err != nil {
		t.Fatal(err)
	}
	c := content(t)
	names := []string{"in/s/1", "objects/s/1"}
	for _, name := range names {
		if err := store.Put(t.Context(), before, name, c); err != nil {
			t.Fatal(err)
		}
	}
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	p := open(t, server.Endpoint(), "", dir, func(o *Options) { o.Later = nil })
	for _, name := range names {
		p.want(t, name, c)
	}
	if err := p.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		p.at(t, name, InStore)
		p.want(t, name, c)
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s is still here", name)
		}
	}
}
