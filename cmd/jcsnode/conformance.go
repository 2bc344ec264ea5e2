package main

import (
	"github.com/spf13/cobra"

	"jcsnode/config"
	"jcsnode/conformance"
)

func conformanceCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "conformance",
		Short: "print the DICOM conformance statement (PS3.2) of this program under a configuration",
		Args:  cobra.NoArgs,
	}
	path := configFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		cfg, err := config.Load(*path)
		if err != nil {
			return err
		}
		return conformance.Write(c.OutOrStdout(), cfg)
	}
	return c
}
