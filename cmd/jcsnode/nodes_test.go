package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jcsnode/ledger"
	"jcsnode/phantom"
	"jcsnode/pgtest"
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

// One node takes a study in, another reads and delivers it. The second one dies by kill -9; a third has its work within ten seconds.
func TestNodes_OneTakesInOthersReadAndDeliver(t *testing.T) {
	tool(t, "storescu")
	s := newSeveral(t, "")
	folder := filepath.Join(t.TempDir(), "study")
	goldenPhantom(t, folder, phantom.Options{Slices: 12, Spacing: 12, Lesions: true}, "ISO_IR 100", "M\xfcller")
	uid := studyUID(t, folder)
	door := s.node(t, "door", "door", "read", "deliver")
	door.serve(t)
	worker := s.node(t, "worker", "door", "read", "deliver")
	worker.serve(t)
	dcmtk(t, "storescu", "-xs", "-aec", "JCSNODE", "127.0.0.1", fmt.Sprint(door.port), "+sd", folder)
	got := door.settled(t, uid, time.Minute)
	if got.State != ledger.StateReported || len(got.Instances) != 12 {
		t.Errorf("%s %+v", got.State, got.Reason)
	}
	t.Log(door.log(t))
	t.Log(worker.log(t))
}
