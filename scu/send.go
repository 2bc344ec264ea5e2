package scu

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"jcsnode/dimse"
)

const (
	// maxContexts is how many presentation contexts an association has (PS3.8 7.1.1.13).
	maxContexts = 128
	// maxDead is how many associations in a row may end before one file is stored.
	maxDead = 3
)

// Send offers each file in its own transfer syntax and says of each, in their order, what became of it: nil when it is stored. A file at
// which the association ends is not stored; the next ones go over another. The error says that the files that were not told of cannot be
// sent this way.
func (a Acceptor) Send(ctx context.Context, files []File, tell func(File, error)) error {
	done, dead := 0, 0
	for _, batch := range batches(files) {
		for len(batch) > 0 {
			n, stored, err := a.sendBatch(ctx, batch, tell)
			done += n
			if dead++; stored > 0 || err == nil {
				dead = 0
			}
			if err != nil && (n == 0 || dead == maxDead || ctx.Err() != nil) { // nothing goes over this way
				return fmt.Errorf("after %d of %d files: %w", done, len(files), err)
			}
			batch = batch[n:]
		}
	}
	return nil
}

// batches splits files so that the pairs of class and syntax of each part fit into one association.
func batches(files []File) [][]File {
	var all [][]File
	pairs := map[[2]string]bool{}
	from := 0
	for i, f := range files {
		pair := [2]string{f.SOPClassUID, f.TransferSyntaxUID}
		if !pairs[pair] && len(pairs) == maxContexts {
			all, from = append(all, files[from:i]), i
			clear(pairs)
		}
		pairs[pair] = true
	}
	return append(all, files[from:])
}

// contextsFor proposes one presentation context for each pair of class and syntax.
func contextsFor(files []File) []dimse.PresentationContext {
	var contexts []dimse.PresentationContext
	seen := map[[2]string]bool{}
	for _, f := range files {
		pair := [2]string{f.SOPClassUID, f.TransferSyntaxUID}
		if !seen[pair] {
			seen[pair] = true
			contexts = append(contexts,
				dimse.PresentationContext{AbstractSyntax: f.SOPClassUID, TransferSyntaxes: []string{f.TransferSyntaxUID}})
		}
	}
	return contexts
}

// sendBatch sends files over one association until all are sent, or it ends, which is the error. It says how many it got through and how
// many of them are stored.
func (a Acceptor) sendBatch(ctx context.Context, files []File, tell func(File, error)) (n, stored int, err error) {
	conn, err := a.dial(ctx, contextsFor(files))
	if err != nil {
		return 0, 0, err
	}
	for i, f := range files {
		refusal, err := store(ctx, conn, f)
		if err != nil {
			conn.Abort()
			tell(f, err)
			return i + 1, stored, fmt.Errorf("%s: %w", f.Path, err)
		}
		if refusal == nil {
			stored++
		}
		tell(f, refusal)
	}
	if err := conn.Release(ctx); err != nil {
		return len(files), stored, fmt.Errorf("release the association: %w", err)
	}
	return len(files), stored, nil
}

// store says why the peer did not store the file; the error is for an association that is no longer usable.
func store(ctx context.Context, conn *dimse.Conn, f File) (refusal, err error) {
	body, err := os.Open(f.Path)
	if err != nil {
		return withoutPath(err), nil
	}
	defer body.Close()
	if _, err := body.Seek(f.dataSet, io.SeekStart); err != nil {
		return withoutPath(err), nil
	}
	response, err := conn.Store(ctx, dimse.StoreCommand{SOPClassUID: f.SOPClassUID, SOPInstanceUID: f.SOPInstanceUID,
		TransferSyntaxUID: f.TransferSyntaxUID, Body: body})
	switch {
	case errors.Is(err, dimse.ErrNoContext):
		return errors.New("the node does not accept its SOP class in its transfer syntax"), nil
	case err != nil:
		return nil, err
	case response.Stray != "":
		return fmt.Errorf("status %v for another object than was sent, %s", response.Status, response.Stray), nil
	case response.Status.Class() == dimse.ClassFailure:
		return fmt.Errorf("status %v %s", response.Status, response.ErrorComment), nil
	}
	return nil, nil
}
