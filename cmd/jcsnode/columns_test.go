package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	mostColumns = 140 // of a line, a tab as four
	mostLines   = 400 // of a file of Go
)

// unheld are files that a program writes, and what a tool of its own holds.
var unheld = []string{
	"docs/conformance.md", // jcsnode conformance
	"docs/lungs.md",       // bench/lungs
	"docs/model-card.md",  // jcs.evaluate
	"models/training/",    // ruff, for its Python; inline tables of TOML are one line
}

var (
	linkAlone = regexp.MustCompile(`^[\s#/*<(-]*https?://\S+$`)
	keptWhole = regexp.MustCompile(`# noqa: E501$`)
)

// TestColumns holds the source to lines that fit on a page and files that can be read at one sitting. Of Markdown tables are free.
func TestColumns(t *testing.T) {
	const root = "../.."
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Skipf("no checkout: %v", err)
	}
	held := 0
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		if !isSource(name) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // removed, and not yet committed
		}
		if err != nil {
			t.Fatal(err)
		}
		held++
		for _, n := range wide(text, filepath.Ext(name) == ".md") {
			t.Errorf("%s:%d is wider than %d columns", name, n, mostColumns)
		}
		if lines := bytes.Count(text, []byte("\n")); filepath.Ext(name) == ".go" && lines > mostLines {
			t.Errorf("%s has %d lines, more than %d: split it by what it holds", name, lines, mostLines)
		}
	}
	if held < 500 {
		t.Errorf("only %d files were found", held)
	}
}

func isSource(name string) bool {
	if slices.ContainsFunc(unheld, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
		return false
	}
	if strings.Contains(name, "testdata/golden/") {
		return false
	}
	return slices.Contains([]string{".go", ".py", ".sh", ".sql", ".toml", ".md"}, filepath.Ext(name))
}

// wide are the numbers of the lines that are too wide.
func wide(text []byte, markdown bool) []int {
	var all []int
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimRight(line, "\r\n")
		columns := utf8.RuneCountInString(line) + 3*strings.Count(line, "\t")
		free := markdown && strings.HasPrefix(strings.TrimSpace(line), "|") || linkAlone.MatchString(line) || keptWhole.MatchString(line)
		if columns > mostColumns && !free {
			all = append(all, n)
		}
	}
	return all
}

func TestWide(t *testing.T) {
	long := strings.Repeat("x", mostColumns)
	for text, want := range map[string][]int{
		"":                                nil,
		long:                              nil,
		long + "x":                        {1},
		"a\n" + long + "x\nb\n":           {2},
		"\t" + long[4:]:                   nil,
		"\t" + long[3:]:                   {1},
		strings.Repeat("ü", 140):          nil,
		"// https://example.org/" + long:  nil,
		"see https://example.org/" + long: {1},
	} {
		if got := wide([]byte(text), false); !slices.Equal(got, want) {
			t.Errorf("%.40q: %v, want %v", text, got, want)
		}
	}
	if got := wide([]byte("| "+long+" |\n"+long+"x\n"), true); !slices.Equal(got, []int{2}) {
		t.Errorf("Markdown: %v, want the line below the table", got)
	}
}
