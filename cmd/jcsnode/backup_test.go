package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jcsnode/foldertest"
	"jcsnode/ledger"
	"jcsnode/store/s3test"
)

// A node is backed up while it runs; the node that is restored from that knows the study and has its files.
func TestBackup_OfARunningNode(t *testing.T) {
	l := newLabWith(t, glassNetworks(t), "[settle]\nquiet = \"1s\"\n")
	l.serve(t)
	study := l.sendPhantom(t)
	before := l.settled(t, study, time.Minute)
	saved := filepath.Join(l.dir, "saved")
	if said := jcsnode(t, "backup", "--config", l.config, "--to", saved); !strings.Contains(said, "ledger and files agree") {
		t.Errorf("backup says\n%s", said)
	}
	l.node.stop(t)
	if err := os.RemoveAll(filepath.Join(l.dir, "data")); err != nil {
		t.Fatal(err)
	}
	if said := jcsnode(t, "restore", "--config", l.config, "--from", saved); !strings.Contains(said, "ledger and files agree") {
		t.Errorf("restore says\n%s", said)
	}
	l.serve(t)
	if s := l.study(t, study); s == nil || s.State != before.State || len(s.Instances) != len(before.Instances) {
		t.Errorf("the restored node knows %+v", s)
	}
	if l.logged(t, "files that the ledger knows are missing") {
		t.Error("the restored node misses files")
	}
}

// A ledger that is put back, on the same machine or another one, lacks what came since. Of that the node finds in the object store what has
// gone up there and is on no disk.
func TestBackup_OlderThanTheObjectStore(t *testing.T) {
	server := s3test.Start(t)
	l := newLabWith(t, exactNetworks(t), goldenDevice, "[settle]\nquiet = \"1s\"\n", s3Config(t, server, ""))
	data, saved := filepath.Join(l.dir, "data"), filepath.Join(l.dir, "saved")
	l.serve(t)
	jcsnode(t, "backup", "--config", l.config, "--to", saved)
	since := time.Now()
	study := l.sendPhantom(t)
	l.settled(t, study, time.Minute)
	eventually(t, 30*time.Second, "the instances are in the store, and the node has said since that its ledger is complete", func() bool {
		left, err := filepath.Glob(filepath.Join(data, "inbox", "*", "*.dcm"))
		lock, e := os.Stat(filepath.Join(data, "node.lock"))
		return err == nil && len(left) == 0 && e == nil && lock.ModTime().After(since.Add(time.Second))
	})
	l.node.stop(t)
	known := func(t *testing.T) {
		t.Helper()
		l.serve(t)
		defer l.node.stop(t)
		if s := l.settled(t, study, time.Minute); s.State != ledger.StateReported || len(s.Instances) != 8 {
			t.Errorf("the node knows %+v", s)
		}
	}
	t.Run("same data_dir", func(t *testing.T) {
		for name := range foldertest.Files(t, data) {
			if strings.HasPrefix(name, "ledger.db") {
				if err := os.Remove(filepath.Join(data, name)); err != nil {
					t.Fatal(err)
				}
			}
		}
		old, err := os.ReadFile(filepath.Join(saved, "ledger.db"))
		if err == nil {
			err = os.WriteFile(filepath.Join(data, "ledger.db"), old, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		known(t)
	})
	t.Run("another one", func(t *testing.T) {
		if err := os.RemoveAll(data); err != nil {
			t.Fatal(err)
		}
		jcsnode(t, "restore", "--config", l.config, "--from", saved)
		known(t)
	})
}
