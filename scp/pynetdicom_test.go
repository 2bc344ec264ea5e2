package scp

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"jcsnode/dimse"
)

// pynetdicomPython is a Python that has pynetdicom: that of the peers, or the one on the path.
func pynetdicomPython(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	for _, python := range []string{filepath.Join(cache, "jcsnode", "peers", "bin", "python"), "python3"} {
		if exec.Command(python, "-c", "import pynetdicom").Run() == nil {
			return python
		}
	}
	skip(t, "Python with pynetdicom is missing, in ~/.cache/jcsnode/peers or on the path")
	return ""
}

func TestCommitment_Pynetdicom(t *testing.T) {
	python := pynetdicomPython(t)
	for _, mode := range []string{"same", "new"} {
		t.Run(mode, func(t *testing.T) {
			free, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			own := free.Addr().String()
			free.Close()
			n := startNode(t, Settings{}, withCommitment(own))
			startCommitJobs(t, n)
			c := n.dial(t, CTImageStorage)
			if got := send(t, c, aSlice("1.9", "1.1")); got.Status != dimse.StatusSuccess {
				t.Fatal(got)
			}
			if err := c.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
			host, port, err := net.SplitHostPort(n.addr)
			if err != nil {
				t.Fatal(err)
			}
			_, ownPort, err := net.SplitHostPort(own)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			out, err := exec.CommandContext(ctx, python, "testdata/commitment.py", host, port, ownPort, mode, "5.1",
				CTImageStorage, "1.1", "9.9").CombinedOutput()
			if want := "status 0000H\n2 5.1 | 1.1 | 9.9 0112H\n"; err != nil || string(out) != want {
				t.Errorf("%v, got %q, want %q", err, out, want)
			}
		})
	}
}
