package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Documents name the tests that hold what they say: those must exist, be they functions or methods of a suite (ledgertest).
func TestDocuments_NameTestsThatExist(t *testing.T) {
	defined := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func (?:\(s suite\) )?((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range function.FindAllStringSubmatch(string(text), -1) {
			defined[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	exists := func(name, wildcard string) bool {
		if wildcard == "" {
			return defined[name]
		}
		for test := range defined {
			if strings.HasPrefix(test, name) {
				return true
			}
		}
		return false
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)(\\*?)`")
	documents, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(documents) == 0 {
		t.Fatal(err, documents)
	}
	for _, path := range documents {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			if !exists(m[1], m[2]) {
				t.Errorf("%s names %s, which is no test", filepath.Base(path), m[1]+m[2])
			}
		}
	}
}
