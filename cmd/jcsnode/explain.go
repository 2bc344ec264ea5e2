package main

import (
	"github.com/spf13/cobra"

	"jcsnode/config"
	"jcsnode/node"
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
		study, err := node.Views(cfg, version, l).Study(c.Context(), args[0])
		if err != nil {
			return err
		}
		printParts(c.OutOrStdout(), study.Explains, "\n")
		return nil
	}
	return c
}
