package main

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jcsnode/ledger"
)

// The ledger of an older version is migrated, and tells of every study what that version knew: testdata/ledgers has the texts. A node that
// takes it over without the files of the studies says that they are missing and keeps the results.
func TestLedgers_OfOlderVersions(t *testing.T) {
	packed, err := filepath.Glob("../../testdata/ledgers/*.db.gz")
	if err != nil || len(packed) == 0 {
		t.Fatalf("%d ledgers, %v", len(packed), err)
	}
	for _, path := range packed {
		name := strings.TrimSuffix(path, ".db.gz")
		t.Run(filepath.Base(name), func(t *testing.T) {
			l := newLabWith(t, exactNetworks(t), "device = \"cpu\"\n[settle]\nquiet = \"876000h\"\nlimit = \"876000h\"",
				destination("pacs", "ARCHIVE", 9), destination("museum", "MUSEUM", 9),
				"[[webhook]]\nname = \"ris\"\nurl = \"http://127.0.0.1:9/\"\nsecret_file = \"secret\"\n")
			if err := os.WriteFile(filepath.Join(l.dir, "secret"), []byte(strings.Repeat("s", 32)), 0o600); err != nil {
				t.Fatal(err)
			}
			own := filepath.Join(l.dir, "data", "ledger.db")
			unpack(t, path, own)
			migrated, err := ledger.Open(t.Context(), own, ledger.Options{Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			if err := migrated.Close(); err != nil {
				t.Fatal(err)
			}
			states := map[string]string{}
			counts := map[string]int{}
			for _, s := range l.studies(t) {
				states[s.StudyUID] = s.State
				counts[s.State]++
			}
			want := map[string]int{ledger.StateReported: 3, ledger.StateNotProcessed: 1, ledger.StateReceiving: 1}
			if diff := cmp.Diff(want, counts); diff != "" {
				t.Errorf("states of studies (-want +got):\n%s", diff)
			}
			var texts []string
			for study := range states {
				texts = append(texts, times.ReplaceAllString(jcsnode(t, "explain", "--config", l.config, study), "TIME"))
			}
			slices.Sort(texts)
			goldenText(t, name+".txt", strings.Join(texts, "\n"))

			l.serve(t)
			for study, state := range states {
				if text := jcsnode(t, "explain", "--config", l.config,
					study); !strings.Contains(text, "Files of it were found missing at ") {
					t.Errorf("nothing is said of missing files:\n%s", text)
				}
				if state == ledger.StateReceiving {
					continue
				}
				text, err := program(t.Context(), "requeue", "--config", l.config, study).CombinedOutput()
				if err == nil || !strings.Contains(string(text), "its outcome stays") {
					t.Errorf("what cannot be read again is taken for it: %v\n%s", err, text)
				}
				if s := l.study(t, study); s.State != state {
					t.Errorf("the study is %s, before %s", s.State, state)
				}
			}
		})
	}
}

// studies lists what `jcsnode status --json` says of all studies.
func (l *lab) studies(t *testing.T) []ledger.Summary {
	t.Helper()
	var all struct {
		Studies []ledger.Summary `json:"studies"`
	}
	if err := json.Unmarshal([]byte(jcsnode(t, "status", "--config", l.config, "--json")), &all); err != nil {
		t.Fatal(err)
	}
	return all.Studies
}

// goldenText compares a text with a file.
func goldenText(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got; -update, if it is meant):\n%s", path, diff)
	}
}

func unpack(t *testing.T, from, to string) {
	t.Helper()
	f, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	content, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := io.Copy(out, content); err != nil {
		t.Fatal(err)
	}
}
