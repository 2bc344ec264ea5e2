package scp

import (
	"sync"
	"time"
)

// holds knows which open associations have stored into which studies.
type holds struct {
	mu      sync.Mutex
	studies map[string]map[uint64]time.Time // by study, then association: when it first stored
	visits  map[uint64][]string             // by association: its studies
}

func newHolds() holds {
	return holds{studies: map[string]map[uint64]time.Time{}, visits: map[uint64][]string{}}
}

func (h *holds) add(studyUID string, association uint64, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	by := h.studies[studyUID]
	if by == nil {
		by = map[uint64]time.Time{}
		h.studies[studyUID] = by
	}
	if _, ok := by[association]; !ok {
		by[association] = now
		h.visits[association] = append(h.visits[association], studyUID)
	}
}

func (h *holds) release(association uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, studyUID := range h.visits[association] {
		delete(h.studies[studyUID], association)
		if len(h.studies[studyUID]) == 0 {
			delete(h.studies, studyUID)
		}
	}
	delete(h.visits, association)
}

func (h *holds) of(studyUID string) (held bool, since time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range h.studies[studyUID] {
		if !held || t.Before(since) {
			held, since = true, t
		}
	}
	return held, since
}
