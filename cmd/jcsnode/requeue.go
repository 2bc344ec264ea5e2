package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"jcsnode/config"
	"jcsnode/ledger"
	"jcsnode/node"
	"jcsnode/status"
)

func requeueCommand() *cobra.Command {
	var resend bool
	c := &cobra.Command{
		Use:   "requeue STUDY_UID",
		Short: "have a study processed again, and its failed deliveries and notifications tried again",
		Long: "requeue has a study read again. Its deliveries and notifications that were given up are tried again, those that wait\n" +
			"are tried now. If the new reading says the same, the earlier result stays, what was sent stays sent unless --resend says\n" +
			"otherwise, and what destinations ask for since then is made and sent. If it says something else, since networks, settings\n" +
			"or the program changed, it is a result of its own that replaces the earlier one. The running node takes the work up within\n" +
			"seconds, a stopped one at its next start. A study that waits for files on the disk of nodes that do not run waits\n" +
			"for them no longer: it is not processed, and its reason says what is missing.",
		Args: cobra.ExactArgs(1),
	}
	path := configFlag(c)
	c.ValidArgsFunction = completeStudies(path)
	c.Flags().BoolVar(&resend, "resend", false, "also send again what destinations took, for one that has lost it")
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		cfg, err := config.Read(*path)
		if err != nil {
			return err
		}
		l, err := node.OpenLedger(c.Context(), cfg,
			ledger.Options{Beside: true, Destinations: node.DestinationNames(cfg.Destinations), Logger: newLogger(cfg.Log)})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, l.Close()) }()
		views := node.Views(cfg, version, l)
		uid, err := node.Requeue(c.Context(), l, views, args[0], resend)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "study %s will be processed again; `jcsnode explain %s` says how it goes\n", uid, uid)
		return noteAbsence(c, views)
	}
	return c
}

// noteAbsence says of a node that does not run that it takes up what it was asked for when it is started.
func noteAbsence(c *cobra.Command, views status.Reader) error {
	overview, err := views.Overview(c.Context())
	if err != nil {
		return err
	}
	switch overview.Running.State {
	case status.Stopped, status.Dead, status.NeverStarted:
		fmt.Fprintf(c.OutOrStdout(), "once the node is started: it does not run (%s)\n", overview.Running.State)
	}
	return nil
}
