package peers

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Memory is the resident memory of the process and of all that it forked, in bytes. What forked processes share counts once
// for each.
func (p *Process) Memory() int64 {
	total := resident(p.PID)
	for _, pid := range descendants(p.PID) {
		total += resident(pid)
	}
	return total
}

// Watch looks at the memory until the returned function is called, which gives the most that was seen.
func (p *Process) Watch() (peak func() int64) {
	stop, most := make(chan struct{}), make(chan int64)
	go func() {
		seen := p.Memory()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				seen = max(seen, p.Memory())
			case <-stop:
				most <- max(seen, p.Memory())
				return
			}
		}
	}()
	return func() int64 { close(stop); return <-most }
}

// resident reads VmRSS; 0 for a process that is gone.
func resident(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kB, _ := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			return kB << 10
		}
	}
	return 0
}

// descendants lists the processes that pid forked, and those that they forked.
func descendants(pid int) []int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil
	}
	var all []int
	for _, field := range strings.Fields(string(text)) {
		if child, err := strconv.Atoi(field); err == nil {
			all = append(append(all, child), descendants(child)...)
		}
	}
	return all
}
