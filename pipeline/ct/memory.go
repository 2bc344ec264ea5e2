package ct

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
)

// What the reading of a stack takes of memory, for each of its pixels: two bytes of Hounsfield units, one each of the search for the
// lungs, of their mask and of that of the lesions, one in the objects while they are written, and what waits to be collected. Measured
// over 1,100 slices of 1,024 x 1,024: 3.6 GB when decoded, 6.6 GB when the lungs are found, which is 5.7 bytes. Beside it the node
// has its networks and what it is at work on.
const (
	bytesPerPixel = 8
	besideVolume  = 1 << 30
	unknownMemory = 8 << 30 // of a machine that does not tell
)

// checkSize refuses a stack that does not fit into so many bytes of memory.
func checkSize(s *Series, memory int64) *Refusal {
	first := &s.Headers[0]
	need := float64(len(s.Headers))*float64(first.Rows)*float64(first.Columns)*bytesPerPixel + besideVolume
	if need <= float64(memory) {
		return nil
	}
	const gib = 1 << 30
	return refuse(CodeTooLarge, fmt.Sprintf("%d slices of %d x %d need about %.1f GiB of memory, this machine has %.1f GiB",
		len(s.Headers), first.Rows, first.Columns, need/gib, float64(memory)/gib),
		"give the node more memory, or send a reconstruction with a smaller matrix or thicker slices")
}

// machineMemory is what this process may use at most: the memory of the machine, of its control group or that of GOMEMLIMIT, whichever
// is least.
func machineMemory() int64 {
	least := int64(math.MaxInt64)
	if b, err := os.ReadFile("/proc/meminfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			if len(f) < 2 || f[0] != "MemTotal:" {
				continue
			}
			if kib, err := strconv.ParseInt(f[1], 10, 64); err == nil {
				least = kib << 10
			}
		}
	}
	for _, path := range controlGroups() {
		if b, err := os.ReadFile(path); err == nil {
			if n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil && n > 0 {
				least = min(least, n)
			}
		}
	}
	least = min(least, debug.SetMemoryLimit(-1))
	if least == math.MaxInt64 {
		return unknownMemory
	}
	return least
}

// controlGroups are the files with the limits of the control groups that this process is in, of version 2 from its own up to the root.
func controlGroups() []string {
	const root = "/sys/fs/cgroup"
	paths := []string{root + "/memory/memory.limit_in_bytes"}
	b, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(b)) {
		group, ok := strings.CutPrefix(strings.TrimSpace(line), "0::")
		for ok && strings.HasPrefix(group, "/") {
			paths = append(paths, filepath.Join(root, group, "memory.max"))
			if group == "/" {
				break
			}
			group = filepath.Dir(group)
		}
	}
	return paths
}
