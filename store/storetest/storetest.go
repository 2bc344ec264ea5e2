package storetest

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"jcsnode/store"
)

// Subject is an empty store under test.
type Subject struct {
	Store store.Store
	Break func(f Fault) bool // makes the store fail so from now on; false where it cannot
	Mend  func()
	Crash func(t *testing.T) store.Store // the store as it is opened after its process was killed now
	Left  func(t *testing.T) []string    // everything that lies about and is no file under a name
}

// Run runs the suite. open gives a new subject for each test, and ends it with t.
func Run(t *testing.T, open func(t *testing.T) *Subject) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *Subject)
	}{
		{"commit", commit}, {"abort", abort}, {"names", names}, {"not found", notFound}, {"replace", replace}, {"kept", kept},
		{"remove", remove}, {"list", list}, {"move", move}, {"put and get", putAndGet}, {"room", room}, {"crash", crash},
		{"one name at a time", oneNameAtATime}, {"removed while others come", removedWhileOthersCome},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
	t.Run("faults", func(t *testing.T) { faults(t, open) })
}

// stage stages content in two writes.
func stage(t *testing.T, s store.Store, content string) store.Staged {
	t.Helper()
	f, err := s.Stage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{content[:len(content)/2], content[len(content)/2:]} {
		if n, err := f.Write([]byte(part)); err != nil || n != len(part) {
			t.Fatalf("%d bytes written, %v; want %d", n, err, len(part))
		}
	}
	return f
}

func put(t *testing.T, s store.Store, name, content string) {
	t.Helper()
	if err := store.Put(t.Context(), s, name, []byte(content)); err != nil {
		t.Fatal(err)
	}
}

// want makes sure of the content of a name; "" is no file.
func want(t *testing.T, s store.Store, name, content string) {
	t.Helper()
	has, err := s.Has(t.Context(), name)
	if err != nil || has != (content != "") {
		t.Errorf("has %s: %v, %v", name, has, err)
	}
	got, err := store.Get(t.Context(), s, name)
	if content == "" {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %q, %v; want not found", name, got, err)
		}
	} else if err != nil || string(got) != content {
		t.Errorf("%s: %q, %v; want %q", name, got, err, content)
	}
}

func listed(t *testing.T, s store.Store, folder string) []string {
	t.Helper()
	var all []string
	for name, err := range s.List(t.Context(), folder) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func nothingLeft(t *testing.T, u *Subject) {
	t.Helper()
	if left := u.Left(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A staged file is nobody's until it has its name, and then whole.
func commit(t *testing.T, u *Subject) {
	f := stage(t, u.Store, "content")
	back := make([]byte, 4)
	if n, err := f.ReadAt(back, 3); n != 4 || err != nil && err != io.EOF || string(back) != "tent" {
		t.Errorf("read back %q, %v", back[:n], err)
	}
	want(t, u.Store, "in/a/file.dcm", "")
	if got := listed(t, u.Store, "in"); len(got) > 0 {
		t.Errorf("listed before it has a name: %v", got)
	}
	began := time.Now().Add(-time.Minute) // the clock of a store may be another
	same := func(store.File) bool { t.Error("asked about a file that is not there"); return true }
	if kept, err := f.Commit(t.Context(), "in/a/file.dcm", same); kept || err != nil {
		t.Fatalf("kept %v, %v", kept, err)
	}
	if err := f.Abort(); err != nil {
		t.Error(err)
	}
	want(t, u.Store, "in/a/file.dcm", "content")
	old, err := u.Store.Open(t.Context(), "in/a/file.dcm")
	if err != nil {
		t.Fatal(err)
	}
	if old.Size() != 7 || old.Time().Before(began) || time.Since(old.Time()) < -time.Minute {
		t.Errorf("size %d, time %v", old.Size(), old.Time())
	}
	if n, err := old.ReadAt(back, 5); n != 2 || err != io.EOF {
		t.Errorf("%d bytes at the end, %v; want 2 and io.EOF itself", n, err)
	}
	if err := old.Close(); err != nil {
		t.Error(err)
	}
	nothingLeft(t, u)
}

func abort(t *testing.T, u *Subject) {
	f := stage(t, u.Store, "content")
	for range 2 {
		if err := f.Abort(); err != nil {
			t.Error(err)
		}
	}
	nothingLeft(t, u)
}

// No name leads out of the store, whoever made it.
func names(t *testing.T, u *Subject) {
	put(t, u.Store, "in/good", "content")
	for _, name := range []string{"", "/etc/passwd", "../up", "in/../../up", "in//x", "in/", "./x", `in\x`, "in/a b", "in/.x", "in/\x00",
		strings.Repeat("long/", 200) + "x"} {
		errs := map[string]error{
			"put":       store.Put(t.Context(), u.Store, name, []byte("x")),
			"move from": u.Store.Move(t.Context(), name, "in/b"),
			"move to":   u.Store.Move(t.Context(), "in/good", name),
		}
		_, errs["open"] = u.Store.Open(t.Context(), name)
		_, errs["has"] = u.Store.Has(t.Context(), name)
		_, errs["remove"] = u.Store.Remove(t.Context(), name, time.Time{})
		for _, err := range u.Store.List(t.Context(), name) {
			errs["list"] = err
		}
		for what, err := range errs {
			if !errors.Is(err, store.ErrName) {
				t.Errorf("%s %q: %v, want ErrName", what, name, err)
			}
		}
	}
	if got := listed(t, u.Store, "in"); !slices.Equal(got, []string{"in/good"}) {
		t.Errorf("listed %v", got)
	}
	nothingLeft(t, u)
}

func notFound(t *testing.T, u *Subject) {
	put(t, u.Store, "in/a/file", "content")
	for _, name := range []string{"in/b", "elsewhere/b", "in/a", "in/a/file/below"} { // a folder is no file, nor a file a folder
		want(t, u.Store, name, "")
		if gone, err := u.Store.Remove(t.Context(), name, time.Time{}); !gone || err != nil {
			t.Errorf("remove %s: gone %v, %v", name, gone, err)
		}
	}
	if err := u.Store.Move(t.Context(), "in/b", "in/c"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("move what is not there: %v", err)
	}
	if got := listed(t, u.Store, "nowhere"); len(got) > 0 {
		t.Errorf("listed %v", got)
	}
	want(t, u.Store, "in/a/file", "content")
}

// Whoever reads a file reads it to its end, whatever becomes of its name.
func replace(t *testing.T, u *Subject) {
	put(t, u.Store, "in/file", "first and long")
	old, err := u.Store.Open(t.Context(), "in/file")
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	put(t, u.Store, "in/file", "second")
	want(t, u.Store, "in/file", "second")
	if _, err := u.Store.Remove(t.Context(), "in/file", time.Time{}); err != nil {
		t.Fatal(err)
	}
	content := make([]byte, old.Size())
	if _, err := old.ReadAt(content, 0); err != nil && err != io.EOF || string(content) != "first and long" {
		t.Errorf("%q, %v; want the file that was opened", content, err)
	}
}

// What is there already is kept where it is as good, and replaced where it is not.
func kept(t *testing.T, u *Subject) {
	put(t, u.Store, "in/file", "first")
	for _, c := range []struct {
		same bool
		want string
	}{{true, "first"}, {false, "second"}} {
		f := stage(t, u.Store, "second")
		kept, err := f.Commit(t.Context(), "in/file", func(old store.File) bool {
			content := make([]byte, old.Size())
			if _, err := old.ReadAt(content, 0); err != nil && err != io.EOF || !bytes.Equal(content, []byte("first")) {
				t.Errorf("asked about %q, %v", content, err)
			}
			return c.same
		})
		if kept != c.same || err != nil {
			t.Errorf("kept %v, %v; want %v", kept, err, c.same)
		}
		if err := f.Abort(); err != nil {
			t.Error(err)
		}
		want(t, u.Store, "in/file", c.want)
	}
	nothingLeft(t, u)
}

func remove(t *testing.T, u *Subject) {
	put(t, u.Store, "in/a/file", "content")
	put(t, u.Store, "in/a/other", "content")
	for _, c := range []struct {
		before time.Time
		gone   bool
	}{{time.Now().Add(-time.Hour), false}, {time.Now().Add(time.Hour), true}, {time.Now(), true}, {time.Time{}, true}} {
		if gone, err := u.Store.Remove(t.Context(), "in/a/file", c.before); gone != c.gone || err != nil {
			t.Errorf("before %v: gone %v, %v", c.before, gone, err)
		}
	}
	want(t, u.Store, "in/a/file", "")
	want(t, u.Store, "in/a/other", "content")
	if gone, err := u.Store.Remove(t.Context(), "in/a/other", time.Time{}); !gone || err != nil {
		t.Errorf("whatever its age: gone %v, %v", gone, err)
	}
	put(t, u.Store, "in/a/file", "again")
	want(t, u.Store, "in/a/file", "again")
}

func list(t *testing.T, u *Subject) {
	all := []string{"in/a/1", "in/a/2", "in/b/c/3", "in/top"}
	for _, name := range append(all, "inside/4", "out") {
		put(t, u.Store, name, "content")
	}
	f := stage(t, u.Store, "content")
	defer f.Abort()
	if got := listed(t, u.Store, "in"); !slices.Equal(got, all) {
		t.Errorf("listed %v, want %v", got, all)
	}
	if got := listed(t, u.Store, "in/b"); !slices.Equal(got, all[2:3]) {
		t.Errorf("listed %v, want %v", got, all[2:3])
	}
	for range u.Store.List(t.Context(), "in") {
		break // who has seen enough
	}
	for age, since := range map[string]time.Time{"old": time.Now().Add(-time.Hour), "any": {}} {
		var got []string
		for name, err := range u.Store.ListSince(t.Context(), "in", since) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, name)
		}
		if slices.Sort(got); !slices.Equal(got, all) {
			t.Errorf("new files, of those of %s age: listed %v, want %v", age, got, all)
		}
	}
	for name, err := range u.Store.List(t.Context(), "in") { // who removes as he goes
		if err != nil {
			t.Fatal(err)
		}
		if gone, err := u.Store.Remove(t.Context(), name, time.Time{}); !gone || err != nil {
			t.Errorf("%s: gone %v, %v", name, gone, err)
		}
	}
	if got := listed(t, u.Store, "in"); len(got) > 0 {
		t.Errorf("listed %v, want none", got)
	}
}

func move(t *testing.T, u *Subject) {
	put(t, u.Store, "in/a/file", "content")
	put(t, u.Store, "aside/file", "old")
	if err := u.Store.Move(t.Context(), "in/a/file", "aside/file"); err != nil {
		t.Fatal(err)
	}
	want(t, u.Store, "in/a/file", "")
	want(t, u.Store, "aside/file", "content")
}

func putAndGet(t *testing.T, u *Subject) {
	long := strings.Repeat("0123456789abcdef", 1<<16)
	put(t, u.Store, "in/long", long)
	want(t, u.Store, "in/long", long)
	put(t, u.Store, "in/empty", "")
	if got, err := store.Get(t.Context(), u.Store, "in/empty"); err != nil || len(got) != 0 {
		t.Errorf("empty: %q, %v", got, err)
	}
}

func room(t *testing.T, u *Subject) {
	if r, err := u.Store.Room(t.Context()); err != nil || r.Free <= 0 {
		t.Errorf("%+v, %v", r, err)
	}
}
