//go:build unix

package dimse

import (
	"runtime"
	"syscall"
	"testing"
	"time"

	"jcsnode/dimse/pdu"
)

// However many connections are silent, the next association is served at once; the oldest are closed beyond the limit.
func TestServer_SilentConnectionsDelayNobody(t *testing.T) {
	if limit := openFiles(t); limit < 2*maxStrangers+500 {
		t.Skipf("needs %d open files, the limit is %d", 2*maxStrangers+500, limit)
	}
	address, _ := serve(t, nil)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	first := connect(t, address)
	for range 1000 {
		connect(t, address)
	}
	start := time.Now()
	p := associated(t, address)
	p.write(echoRequest(1))
	p.wantStatus(pdu.CEchoRSP, 1, StatusSuccess)
	if took := time.Since(start); took > time.Second {
		t.Errorf("an echo took %v beside 1000 silent connections", took)
	}
	runtime.ReadMemStats(&after)
	used := int64(after.HeapInuse+after.StackInuse) - int64(before.HeapInuse+before.StackInuse)
	t.Logf("1000 silent connections, both ends in this process: %d KiB", used>>10)
	if used > 32<<20 {
		t.Errorf("1000 silent connections take %d bytes", used)
	}
	for range maxStrangers - 1000 {
		connect(t, address)
	}
	first.wantClosed()
	p.write(echoRequest(2))
	p.wantStatus(pdu.CEchoRSP, 2, StatusSuccess)
}

// openFiles is how many descriptors this process may have.
func openFiles(t *testing.T) int {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	return int(limit.Cur)
}
