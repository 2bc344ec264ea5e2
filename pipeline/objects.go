package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"

	"golang.org/x/sync/errgroup"

	"jcsnode/guard"
	"jcsnode/ledger"
	"jcsnode/store"
)

// objectWriter writes the objects of one revision of a study to the store. Names are hashes of UIDs: no byte of a study becomes one.
type objectWriter struct {
	store   store.Store
	folder  string
	writing *errgroup.Group
	ctx     context.Context    // ends when an object cannot be written
	objects []*ledger.Outgoing // in the order in which they were put
}

// writers is how many objects are written at a time. A disk that syncs eight files at once needs some twelfth of the time for each (0.5
// instead of 6.4 ms for 0.8 MB each, ext4 on a virtual disk, and no less with more), since one commit of its journal stands for all of
// them.
const writers = 8

func newObjectWriter(ctx context.Context, s store.Store, studyUID string, revision int) *objectWriter {
	w := &objectWriter{store: s, folder: "objects/" + hashed(studyUID) + "/" + strconv.Itoa(revision)}
	w.writing, w.ctx = errgroup.WithContext(ctx)
	w.writing.SetLimit(writers)
	return w
}

// put has an object written. It waits while as many are being written as may be, and tells of one that could not be.
func (w *objectWriter) put(m Made) error {
	if err := context.Cause(w.ctx); err != nil {
		return err
	}
	o := &m.Outgoing
	w.objects = append(w.objects, o)
	w.writing.Go(func() error { return guard.Call(func() error { return w.write(o, m.File) }) })
	return nil
}

// write writes one object durably.
func (w *objectWriter) write(o *ledger.Outgoing, file []byte) error {
	sum := sha256.Sum256(file)
	o.Path = w.folder + "/" + hashed(o.SOPInstanceUID) + ".dcm"
	o.SHA256, o.Size = hex.EncodeToString(sum[:]), int64(len(file))
	if err := store.Put(w.ctx, w.store, o.Path, file); err != nil {
		return fmt.Errorf("write object %s: %w", o.SOPInstanceUID, err)
	}
	return nil
}

// close waits until all are written and returns them in the order in which they were put.
func (w *objectWriter) close() ([]ledger.Outgoing, error) {
	if err := w.writing.Wait(); err != nil {
		return nil, err
	}
	objects := make([]ledger.Outgoing, len(w.objects))
	for i, o := range w.objects {
		objects[i] = *o
	}
	return objects, nil
}

func hashed(uid string) string {
	sum := sha256.Sum256([]byte(uid))
	return hex.EncodeToString(sum[:16])
}
