package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"jcsnode/config"
	"jcsnode/models"
	"jcsnode/scp"
)

func checkCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "check",
		Short: "find every mistake in the configuration; exit code 1 if there is one",
		Args:  cobra.NoArgs,
	}
	path := configFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		cfg, err := config.LoadNode(*path)
		var problems config.Problems
		if err != nil && !errors.As(err, &problems) {
			return err
		}
		var manifest models.Manifest
		named := func(key string) bool {
			return slices.ContainsFunc(problems, func(p string) bool { return strings.HasPrefix(p, key+":") })
		}
		if cfg.Path != "" { // the file could be read
			if !named("models.dir") {
				if manifest, err = models.ReadManifest(cfg.Models.Dir); err != nil {
					problems = append(problems, "models.dir: "+err.Error())
				}
			}
			if !named("models.library") {
				if _, err := models.Find(cfg.Models.Library, cfg.Models.Device); err != nil {
					problems = append(problems, "models.library: "+err.Error())
				}
			}
		}
		if _, err := transferSyntaxes(cfg); err != nil {
			problems = append(problems, err.Error())
		}
		for _, p := range problems {
			fmt.Fprintln(c.ErrOrStderr(), p)
		}
		if len(problems) > 0 {
			fmt.Fprintf(c.ErrOrStderr(), "%s: %d mistake(s)\n", *path, len(problems))
			return exitCode(1)
		}
		out := c.OutOrStdout()
		fmt.Fprintf(out, "%s is good\n", *path)
		fmt.Fprintf(out, "  AE title %s, listening on %s, data in %s\n", cfg.Node.AETitle, cfg.Node.Listen, cfg.Node.DataDir)
		if disk, err := scp.DiskOf(cfg.Node.DataDir, int64(cfg.Node.Reserve)); err == nil {
			fmt.Fprintf(out, "  %s\n", disk)
		}
		if cfg.TLS.Listen != "" {
			fmt.Fprintf(out, "  TLS on %s with certificate %s\n", cfg.TLS.Listen, cfg.TLS.Describe())
		}
		for _, n := range []models.Network{manifest.Classifier, manifest.Segmenter} {
			fmt.Fprintf(out, "  %s %s: %s\n", n.Name, n.Version, n.Status)
		}
		if len(cfg.Peers) == 0 {
			fmt.Fprintln(out, "  no [[peer]]: only this machine may store, by 127.0.0.1 or ::1")
		}
		for _, d := range cfg.Destinations {
			fmt.Fprintf(out, "  %s (%s at %s) gets %s\n", d.Name, d.AETitle, d.Address, kindNames(profileOf(d).Kinds()))
			if d.Commitment && !slices.ContainsFunc(cfg.Peers, func(p config.Peer) bool { return p.AETitle == "" || p.AETitle == d.CommitmentAETitle }) {
				fmt.Fprintf(out, "    no [[peer]] lets %q in: its reports of storage commitment are taken on our own associations alone\n", d.CommitmentAETitle)
			}
		}
		if len(cfg.Destinations) == 0 {
			fmt.Fprintln(out, "  no [[destination]]: results stay here")
		}
		for _, w := range cfg.Webhooks {
			fmt.Fprintf(out, "  webhook %s is told of %s, with %s\n", w.Name, strings.Join(w.On, ", "), identifierWords[w.Identifiers])
		}
		return nil
	}
	return c
}
