package pipeline

import (
	"cmp"
	"context"
	"log/slog"
	"sync"

	"golang.org/x/sync/errgroup"

	"jcsnode/guard"
	"jcsnode/ledger"
	"jcsnode/store"
)

// MissingFiles counts what a ledger knows and the store lacks.
type MissingFiles struct{ Studies, Instances, Objects int }

// FilesLedger is what CheckFiles asks of the ledger.
type FilesLedger interface {
	SampleHeld(ctx context.Context, most int) ([]ledger.Held, error)
	InstancePaths(ctx context.Context, studyUID string) ([]string, error)
	NoteMissing(ctx context.Context, studyUID string, instances, objects int) error
	NoteFound(ctx context.Context, studyUID string) error
}

// NewestStudies is how many studies tell in a moment whether data_dir is the one that the ledger knows: those that came last.
const NewestStudies = 200

// CheckFiles looks whether the files of the ledger are in the store, as they are not after a restore of the ledger alone. It looks for the
// instance of each study that came last, and for all where that is missing. It notes it in the ledger and says it once in the log. Files
// that are there again are noted, too. With most > 0 it looks at the newest studies alone, and at all others only if something is missing
// of these. Nobody may remove files meanwhile.
func CheckFiles(ctx context.Context, l FilesLedger, files store.Reader, log *slog.Logger, most int) (MissingFiles, error) {
	type gone struct {
		study              string
		instances, objects int
		known              bool // since an earlier look
	}
	var missing []gone
	var found []string
	held, err := l.SampleHeld(ctx, most)
	if err != nil {
		return MissingFiles{}, err
	}
	var sample []string
	for _, h := range held {
		sample = append(append(sample, h.Instances...), h.Waiting...)
	}
	away, err := absent(ctx, files, sample)
	if err != nil {
		return MissingFiles{}, err
	}
	for _, h := range held {
		g := gone{study: h.StudyUID, instances: among(away, h.Instances), objects: among(away, h.Waiting)}
		if g.instances > 0 || h.Missing {
			whole, err := l.InstancePaths(ctx, h.StudyUID)
			if err != nil {
				return MissingFiles{}, err
			}
			if g.instances, err = lacking(ctx, files, whole); err != nil {
				return MissingFiles{}, err
			}
		}
		switch {
		case h.Missing && g.instances == 0:
			found = append(found, h.StudyUID)
		case g.instances+g.objects > 0:
			g.known = h.Missing
			missing = append(missing, g)
		}
	}
	if most > 0 && len(missing) > 0 {
		return CheckFiles(ctx, l, files, log, 0)
	}
	var all MissingFiles
	for _, g := range missing {
		all.Studies++
		all.Instances += g.instances
		all.Objects += g.objects
		if g.known {
			continue
		}
		if err := l.NoteMissing(ctx, g.study, g.instances, g.objects); err != nil {
			return all, err
		}
	}
	for _, study := range found {
		if err := l.NoteFound(ctx, study); err != nil {
			return all, err
		}
		log.Info("files that were missing are here again; `jcsnode requeue` has the study read", "study", study)
	}
	if all.Studies > 0 {
		log.Error("files that the ledger knows are missing: was it restored without them?", "studies", all.Studies,
			"instances", all.Instances, "objects_to_deliver", all.Objects, "first_study", missing[0].study,
			"remedy", "stop the node, restore inbox and objects of data_dir, bucket or shared folder from the backup and start it again; "+
				"or have the studies sent again, then requeue them")
	}
	return all, nil
}

// asked is how many questions a store is asked at a time: one that is far away takes milliseconds for each.
const asked = 16

// absent is which of the names no file has.
func absent(ctx context.Context, files store.Reader, names []string) (map[string]bool, error) {
	missing := map[string]bool{}
	var mu sync.Mutex // guards missing
	g, asking := errgroup.WithContext(ctx)
	g.SetLimit(asked)
	for _, name := range names {
		if asking.Err() != nil {
			break
		}
		g.Go(func() error {
			return guard.Call(func() error {
				has, err := files.Has(asking, name)
				if err != nil || has {
					return err
				}
				mu.Lock()
				defer mu.Unlock()
				missing[name] = true
				return nil
			})
		})
	}
	return missing, cmp.Or(g.Wait(), ctx.Err())
}

// among counts the names that are in a set.
func among(set map[string]bool, names []string) (n int) {
	for _, name := range names {
		if set[name] {
			n++
		}
	}
	return n
}

// lacking counts the names under which there is no file.
func lacking(ctx context.Context, files store.Reader, names []string) (int, error) {
	missing, err := absent(ctx, files, names)
	return len(missing), err
}
