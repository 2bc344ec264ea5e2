package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"jcsnode/config"
	"jcsnode/ledger"
)

func requeueCommand() *cobra.Command {
	var resend bool
	c := &cobra.Command{
		Use:   "requeue STUDY_UID",
		Short: "have a study processed again, and its failed deliveries and notifications tried again",
		Long: "requeue has the newest revision of a study that has an outcome of its own processed again, its deliveries and notifications\n" +
			"that failed for good tried again, and those that wait tried now. What was sent stays sent, unless --resend says otherwise: the\n" +
			"same input makes the same objects under the same UIDs. What destinations ask for since then is made and sent. The running\n" +
			"node takes the work up within seconds, a stopped one at its next start.",
		Args: cobra.ExactArgs(1),
	}
	path := configFlag(c)
	c.Flags().BoolVar(&resend, "resend", false, "also send again what destinations took, for one that has lost it")
	c.RunE = func(c *cobra.Command, args []string) error {
		cfg, err := config.Read(*path)
		if err != nil {
			return err
		}
		if _, err := os.Stat(ledgerPath(cfg)); err != nil { // opening would make one
			return fmt.Errorf("open the ledger (has the node run with this configuration?): %w", err)
		}
		l, err := ledger.Open(c.Context(), ledgerPath(cfg), ledger.Options{Destinations: destinationNames(cfg), Logger: newLogger(cfg.Log)})
		if err != nil {
			return fmt.Errorf("open the ledger: %w", err)
		}
		if resend {
			err = l.Resend(c.Context(), args[0])
		} else {
			err = l.Requeue(c.Context(), args[0])
		}
		if closeErr := l.Close(); err == nil {
			err = closeErr
		}
		if errors.Is(err, ledger.ErrNotFound) {
			return fmt.Errorf("study %s is not known here or was never settled; `jcsnode status` lists the studies", args[0])
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "study %s will be processed again; `jcsnode explain %s` says how it goes\n", args[0], args[0])
		return nil
	}
	return c
}
