package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// manCommand writes what --help says as manual pages, for packages.
func manCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:    "man --out DIR",
		Short:  "write the manual pages, section 1",
		Args:   cobra.NoArgs,
		Hidden: true,
	}
	c.Flags().StringVar(&out, "out", "", "`folder` for the pages")
	c.MarkFlagRequired("out")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := os.MkdirAll(out, 0o755); err != nil {
			return err
		}
		program := c.Root()
		program.DisableAutoGenTag = true
		header := &doc.GenManHeader{Section: "1", Source: "jcsnode " + version, Manual: "jcsnode"}
		if err := doc.GenManTree(program, header, out); err != nil {
			return fmt.Errorf("write the manual pages: %w", err)
		}
		return nil
	}
	return c
}
