package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// progress shows long work: a bar that is redrawn on a terminal, a line every few seconds otherwise. Stages may overlap: the bar shows
// the one that was heard of last.
type progress struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool
	now      func() time.Time
	stages   map[string]*stage
}

// stage is one kind of work.
type stage struct{ began, shown time.Time }

func newProgress(w io.Writer) *progress {
	f, ok := w.(*os.File)
	return &progress{w: w, terminal: ok && term.IsTerminal(int(f.Fd())), now: time.Now, stages: map[string]*stage{}}
}

// step says that done of total units of a stage are finished.
func (p *progress) step(name string, done, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	s := p.stages[name]
	if s == nil || done == 0 {
		s = &stage{began: now}
		p.stages[name] = s
	}
	if done == 0 {
		return
	}
	interval := 5 * time.Second
	if p.terminal {
		interval = 100 * time.Millisecond
	}
	last := done >= total
	if !last && now.Sub(s.shown) < interval {
		return
	}
	s.shown = now
	if !p.terminal {
		fmt.Fprintf(p.w, "%s: %d of %d (%.1f s)\n", name, done, total, now.Sub(s.began).Seconds())
		return
	}
	const width = 32
	filled := width
	if total > 0 {
		filled = min(width, width*done/total)
	}
	left := ""
	if done > 0 && !last {
		left = fmt.Sprintf(", about %.0f s left", now.Sub(s.began).Seconds()*float64(total-done)/float64(done))
	}
	fmt.Fprintf(p.w, "\r\x1b[K%-12s [%s%s] %d of %d (%.1f s%s)", name, strings.Repeat("=", filled),
		strings.Repeat(" ", width-filled), done, total, now.Sub(s.began).Seconds(), left)
	if last {
		fmt.Fprintln(p.w)
	}
}
