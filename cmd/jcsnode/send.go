package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"jcsnode/dataset"
	"jcsnode/dimse"
	"jcsnode/netfault"
	"jcsnode/status"
)

func sendCommand() *cobra.Command {
	var t target
	c := &cobra.Command{
		Use:   "send --to HOST:PORT --called AE PATH...",
		Short: "send DICOM files or folders to a node (C-STORE), as they are",
		Long: "send offers each file's own transfer syntax and changes no byte of it. Files that cannot be sent are named, the others are sent.\n" +
			"Exit code 1 if any file that was named, or any DICOM instance in a folder, was not stored.",
		Args: cobra.MinimumNArgs(1),
	}
	t.flags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		files, left := gather(args, c.ErrOrStderr())
		if len(files) == 0 {
			return errors.New("no DICOM file that can be sent in what was named")
		}
		err := send(c.Context(), t, files, c.ErrOrStderr())
		if left > 0 {
			fmt.Fprintf(c.ErrOrStderr(), "%s could not be sent, named above\n", status.Plural(left, "file"))
			if err == nil {
				err = exitCode(1)
			}
		}
		return err
	}
	return c
}

// instance is a file that can be sent.
type instance struct {
	path, class, uid, syntax string
}

// findInstances lists the DICOM instances below the paths and names on standard error what is none.
func findInstances(paths []string) ([]instance, error) {
	files, _ := gather(paths, os.Stderr)
	return files, nil
}

// errNoUID is why a DICOM file cannot be sent.
var errNoUID = errors.New("its SOP Class UID or SOP Instance UID is empty")

// gather lists the DICOM instances below the paths and says on w why another file is none. It counts those that should have been sent:
// files that were named, and DICOM files that lack a UID. Whatever else lies in a folder may be anything.
func gather(paths []string, w io.Writer) (files []instance, left int) {
	for _, root := range paths {
		linked := root
		root, err := filepath.EvalSymlinks(root) // WalkDir does not enter a linked folder
		if err != nil {
			left++
			fmt.Fprintf(w, "cannot be sent: %s: %v\n", linked, withoutPath(err))
			continue
		}
		_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error { // its errors are told where they come
			if err != nil {
				left++
				fmt.Fprintf(w, "cannot be sent: %s: %v\n", path, withoutPath(err))
				return nil
			}
			if !d.Type().IsRegular() {
				return nil
			}
			i, err := readInstance(path)
			switch {
			case err == nil:
				files = append(files, i)
			case path == root || errors.Is(err, errNoUID):
				left++
				fmt.Fprintf(w, "cannot be sent: %s: %v\n", path, withoutPath(err))
			default:
				fmt.Fprintf(w, "passed over: %s: %v\n", path, withoutPath(err))
			}
			return nil
		})
	}
	return files, left
}

// withoutPath is an error of the file system without the path, which stands before it already.
func withoutPath(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

func readInstance(path string) (instance, error) {
	f, err := dataset.Open(path, dataset.Limits{})
	if err != nil {
		return instance{}, err
	}
	defer f.Close()
	i := instance{path, f.Set().String(dataset.SOPClassUID), f.Set().String(dataset.SOPInstanceUID), f.TransferSyntax().UID}
	if f.Meta().String(dataset.MediaStorageSOPClassUID) == mediaDirectory {
		return i, errors.New("a DICOMDIR is no instance")
	}
	if i.class == "" || i.uid == "" {
		return i, errNoUID
	}
	return i, nil
}

// mediaDirectory is the class of a DICOMDIR (PS3.4 I.4), which no association stores.
const mediaDirectory = "1.2.840.10008.1.3.10"

// maxContexts is how many presentation contexts an association has (PS3.8 7.1.1.13).
const maxContexts = 128

// contextsFor proposes one presentation context for each pair of class and syntax, at most the 128 that an association has.
func contextsFor(files []instance) ([]dimse.PresentationContext, error) {
	var contexts []dimse.PresentationContext
	seen := map[[2]string]bool{}
	for _, f := range files {
		pair := [2]string{f.class, f.syntax}
		if !seen[pair] {
			seen[pair] = true
			contexts = append(contexts, dimse.PresentationContext{AbstractSyntax: f.class, TransferSyntaxes: []string{f.syntax}})
		}
	}
	if len(contexts) > maxContexts {
		return nil, fmt.Errorf("the files have %d pairs of SOP class and transfer syntax; an association has 128: send fewer at a time", len(contexts))
	}
	return contexts, nil
}

// batches splits files so that the pairs of class and syntax of each part fit into one association.
func batches(files []instance) [][]instance {
	var all [][]instance
	pairs := map[[2]string]bool{}
	from := 0
	for i, f := range files {
		pair := [2]string{f.class, f.syntax}
		if !pairs[pair] && len(pairs) == maxContexts {
			all, from = append(all, files[from:i]), i
			clear(pairs)
		}
		pairs[pair] = true
	}
	return append(all, files[from:])
}

// send sends all that the peer takes. A file at which the association ends is not stored; the next ones go over another.
func send(ctx context.Context, t target, files []instance, w io.Writer) error {
	p := newProgress(w)
	failed, done, dead := 0, 0, 0
	for _, batch := range batches(files) {
		for len(batch) > 0 {
			n, refused, err := sendBatch(ctx, t, batch, w, func() { done++; p.step("send", done, len(files)) })
			failed += refused
			if dead++; n > refused || err == nil {
				dead = 0
			}
			if err != nil && (n == 0 || dead == maxDead || ctx.Err() != nil) { // nothing goes over this way
				return fmt.Errorf("after %d of %d files: %w", done, len(files), err)
			}
			batch = batch[n:]
		}
	}
	if failed > 0 {
		fmt.Fprintf(w, "%d of %d files were not stored\n", failed, len(files))
		return exitCode(1)
	}
	return nil
}

// maxDead is how many associations in a row may end before one file is stored.
const maxDead = 3

// sendBatch sends files over one association until all are sent, or it ends, which is the error. It says how many it got through and how
// many of them were not stored.
func sendBatch(ctx context.Context, t target, files []instance, w io.Writer, step func()) (n, refused int, err error) {
	contexts, err := contextsFor(files)
	if err != nil {
		return 0, 0, err
	}
	conn, err := t.dial(ctx, contexts)
	if err != nil {
		return 0, 0, err
	}
	for i, f := range files {
		refusal, err := sendOne(ctx, conn, f)
		if err != nil {
			conn.Abort()
			fmt.Fprintf(w, "not stored: %s: %s\n", f.path, netfault.Words(err))
			step()
			return i + 1, refused + 1, fmt.Errorf("%s: %w", f.path, err)
		}
		if refusal != "" {
			refused++
			fmt.Fprintf(w, "not stored: %s: %s\n", f.path, refusal)
		}
		step()
	}
	if err := conn.Release(ctx); err != nil {
		return len(files), refused, fmt.Errorf("release the association: %w", err)
	}
	return len(files), refused, nil
}

// sendOne says why the peer did not store the file; the error is for an association that is no longer usable.
func sendOne(ctx context.Context, conn *dimse.Conn, i instance) (refusal string, err error) {
	f, err := os.Open(i.path)
	if err != nil {
		return err.Error(), nil
	}
	defer f.Close()
	header, err := dataset.Open(i.path, dataset.Limits{})
	if err != nil {
		return err.Error(), nil
	}
	start := header.DataSetOffset()
	header.Close()
	if _, err := f.Seek(start, io.SeekStart); err != nil {
		return err.Error(), nil
	}
	response, err := conn.Store(ctx, dimse.StoreCommand{SOPClassUID: i.class, SOPInstanceUID: i.uid, TransferSyntaxUID: i.syntax, Body: f})
	if errors.Is(err, dimse.ErrNoContext) {
		return "the node does not accept its SOP class in its transfer syntax", nil
	}
	if err != nil {
		return "", err
	}
	if response.Stray != "" {
		return fmt.Sprintf("status %v for another object than was sent, %s", response.Status, response.Stray), nil
	}
	if response.Status.Class() == dimse.ClassFailure {
		return fmt.Sprintf("status %v %s", response.Status, response.ErrorComment), nil
	}
	return "", nil
}
