package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"jcsnode/dataset"
	"jcsnode/dimse"
)

func sendCommand() *cobra.Command {
	var t target
	c := &cobra.Command{
		Use:   "send --to HOST:PORT --called AE PATH...",
		Short: "send DICOM files or folders to a node (C-STORE), as they are",
		Long:  "send offers each file's own transfer syntax and changes no byte of it. Exit code 1 if any file was not stored.",
		Args:  cobra.MinimumNArgs(1),
	}
	t.flags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		files, err := findInstances(args)
		if err != nil {
			return err
		}
		if len(files) == 0 {
			return errors.New("no DICOM file in what was named")
		}
		return send(c.Context(), t, files, c.ErrOrStderr())
	}
	return c
}

// instance is a file that can be sent.
type instance struct {
	path, class, uid, syntax string
}

// findInstances lists the DICOM files below the paths. Files in folders that are no DICOM are passed over; one that was named is
// an error.
func findInstances(paths []string) ([]instance, error) {
	var all []instance
	for _, root := range paths {
		root, err := filepath.EvalSymlinks(root) // WalkDir does not enter a linked folder
		if err != nil {
			return nil, err
		}
		err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			i, err := readInstance(path)
			if err != nil {
				if path == root {
					return fmt.Errorf("%s cannot be sent: %w", path, err)
				}
				fmt.Fprintf(os.Stderr, "passed over: %s: %v\n", path, err)
				return nil
			}
			all = append(all, i)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

func readInstance(path string) (instance, error) {
	f, err := dataset.Open(path, dataset.Limits{})
	if err != nil {
		return instance{}, err
	}
	defer f.Close()
	i := instance{path, f.Set().String(dataset.SOPClassUID), f.Set().String(dataset.SOPInstanceUID), f.TransferSyntax().UID}
	if i.class == "" || i.uid == "" {
		return i, errors.New("SOP Class UID or SOP Instance UID is empty")
	}
	return i, nil
}

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
	if len(contexts) > 128 {
		return nil, fmt.Errorf("the files have %d pairs of SOP class and transfer syntax; an association has 128: send fewer at a time", len(contexts))
	}
	return contexts, nil
}

func send(ctx context.Context, t target, files []instance, w io.Writer) error {
	contexts, err := contextsFor(files)
	if err != nil {
		return err
	}
	conn, err := t.dial(ctx, contexts)
	if err != nil {
		return err
	}
	p := newProgress(w)
	failed := 0
	for i, f := range files {
		refusal, err := sendOne(ctx, conn, f)
		if err != nil {
			conn.Abort()
			return fmt.Errorf("after %d of %d files: %s: %w", i, len(files), f.path, err)
		}
		if refusal != "" {
			failed++
			fmt.Fprintf(w, "not stored: %s: %s\n", f.path, refusal)
		}
		p.step("send", i+1, len(files))
	}
	if err := conn.Release(ctx); err != nil {
		return fmt.Errorf("release the association: %w", err)
	}
	if failed > 0 {
		fmt.Fprintf(w, "%d of %d files were not stored\n", failed, len(files))
		return exitCode(1)
	}
	return nil
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

// dialer is how the program opens associations.
func dialer(calling string, timeout time.Duration) *dimse.Dialer {
	return &dimse.Dialer{CallingAETitle: calling, ImplementationClassUID: implementationClassUID, ImplementationVersion: implementationVersion,
		Timeouts: dimse.Timeouts{Connect: timeout, Request: timeout, Response: timeout}}
}
