package status

import (
	"context"
	"errors"
	"fmt"
	"time"

	"jcsnode/findings"
	"jcsnode/ledger"
)

// Ledger is what status asks of the ledger.
type Ledger interface {
	Standing(ctx context.Context, midnight time.Time) (ledger.Standing, error)
	Studies(ctx context.Context, f ledger.Filter) ([]ledger.Summary, error)
	CountStudies(ctx context.Context, f ledger.Filter) (n int, atLeast bool, err error)
	Refusals(ctx context.Context, limit int) ([]ledger.RefusedInstances, error)
	RefusalsOf(ctx context.Context, studyUID string) ([]ledger.RefusedInstances, error)
	History(ctx context.Context, studyUID string) (*ledger.History, error)
}

// Self is what whoever asks sees of the node beside its ledger, and what a running node says in its stead where it can.
type Self struct {
	Name    string // among nodes that share the ledger, "" without others
	Version string
	AETitle string
	Models  []findings.Model // nil where they cannot be read
	Disk    *Disk            // of data_dir, nil where it cannot be seen
	// ConfigHash is of a configuration file as it is now, "" where it cannot be read.
	ConfigHash func(path string) string
}

// Reader answers what every surface shows: the command line, its JSON, pages and metrics. All its fields but the last must be set.
type Reader struct {
	Ledger Ledger
	Site   func() Site // as is the next one: at the moment
	Self   func() Self
	Now    func() time.Time
	// Dead gives those of the incarnations that do not live; nil where one node has the ledger for itself.
	Dead func(ctx context.Context, incarnations []string) ([]string, error)
}

// Overview is how the node is.
func (r Reader) Overview(ctx context.Context) (Overview, error) {
	now := r.Now()
	y, m, d := now.Date()
	s, err := r.Ledger.Standing(ctx, time.Date(y, m, d, 0, 0, 0, 0, now.Location()))
	if err != nil {
		return Overview{}, err
	}
	r.lives(ctx, s.Nodes)
	return NewOverview(r.Self(), r.Site(), s, now), nil
}

// Studies lists studies, the newest first.
func (r Reader) Studies(ctx context.Context, f ledger.Filter) (StudyList, error) {
	studies, err := r.Ledger.Studies(ctx, f)
	if err != nil {
		return StudyList{}, err
	}
	total, atLeast, err := r.Ledger.CountStudies(ctx, f)
	if err != nil {
		return StudyList{}, err
	}
	list := StudyList{Studies: []Row{}, Total: total, AtLeast: atLeast, More: max(0, total-f.Offset-len(studies))}
	for _, s := range studies {
		list.Studies = append(list.Studies, newRow(s))
	}
	return list, nil
}

// Node is the view of the whole node, with the studies of a filter and as many refusals.
func (r Reader) Node(ctx context.Context, f ledger.Filter) (Node, error) {
	overview, err := r.Overview(ctx)
	if err != nil {
		return Node{}, err
	}
	list, err := r.Studies(ctx, f)
	if err != nil {
		return Node{}, err
	}
	refused, err := r.Ledger.Refusals(ctx, f.Limit)
	if err != nil {
		return Node{}, err
	}
	return Node{overview, list, refused}, nil
}

// Study is the view of a study, or a *NotStoredError. Its UID may be cut short as long as no other begins so, else the error is an
// *AmbiguousError.
func (r Reader) Study(ctx context.Context, uid string) (Study, error) {
	h, err := r.Ledger.History(ctx, uid)
	if errors.Is(err, ledger.ErrNotFound) {
		if uid, err = r.Find(ctx, uid); err == nil {
			h, err = r.Ledger.History(ctx, uid)
		}
	}
	if err != nil {
		return Study{}, err
	}
	return NewStudy(h, r.Site(), r.Now()), nil
}

// candidates is how many studies an *AmbiguousError names.
const candidates = 10

// Find completes the beginning of a Study Instance UID. The error is a *NotStoredError or an *AmbiguousError.
func (r Reader) Find(ctx context.Context, beginning string) (uid string, err error) {
	found, err := r.Ledger.Studies(ctx, ledger.Filter{StudyUID: beginning, Limit: candidates + 1})
	if err != nil {
		return "", err
	}
	for _, s := range found {
		if s.StudyUID == beginning {
			return beginning, nil
		}
	}
	switch len(found) {
	case 1:
		return found[0].StudyUID, nil
	case 0:
		refused, err := r.Ledger.RefusalsOf(ctx, beginning)
		if err != nil {
			return "", err
		}
		return "", &NotStoredError{beginning, refused}
	}
	ambiguous := &AmbiguousError{Beginning: beginning, More: len(found) > candidates}
	for _, s := range found[:min(len(found), candidates)] {
		ambiguous.Studies = append(ambiguous.Studies, newRow(s))
	}
	return "", ambiguous
}

// AmbiguousError says that several studies have UIDs that begin alike.
type AmbiguousError struct {
	Beginning string
	Studies   []Row // the newest first
	More      bool  // there are others
}

func (e *AmbiguousError) Error() string {
	text := fmt.Sprintf("several studies begin with %s; write more of the UID:", e.Beginning)
	for _, s := range e.Studies {
		text += fmt.Sprintf("\n  %s  %s, last received %s", s.StudyUID, s.State, Clock(s.LastAt))
	}
	if e.More {
		text += "\n  and more"
	}
	return text
}
