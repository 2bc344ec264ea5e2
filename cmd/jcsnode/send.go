package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"jcsnode/netfault"
	"jcsnode/scu"
	"jcsnode/status"
)

func sendCommand() *cobra.Command {
	var t target
	c := &cobra.Command{
		Use:   "send --to HOST:PORT --called AE PATH...",
		Short: "send DICOM files or folders to a node (C-STORE), as they are",
		Long: "send offers each file's own transfer syntax and changes no byte of it.\n" +
			"Files that cannot be sent are named, the others are sent. " +
			"Exit code 1 if any file that was named, or any DICOM instance in a folder, was not stored.",
		Args: cobra.MinimumNArgs(1),
	}
	t.flags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		files, left := scu.Find(args)
		missed := printLeft(c.ErrOrStderr(), left)
		if len(files) == 0 {
			return errors.New("no DICOM file that can be sent in what was named")
		}
		err := talked(send(c.Context(), t.acceptor(), files, c.ErrOrStderr()))
		if missed > 0 {
			fmt.Fprintf(c.ErrOrStderr(), "%s could not be sent, named above\n", status.Plural(missed, "file"))
			if err == nil {
				err = exitCode(1)
			}
		}
		return err
	}
	return c
}

// printLeft names what cannot be sent and counts what should have been.
func printLeft(w io.Writer, left []scu.Left) (missed int) {
	for _, l := range left {
		what := "passed over"
		if l.Missed {
			missed++
			what = "cannot be sent"
		}
		fmt.Fprintf(w, "%s: %s: %v\n", what, l.Path, l.Err)
	}
	return missed
}

// send sends all that the peer takes, and names what it does not.
func send(ctx context.Context, to scu.Acceptor, files []scu.File, w io.Writer) error {
	p := newProgress(w)
	done, failed := 0, 0
	err := to.Send(ctx, files, func(f scu.File, refusal error) {
		if refusal != nil {
			failed++
			fmt.Fprintf(w, "not stored: %s: %s\n", f.Path, netfault.Words(refusal))
		}
		done++
		p.step("send", done, len(files))
	})
	if err == nil && failed > 0 {
		fmt.Fprintf(w, "%d of %s not stored\n", failed, status.Plural(len(files), "file"))
		err = exitCode(1)
	}
	return err
}
