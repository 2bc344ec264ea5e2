//go:build unix

package dimse

import (
	"syscall"
	"testing"
)

// openFiles is how many descriptors this process may have.
func openFiles(t *testing.T) int {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	return int(limit.Cur)
}
