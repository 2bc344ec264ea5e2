package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"jcsnode/phantom"
)

// usage is what a process has used so far.
type usage struct {
	cpu    time.Duration
	memory int64 // resident, bytes
}

// used reads it from /proc (proc(5): the 14th and 15th value of stat are ticks of 10 ms).
func used(t *testing.T, pid int) usage {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	values := strings.Fields(rest)
	number := func(i int) int64 {
		n, err := strconv.ParseInt(values[i-3], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return usage{time.Duration(number(14)+number(15)) * 10 * time.Millisecond, number(24) * int64(os.Getpagesize())}
}

// What an idle node costs while nobody looks at its page, and while ten do, in browsers with connections of their own. It is a measurement
// for docs/performance.md and takes seven minutes: JCSNODE_SOAK=1.
func TestWatched(t *testing.T) {
	if os.Getenv("JCSNODE_SOAK") != "1" {
		t.Skip("a measurement of minutes, for JCSNODE_SOAK=1")
	}
	const clients, long = 10, time.Minute
	browser, modules := tool(t, "chromium"), browserKit(t)
	port := freePort(t)
	l := newLabWith(t, exactNetworks(t), fmt.Sprintf("[web]\nlisten = \"127.0.0.1:%d\"", port))
	l.serve(t)
	folder := t.TempDir()
	if err := phantom.Write(t.Context(), folder, phantom.Options{Slices: 24, Spacing: 12, Lesions: true}); err != nil {
		t.Fatal(err)
	}
	jcsnode(t, "send", "--to", l.address(), "--called", "JCSNODE", folder)
	time.Sleep(3 * time.Minute) // it has a study to show, and has come to rest: what is as old is told in minutes

	row := func(what string) {
		before := used(t, l.node.cmd.Process.Pid)
		time.Sleep(long)
		after := used(t, l.node.cmd.Process.Pid)
		t.Logf("| %s | %.2f %% | %.0f |", what, 100*(after.cpu-before.cpu).Seconds()/long.Seconds(), float64(after.memory)/1e6)
	}
	t.Log("| | CPU, share of one processor | memory, MB |")
	row("nobody looks")

	order, err := json.Marshal(map[string]any{"base": fmt.Sprintf("http://127.0.0.1:%d", port), "clients": clients,
		"playwright": filepath.Join(modules, "playwright-core"), "chromium": browser})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "order.json")
	if err := os.WriteFile(path, order, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), tool(t, "node"), filepath.Join("testdata", "watch.js"), path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer in.Close()
	said := bufio.NewReader(out)
	if line, err := said.ReadString('\n'); err != nil || line != "open\n" {
		t.Fatalf("the browsers said %q, %v", line, err)
	}
	row(fmt.Sprintf("%d look", clients))
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	asked, err := said.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("pages that the %d fetched meanwhile: %s", clients, strings.TrimSpace(asked))
	time.Sleep(5 * time.Second)
	row("they have gone")
}
