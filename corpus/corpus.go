// Package corpus finds the inputs of tests: those of our own making, which lie in testdata and are always there, and the larger ones beside
// the repository, which a stranger has not got. A test that needs the latter is left out where they are absent, and is counted.
//
// For tests only; it knows nothing of the program.
package corpus

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Environment variables.
const (
	DataEnv    = "JCSNODE_DATA"     // the folder of the larger data; default: shared/data beside the repository
	leftOutEnv = "JCSNODE_LEFT_OUT" // a file that gets the name of each test that is left out, one a line
)

// Own gives the path of something in testdata of the repository.
func Own(t testing.TB, parts ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{root(t), "testdata"}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("test input of our own: %v", err)
	}
	return path
}

// Shared gives the path of something in the larger data. Where there are none the test is left out; where there are, what is missing
// from them leaves out the test, too, but fails it in CI.
func Shared(t testing.TB, parts ...string) string {
	t.Helper()
	folder := shared(t)
	path := filepath.Join(append([]string{folder}, parts...)...)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if _, err := os.Stat(folder); err == nil && os.Getenv("CI") == "true" {
		t.Fatalf("test data are incomplete: no %s", path)
	}
	leaveOut(t)
	t.Skipf("left out: no test data at %s (%s names another folder)", path, DataEnv)
	return ""
}

// Both gives the path of a folder in testdata, and of the one of that name in the larger data if they are there.
func Both(t testing.TB, parts ...string) []string {
	t.Helper()
	folders := []string{Own(t, parts...)}
	path := filepath.Join(append([]string{shared(t)}, parts...)...)
	if _, err := os.Stat(path); err == nil {
		folders = append(folders, path)
	}
	return folders
}

// Table reads a CSV file as one map from column to value for each row.
func Table(t testing.TB, path string) []map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var out []map[string]string
	for _, row := range rows[1:] {
		m := map[string]string{}
		for i, name := range rows[0] {
			m[name] = row[i]
		}
		out = append(out, m)
	}
	return out
}

func shared(t testing.TB) string {
	t.Helper()
	if named := os.Getenv(DataEnv); named != "" {
		return named
	}
	return filepath.Join(filepath.Dir(root(t)), "shared", "data")
}

// root is the repository: the nearest folder above the test's own that has a go.mod.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = up
	}
}

func leaveOut(t testing.TB) {
	path := os.Getenv(leftOutEnv)
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatalf("note that the test is left out: %v", err)
	}
	defer f.Close()
	if _, err := fmt.Fprintln(f, t.Name()); err != nil {
		t.Fatalf("note that the test is left out: %v", err)
	}
}
