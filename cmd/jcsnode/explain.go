package main

import (
	"slices"
	"time"

	"github.com/spf13/cobra"

	"jcsnode/config"
	"jcsnode/node"
	"jcsnode/status"
)

func explainCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "explain STUDY_UID",
		Short: "say in sentences what happened to a study, and what happens next",
		Long: "explain says what arrived of a study, what was chosen of it and why, what was found and made, what each destination\n" +
			"answered, and what happens next and when. `jcsnode status STUDY_UID` has the same and every event, as lists.\n" +
			"The beginning of the UID is enough, as long as no other study's begins so.",
		Args: cobra.ExactArgs(1),
	}
	path := configFlag(c)
	c.ValidArgsFunction = completeStudies(path)
	c.RunE = func(c *cobra.Command, args []string) error {
		cfg, err := config.Read(*path)
		if err != nil {
			return err
		}
		l, err := readLedger(c.Context(), cfg)
		if err != nil {
			return err
		}
		defer l.Close()
		study, err := readerOf(cfg, l).Study(c.Context(), args[0])
		if err != nil {
			return err
		}
		printParts(c.OutOrStdout(), study.Explains, "\n")
		return nil
	}
	return c
}

// siteOf is what the configuration says that views and explanations rest on.
func siteOf(c config.Config) status.Site {
	site := status.Site{
		Quiet:        time.Duration(c.Settle.Quiet),
		Limit:        time.Duration(c.Settle.Limit),
		QuietOf:      node.QuietOf(c.Peers),
		Destinations: node.DestinationNames(c.Destinations),
		FilesGo:      c.Keep.Days > 0,
	}
	for _, p := range c.Peers {
		if p.AETitle != "" && !slices.Contains(site.Peers, p.AETitle) {
			site.Peers = append(site.Peers, p.AETitle)
		}
	}
	for _, w := range c.Webhooks {
		site.Webhooks = append(site.Webhooks, w.Name)
	}
	return site
}
