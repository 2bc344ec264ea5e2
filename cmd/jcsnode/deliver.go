package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"jcsnode/config"
	"jcsnode/ledger"
	"jcsnode/node"
	"jcsnode/status"
)

func deliverCommand() *cobra.Command {
	var r ledger.Redelivery
	var from, to string
	c := &cobra.Command{
		Use:   "deliver --destination NAME [STUDY_UID]",
		Short: "try a destination again now, for all studies or one, without reading them again",
		Long: "deliver has what waits for a destination tried now. --failed adds what was given up, --resend what the destination\n" +
			"took, for one that has lost it: objects go again under the same UIDs. Nothing is read again, and what a newer result\n" +
			"has replaced is not sent. With --from and --to it is about studies received then. The running node takes the work up\n" +
			"within seconds, a stopped one at its next start.",
		Args: cobra.MaximumNArgs(1),
	}
	path := configFlag(c)
	c.ValidArgsFunction = completeStudies(path)
	c.Flags().StringVar(&r.Destination, "destination", "", "`NAME` of the [[destination]]")
	c.Flags().BoolVar(&r.Failed, "failed", false, "also what was given up")
	c.Flags().BoolVar(&r.Sent, "resend", false, "also what the destination took")
	c.Flags().StringVar(&from, "from", "", "only of studies received from this `DATE` on, 2026-01-31 or 2026-01-31T15:04")
	c.Flags().StringVar(&to, "to", "", "only of studies received up to this `DATE`, the whole day or minute included")
	err := errors.Join(c.MarkFlagRequired("destination"),
		c.RegisterFlagCompletionFunc("destination", completeNames(path, destinationNames)))
	if err != nil {
		panic(err) // a flag that is not there
	}
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		if r.From, _, err = dateOf("from", from); err != nil {
			return err
		}
		if _, r.To, err = dateOf("to", to); err != nil {
			return err
		}
		cfg, err := config.Read(*path)
		if err != nil {
			return err
		}
		names := node.DestinationNames(cfg.Destinations)
		if !slices.Contains(names, r.Destination) {
			return fmt.Errorf("no [[destination]] is called %q; the configuration has %d: %s",
				r.Destination, len(names), strings.Join(names, ", "))
		}
		l, err := node.OpenLedger(c.Context(), cfg,
			ledger.Options{Beside: true, Destinations: names, Logger: newLogger(cfg.Log)})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, l.Close()) }()
		views := node.Views(cfg, version, l)
		if len(args) > 0 {
			if r.StudyUID, err = views.Find(c.Context(), args[0]); err != nil {
				return err
			}
		}
		studies, objects, err := l.Redeliver(c.Context(), r)
		if err != nil {
			return err
		}
		if objects == 0 {
			fmt.Fprintf(c.OutOrStdout(), "nothing of it waits for %s; --failed and --resend take more\n", r.Destination)
			return nil
		}
		fmt.Fprintf(c.OutOrStdout(), "%s of %s will be sent to %s now; `jcsnode status` says how it goes\n",
			status.Plural(objects, "object"), status.Plural(studies, "study"), r.Destination)
		return noteAbsence(c, views, config.RoleDeliver)
	}
	return c
}
