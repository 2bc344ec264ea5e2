package main

import (
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"jcsnode/config"
	"jcsnode/node"
)

func preflightCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "preflight",
		Short: "ask every destination what it would take; sends nothing; exit code 1 if anything would be refused",
		Long: "preflight opens one association with each destination of the configuration and offers every class and transfer\n" +
			"syntax in which results would go there by its profile. It prints what " +
			"would be accepted, in which form, and what would be refused\n" +
			"and what to do about it, and whether a destination with commitment = true " +
			"takes requests for storage commitment. Nothing is sent.\n" +
			"The exit code is 1 if a destination cannot be reached or refuses something.",
		Args: cobra.NoArgs,
	}
	path := configFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		cfg, err := config.Load(*path)
		if err != nil {
			return err
		}
		out := c.OutOrStdout()
		if len(cfg.Destinations) == 0 {
			fmt.Fprintln(out, "no [[destination]] is configured: results stay here")
			return nil
		}
		good := true
		for _, d := range cfg.Destinations {
			destination, _, err := node.Destination(d, slog.New(slog.DiscardHandler))
			if err != nil {
				return err
			}
			answers := destination.Preflight(c.Context())
			node.WritePreflight(out, destination, answers)
			good = good && answers.Good()
		}
		if !good {
			return exitCode(1)
		}
		return nil
	}
	return c
}
