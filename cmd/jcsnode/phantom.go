package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"jcsnode/phantom"
)

func phantomCommand() *cobra.Command {
	var out string
	var opt phantom.Options
	c := &cobra.Command{
		Use:   "phantom --out DIR",
		Short: "write a synthetic chest CT study, for tests and for a site's first check",
		Long: "phantom writes a chest CT study that nobody was scanned for: body, lungs, vessels and, with --lesions, ground-glass\n" +
			"lesions. The same options give the same files, UIDs included.",
		Args: cobra.NoArgs,
	}
	c.Flags().StringVar(&out, "out", "", "`folder` for the files, empty or not there")
	c.Flags().IntVar(&opt.Slices, "slices", 60, "number of slices")
	c.Flags().BoolVar(&opt.Lesions, "lesions", false, "with ground-glass lesions")
	c.Flags().Uint64Var(&opt.Seed, "seed", 1, "another seed gives another patient and study")
	c.MarkFlagRequired("out")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if opt.Slices < 1 {
			return fmt.Errorf("--slices: %d; 1 or more", opt.Slices)
		}
		if err := emptyFolder(out); err != nil {
			return fmt.Errorf("--out: %w", err)
		}
		opt.Spacing = phantomSpacing(opt.Slices)
		if err := phantom.Write(c.Context(), out, opt); err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "%d slices in %s\n", opt.Slices, out)
		return nil
	}
	return c
}

// emptyFolder refuses a folder that holds something: slices of another phantom would keep their names and mix with these.
func emptyFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%s is not empty, and two studies would mix there; name another folder", dir)
	}
	return err
}

// phantomSpacing lets any number of slices from 60 on cover the chest's 300 mm; fewer stay 5 mm apart and show a part of it.
func phantomSpacing(slices int) float64 {
	return max(0.25, min(5, 300/float64(max(slices, 1))))
}
