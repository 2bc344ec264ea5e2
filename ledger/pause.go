package ledger

import (
	"maps"
	"sync"
	"time"

	"jcsnode/ledger/jobs"
)

// Waits for room on a disk. Reading a study again only to learn that there is still none costs all that reading costs, so that waits longer
// each time; other jobs cost little, and somebody waits for what they send.
const (
	shortestDiskPause = time.Minute
	longestDiskPause  = 16 * time.Minute

	forgottenDiskPause = 24 * time.Hour // the job has ended at another node, or never gets its turn
)

// diskPauses are the waits of process jobs that met a full disk, as long as they meet nothing else. The next start begins anew.
type diskPauses struct {
	mu   sync.Mutex // guards last
	last map[string]diskPause
}

type diskPause struct {
	wait  time.Duration
	since time.Time
}

// next is how long a job waits that met a full disk now, perhaps again.
func (p *diskPauses) next(j jobs.Job, now time.Time) time.Duration {
	if j.Kind != processJob {
		return shortestDiskPause
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.last, func(_ string, d diskPause) bool { return now.Sub(d.since) > forgottenDiskPause })
	if p.last == nil {
		p.last = map[string]diskPause{}
	}
	wait := min(max(2*p.last[string(j.Key)].wait, shortestDiskPause), longestDiskPause)
	p.last[string(j.Key)] = diskPause{wait, now}
	return wait
}

// over is for a job that met something else.
func (p *diskPauses) over(j jobs.Job) {
	if j.Kind != processJob {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.last, string(j.Key))
}
