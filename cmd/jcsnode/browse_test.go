package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// browse has a script of testdata drive a browser as ordered, and reads what it found.
func browse(t *testing.T, script string, order map[string]any, found any) {
	t.Helper()
	text, err := json.Marshal(order)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "order.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), tool(t, "node"), filepath.Join("testdata", script), path)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	if err := json.Unmarshal(out, found); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// browserKit finds what drives a browser: playwright-core and axe-core, which `make peers` installs.
func browserKit(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	modules := filepath.Join(cache, "jcsnode", "peers", "node_modules")
	for _, module := range []string{"playwright-core", "axe-core"} {
		if _, err := os.Stat(filepath.Join(modules, module)); err != nil {
			absent(t, module+" in "+modules)
		}
	}
	return modules
}

// inBrowser adds to an order what drives Chromium.
func inBrowser(t *testing.T, order map[string]any) map[string]any {
	t.Helper()
	modules := browserKit(t)
	order["playwright"], order["axe"] = filepath.Join(modules, "playwright-core"), filepath.Join(modules, "axe-core")
	order["chromium"] = tool(t, "chromium")
	return order
}
