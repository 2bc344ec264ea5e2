package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"jcsnode/node"
	"jcsnode/scu"
)

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

func (t *target) acceptor() scu.Acceptor {
	return scu.Acceptor{Address: t.to, CalledAETitle: t.called, Dialer: node.Dialer(t.calling, t.timeout)}
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
		if err := t.acceptor().Echo(c.Context()); err != nil {
			return talked(err)
		}
		fmt.Fprintf(c.OutOrStdout(), "%s at %s answers (%d ms)\n", t.called, t.to, time.Since(began).Milliseconds())
		return nil
	}
	return c
}
