package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"jcsnode/config"
	"jcsnode/ledger"
	"jcsnode/node"
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
			"seconds, a stopped one at its next start.",
		Args: cobra.ExactArgs(1),
	}
	path := configFlag(c)
	c.ValidArgsFunction = completeStudies(path)
	c.Flags().BoolVar(&resend, "resend", false, "also send again what destinations took, for one that has lost it")
	c.RunE = func(c *cobra.Command, args []string) error {
		cfg, err := config.Read(*path)
		if err != nil {
			return err
		}
		l, err := node.OpenLedger(c.Context(), cfg,
			ledger.Options{Beside: true, Destinations: node.DestinationNames(cfg.Destinations), Logger: newLogger(cfg.Log)})
		if err != nil {
			return err
		}
		uid, err := node.Requeue(c.Context(), l, node.Views(cfg, version, l), args[0], resend)
		if closeErr := l.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "study %s will be processed again; `jcsnode explain %s` says how it goes\n", uid, uid)
		return nil
	}
	return c
}
