package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"jcsnode/foldertest"
	"jcsnode/ledger"
	"jcsnode/pgtest"
)

// The main job with the ledger in PostgreSQL, and the commands beside the node. The password, for which this server does not ask, is told
// nowhere.
func TestStudy_OnPostgres(t *testing.T) {
	folder := someSlices(t, 10)
	uid := studyUID(t, folder)
	archive := startOrthanc(t)
	dcmtk(t, "storescu", "-xs", "-aec", "ORTHANC", "127.0.0.1", fmt.Sprint(archive.dicom), "+sd", folder)
	address := pgtest.Shared(t).Database(t, "", nil)
	l := newLabWith(t, glassNetworks(t), "device = \"cpu\"", destination("pacs", "ORTHANC", archive.dicom), "[settle]\nquiet = \"1s\"",
		fmt.Sprintf("[ledger]\nurl = %q\npassword_file = \"password\"", address))
	if err := os.WriteFile(filepath.Join(l.dir, "password"), []byte("correct-horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := jcsnode(t, "check", "--config", l.config)
	l.serve(t)
	dcmtk(t, "storescu", "-xs", "-aec", "JCSNODE", "127.0.0.1", fmt.Sprint(l.port), "+sd", folder)
	s := l.settled(t, uid, 5*time.Minute)
	checkArchive(t, archive, uid, s)
	checkHistory(t, s, len(foldertest.Files(t, folder)))

	said := before + jcsnode(t, "check", "--config", l.config)
	for _, want := range []string{"the ledger is in postgres://postgres@127.0.0.1:", "a node works on this ledger now"} {
		if !strings.Contains(said, want) {
			t.Errorf("check lacks %q:\n%s", want, said)
		}
	}
	said += jcsnode(t, "requeue", "--config", l.config, uid)
	eventually(t, time.Minute, "the study is read again", func() bool {
		s = l.study(t, uid)
		return s != nil && len(s.Revisions) == 2 && s.State == ledger.StateReported
	})
	said += jcsnode(t, "deliver", "--config", l.config, "--destination", "pacs", uid)
	l.node.stop(t)
	said += jcsnode(t, "status", "--config", l.config) + jcsnode(t, "explain", "--config", l.config, uid)
	if !strings.Contains(said, uid) {
		t.Errorf("the study is not listed:\n%s", said)
	}
	log, err := os.ReadFile(filepath.Join(l.dir, "node.log"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(said+string(log), "correct-horse") {
		t.Error("the password is told")
	}
	if files, err := filepath.Glob(filepath.Join(l.dir, "data", "ledger.db*")); err != nil || len(files) > 0 {
		t.Errorf("a ledger in %v, %v", files, err)
	}
}

// What cannot be taken while the database is away is no mistake in the configuration, and is taken later.
func TestReload_WhileTheDatabaseIsAway(t *testing.T) {
	server := pgtest.Start(t)
	l := newLabWith(t, glassNetworks(t), "device = \"cpu\"", fmt.Sprintf("[ledger]\nurl = %q", server.Database(t, "", nil)))
	l.serveBy(t, l.asService(t))
	before, err := os.ReadFile(l.config)
	if err != nil {
		t.Fatal(err)
	}
	text := string(before) + "\n" + destination("pacs", "PACS", 1)
	if err := os.WriteFile(l.config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	server.Stop(t, syscall.SIGINT)
	l.hangUp(t, "reload again when the ledger's database is there")
	if l.logged(t, "correct them") {
		t.Error("the log speaks of mistakes")
	}
	server.Again(t)
	eventually(t, 30*time.Second, "the configuration is taken", func() bool {
		if err := l.node.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		return l.logged(t, "configuration reloaded")
	})
	l.node.stop(t)
}
