package scp

import (
	"sync"
	"time"

	"jcsnode/dimse"
	"jcsnode/ledger"
)

// holds knows which open associations have stored into which studies.
type holds struct {
	mu      sync.Mutex
	studies map[string]map[uint64]ledger.Hold // by study, then association
	visits  map[uint64][]string               // by association: its studies
}

func newHolds() holds {
	return holds{studies: map[string]map[uint64]ledger.Hold{}, visits: map[uint64][]string{}}
}

// add holds a study. An association that stays open holds it for the moment, and the ledger need not know.
func (h *holds) add(studyUID string, a *dimse.Association, opens bool, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	association := a.ID()
	by := h.studies[studyUID]
	if by == nil {
		by = map[uint64]ledger.Hold{}
		h.studies[studyUID] = by
	}
	if _, ok := by[association]; !ok {
		one := ledger.Hold{StudyUID: studyUID, Since: now}
		if !opens {
			one.Association = a.Name()
		}
		by[association] = one
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
	for _, one := range h.studies[studyUID] {
		if !held || one.Since.Before(since) {
			held, since = true, one.Since
		}
	}
	return held, since
}

// all are those that the ledger knows.
func (h *holds) all() (all []ledger.Hold) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, by := range h.studies {
		for _, one := range by {
			if one.Association != "" {
				all = append(all, one)
			}
		}
	}
	return all
}
