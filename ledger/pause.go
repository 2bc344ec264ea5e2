package ledger

import (
	"sync"
	"time"

	"jcsnode/ledger/jobs"
)

// Waits of a job for which the disk had no room: reading a study again only to learn that there is still none costs all that reading costs.
const (
	shortestDiskPause = time.Minute
	longestDiskPause  = 16 * time.Minute
)

// diskPauses are the waits of jobs that met a full disk, as long as they meet nothing else. The next start begins anew.
type diskPauses struct {
	mu   sync.Mutex // guards last
	last map[jobName]time.Duration
}

// jobName tells jobs apart.
type jobName struct{ kind, key string }

func nameOf(j jobs.Job) jobName { return jobName{j.Kind, string(j.Key)} }

// next is how long a job waits that met a full disk again.
func (p *diskPauses) next(j jobs.Job) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil {
		p.last = map[jobName]time.Duration{}
	}
	pause := min(max(2*p.last[nameOf(j)], shortestDiskPause), longestDiskPause)
	p.last[nameOf(j)] = pause
	return pause
}

// over is for a job that met something else.
func (p *diskPauses) over(j jobs.Job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.last, nameOf(j))
}
