package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// NOTICE names every module that is linked into the program, and no other.
func TestNotice_NamesTheLinkedModules(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	linked := strings.Fields(string(out))
	slices.Sort(linked)
	linked = slices.Compact(linked)
	text, err := os.ReadFile("../../NOTICE")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for line := range strings.Lines(string(text)) {
		if module, _, found := strings.Cut(line, " "); found && strings.Contains(module, ".") && strings.Contains(module, "/") {
			named = append(named, module)
		}
	}
	slices.Sort(named)
	if !slices.Equal(linked, named) {
		t.Errorf("NOTICE names\n%s\nlinked are\n%s", strings.Join(named, "\n"), strings.Join(linked, "\n"))
	}
}
