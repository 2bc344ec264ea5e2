package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
