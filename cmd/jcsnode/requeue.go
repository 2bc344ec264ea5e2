package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"jcsnode/config"
	"jcsnode/ledger"
	"jcsnode/node"
	"jcsnode/status"
)

// requeue has the study of a UID, or of its beginning, read again, and returns its UID.
func requeue(ctx context.Context, cfg config.Config, l *ledger.Ledger, beginning string, resend bool) (uid string, err error) {
	reader := readerOf(cfg, l)
	if uid, err = reader.Find(ctx, beginning); err != nil {
		return beginning, err
	}
	if resend {
		err = l.Resend(ctx, uid)
	} else {
		err = l.Requeue(ctx, uid)
	}
	if errors.Is(err, ledger.ErrNotFound) { // it is still being received
		study, err := reader.Study(ctx, uid)
		if err != nil {
			return uid, err
		}
		return uid, fmt.Errorf("study %s is still being received and will be processed by itself: %s",
			uid, status.Settles(study.History, siteOf(cfg)))
	}
	return uid, err
}

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
		l, err := ledger.Open(c.Context(), node.LedgerPath(cfg),
			ledger.Options{Beside: true, Destinations: node.DestinationNames(cfg.Destinations), Logger: newLogger(cfg.Log)})
		if err != nil {
			return err
		}
		uid, err := requeue(c.Context(), cfg, l, args[0], resend)
		if closeErr := l.Close(); err == nil {
			err = closeErr
		}
		if errors.Is(err, ledger.ErrFilesRemoved) {
			return fmt.Errorf(
				"the files of study %s are not here any more (keep.days, or data_dir was restored without them); its outcome stays. "+
					"Send the study again, or restore the files and restart the node; then requeue it", uid)
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "study %s will be processed again; `jcsnode explain %s` says how it goes\n", uid, uid)
		return nil
	}
	return c
}
