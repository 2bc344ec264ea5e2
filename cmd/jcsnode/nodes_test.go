package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jcsnode/config"
	"jcsnode/foldertest"
	"jcsnode/ledger"
	"jcsnode/pgtest"
	"jcsnode/phantom"
	"jcsnode/status"
)

// several are nodes that share a ledger and a folder of files.
type several struct {
	archived string // folder of the archive that they deliver to
	common   string // of their configurations
}

func newSeveral(t *testing.T, more string) *several {
	t.Helper()
	s := &several{archived: filepath.Join(t.TempDir(), "archive")}
	port := freePort(t)
	s.common = fmt.Sprintf("[ledger]\nurl = %q\n[store]\nkind = \"shared\"\npath = %q\n",
		pgtest.Shared(t).Database(t, "", nil), t.TempDir()) +
		siteConfig + more + destination("archive", "ARCHIVE", port) +
		"objects = [\"summary\", \"segmentation\", \"report\"]\nretry_first = \"1s\"\nretry_longest = \"2s\"\n"
	start(t, program(t.Context(), "archive", "--listen", fmt.Sprintf("127.0.0.1:%d", port), "--out", s.archived),
		filepath.Join(t.TempDir(), "archive.log"))
	return s
}

// node is one of them with its roles. It is not started.
func (s *several) node(t *testing.T, name string, roles ...string) *lab {
	t.Helper()
	l := newLabWith(t, exactNetworks(t), goldenDevice, s.common)
	l.change(t, "[node]\n", fmt.Sprintf("[node]\nname = %q\nroles = [\"%s\"]\n", name, strings.Join(roles, `", "`)))
	return l
}

// log is what a node has written.
func (l *lab) log(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(l.dir, "node.log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// serveQuietly starts a node that listens nowhere, and waits until it takes part.
func (l *lab) serveQuietly(t *testing.T) {
	t.Helper()
	l.node = start(t, program(context.WithoutCancel(t.Context()), "serve", "--config", l.config), filepath.Join(l.dir, "node.log"))
	eventually(t, time.Minute, "the node works", func() bool { return strings.Contains(l.log(t), "listens for none") })
}

// owns tells whether `jcsnode nodes` has something in the line of a node.
func owns(t *testing.T, l *lab, name, what string) bool {
	t.Helper()
	for line := range strings.Lines(jcsnode(t, "nodes", "--config", l.config)) {
		if strings.HasPrefix(line, name+" ") {
			return strings.Contains(line, what)
		}
	}
	return false
}

// One node takes a study in, one reads it, one delivers it and dies by kill -9 on the way; another has its work within ten seconds.
func TestNodes_OneTakesInOthersReadAndDeliver(t *testing.T) {
	tool(t, "storescu")
	s := newSeveral(t, "")
	folder := filepath.Join(t.TempDir(), "study")
	goldenPhantom(t, folder, phantom.Options{Slices: 12, Spacing: 12, Lesions: true}, "ISO_IR 100", "M\xfcller")
	uid := studyUID(t, folder)
	door, reader := s.node(t, "door", "door"), s.node(t, "reader", "read")
	first, second := s.node(t, "first", "deliver"), s.node(t, "second", "deliver")
	door.serve(t)
	reader.serveQuietly(t)
	first.serveQuietly(t)
	eventually(t, 20*time.Second, "the first one has the archive", func() bool { return strings.Contains(first.log(t), "deliver archive") })
	second.serveQuietly(t)

	namesake := s.node(t, "door", "read") // it waits for a while whether the other one ends
	namesake.node = start(t, program(t.Context(), "serve", "--config", namesake.config), filepath.Join(namesake.dir, "node.log"))

	dcmtk(t, "storescu", "-xs", "-aec", "JCSNODE", "127.0.0.1", fmt.Sprint(door.port), "+sd", folder)
	eventually(t, time.Minute, "the study is read", func() bool { return door.beyond(t, uid, ledger.StateProcessing) })
	said := jcsnode(t, "nodes", "--config", door.config)
	for _, want := range []string{"door", "reader", "first", "second", "deliver", "cpu"} {
		if !strings.Contains(said, want) {
			t.Errorf("nodes lacks %s", want)
		}
	}
	if n := strings.Count(said, status.Runs); n != 4 {
		t.Errorf("%d nodes run\n%s", n, said)
	}
	owner := func(name string) bool { return owns(t, door, name, "delivers to archive") }
	eventually(t, 20*time.Second, "the first one is said to have the archive", func() bool { return owner("first") && !owner("second") })
	first.node.kill()
	died := time.Now()
	eventually(t, 20*time.Second, "the second one has the archive", func() bool {
		return strings.Contains(second.log(t), "deliver archive")
	})
	if took := time.Since(died); took > 10*time.Second {
		t.Errorf("taken over after %v", took)
	}
	eventually(t, 20*time.Second, "the second one is said to have the archive", func() bool { return owner("second") && !owner("first") })
	if leaders := strings.Count(jcsnode(t, "nodes", "--config", door.config), "leads"); leaders != 1 {
		t.Errorf("%d nodes are said to lead", leaders)
	}
	got := door.settled(t, uid, time.Minute)
	if got.State != ledger.StateReported || len(got.Instances) != 12 {
		t.Errorf("%s %+v, %d instances", got.State, got.Reason, len(got.Instances))
	}
	if objects := len(foldertest.Files(t, s.archived)); objects != 3 {
		t.Errorf("%d objects at the archive", objects)
	}
	select {
	case <-namesake.node.ended:
	case <-time.After(20 * time.Second):
		t.Error("a node with a name in use does not end")
	}
	if text := namesake.log(t); !strings.Contains(text, "give each node a name of its own") {
		t.Errorf("a name in use:\n%s", text)
	}
	if said = jcsnode(t, "status", "--config", reader.config); !strings.Contains(said, "first (deliver): DEAD") {
		t.Errorf("the dead one is not told of:\n%s", said)
	}
	logs := door.log(t) + reader.log(t) + second.log(t)
	for _, want := range []string{`"another node is dead","node":"first"`, "settles studies"} {
		if !strings.Contains(logs, want) {
			t.Errorf("no log has %s", want)
		}
	}
	if strings.Contains(door.log(t)+second.log(t), "networks are ready") || strings.Contains(reader.log(t), `"msg":"listening"`) {
		t.Error("a node does what is not among its roles")
	}
	if i := strings.Index(strings.ReplaceAll(logs, "another node is dead", ""), `"level":"ERROR"`); i >= 0 {
		t.Logf("%.2000s", logs[max(0, i-100):])
	}
}

// Check tells of another node under the name and of a secret that is none, and speaks of no port that the node does not open. The roles
// that nobody has are told of.
func TestCheck_OfANodeAmongOthers(t *testing.T) {
	s := newSeveral(t, "")
	first, namesake := s.node(t, "first", "deliver"), s.node(t, "first", "deliver")
	first.serveQuietly(t)
	said := jcsnode(t, "check", "--config", first.config)
	for _, want := range []string{"opens no port", "a node works on this data_dir now"} {
		if !strings.Contains(said, want) {
			t.Errorf("check lacks %q:\n%s", want, said)
		}
	}
	if strings.Contains(said, "listening on") || strings.Contains(said, "[[peer]]") {
		t.Errorf("check speaks of a door:\n%s", said)
	}
	for _, command := range []string{"nodes", "status"} {
		said := jcsnode(t, command, "--config", first.config)
		if !strings.Contains(said, "no node that lives reads studies (role read)") || strings.Contains(said, "(role deliver)") {
			t.Errorf("%s does not tell which roles are nobody's:\n%s", command, said)
		}
	}
	out, err := program(t.Context(), "check", "--config", namesake.config).CombinedOutput()
	if err == nil || !strings.Contains(string(out), `node.name: another node lives under "first" (jcsnode first.`) {
		t.Errorf("check under a name in use: %v\n%s", err, out)
	}

	open, err := os.MkdirTemp("", "open")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(open) })
	password := filepath.Join(open, "password")
	for _, err := range []error{os.Chmod(open, 0o755), os.WriteFile(password, []byte("secret\n"), 0o644), os.Chmod(password, 0o644)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	second := s.node(t, "second", "deliver")
	second.change(t, "quiet = ", "limit = \"20m\"\nquiet = ")
	second.change(t, "[ledger]\n", fmt.Sprintf("[ledger]\npassword_file = %q\n", password))
	exposed := config.Secret{Path: password}.Open() // not where a folder above, as TMPDIR, is somebody's alone
	said = jcsnode(t, "check", "--config", second.config)
	if exposed != strings.Contains(said, "everybody on this machine can read "+password) {
		t.Errorf("a secret is open: %v; check says:\n%s", exposed, said)
	}
	second.serveQuietly(t)
	eventually(t, 20*time.Second, "everybody sees that it settles otherwise", func() bool {
		return strings.Contains(second.log(t), "another node is set otherwise") &&
			strings.Contains(jcsnode(t, "nodes", "--config", first.config), "this one differs in [settle]")
	})
	if exposed != strings.Contains(second.log(t), "everybody on this machine can read a secret") {
		t.Errorf("a secret is open: %v; the log says:\n%s", exposed, second.log(t))
	}
}

// A reader with other settings is told so before it starts and when it joins, and everybody sees it.
func TestNodes_OneReadsOtherwise(t *testing.T) {
	s := newSeveral(t, "")
	first, other := s.node(t, "first", "read"), s.node(t, "other", "read")
	other.change(t, "threshold_mm = 0.0", "threshold_mm = 30.0")
	first.serveQuietly(t)
	eventually(t, 20*time.Second, "the first one says how it reads", func() bool {
		out := jcsnode(t, "check", "--config", other.config)
		return strings.Contains(out, "node first is set otherwise ([cascade] or [objects])")
	})
	out, err := program(t.Context(), "serve", "--config", first.config).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "another node works on this data_dir") {
		t.Errorf("a second node on one data_dir: %v\n%s", err, out)
	}
	other.serveQuietly(t)
	eventually(t, 20*time.Second, "the other one is told", func() bool {
		return strings.Contains(other.log(t), "another node is set otherwise")
	})
	said := jcsnode(t, "nodes", "--config", first.config)
	if want := "this one differs in [cascade] or [objects]\n"; strings.Count(said, want) != 1 {
		t.Errorf("nodes does not tell of it:\n%s", said)
	}
}
