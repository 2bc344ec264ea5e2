package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"jcsnode/dataset"
	"jcsnode/dimse"
	"jcsnode/node"
)

// verification is the SOP class of C-ECHO (PS3.4 annex A).
const verification = "1.2.840.10008.1.1"

// target is the node that a command talks to.
type target struct {
	to, called, calling string
	timeout             time.Duration
}

func (t *target) flags(c *cobra.Command) {
	c.Flags().StringVar(&t.to, "to", "", "`host:port` of the DICOM node")
	c.Flags().StringVar(&t.called, "called", "", "its AE `title`")
	c.Flags().StringVar(&t.calling, "calling", "JCSNODE", "our AE `title`")
	c.Flags().DurationVar(&t.timeout, "timeout", 30*time.Second, "for the association and for each answer")
	c.MarkFlagRequired("to")
	c.MarkFlagRequired("called")
}

func (t *target) dial(ctx context.Context, contexts []dimse.PresentationContext) (*dimse.Conn, error) {
	d := node.Dialer(t.calling, t.timeout)
	conn, err := d.Dial(ctx, t.to, t.called, contexts)
	if err != nil {
		return nil, fmt.Errorf("open an association with %s at %s: %w", t.called, t.to, err)
	}
	return conn, nil
}

func echoCommand() *cobra.Command {
	var t target
	c := &cobra.Command{
		Use:   "echo --to HOST:PORT --called AE",
		Short: "ask a DICOM node whether it is there (C-ECHO)",
		Args:  cobra.NoArgs,
	}
	t.flags(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		began := time.Now()
		conn, err := t.dial(c.Context(), []dimse.PresentationContext{{AbstractSyntax: verification,
			TransferSyntaxes: []string{dataset.ExplicitVRLittleEndian, dataset.ImplicitVRLittleEndian}}})
		if err != nil {
			return err
		}
		status, err := conn.Echo(c.Context())
		if err != nil {
			conn.Abort()
			return fmt.Errorf("C-ECHO to %s: %w", t.called, err)
		}
		if err := conn.Release(c.Context()); err != nil {
			return fmt.Errorf("release the association: %w", err)
		}
		if status != dimse.StatusSuccess {
			return fmt.Errorf("%s answered C-ECHO with %v", t.called, status)
		}
		fmt.Fprintf(c.OutOrStdout(), "%s at %s answers (%d ms)\n", t.called, t.to, time.Since(began).Milliseconds())
		return nil
	}
	return c
}
