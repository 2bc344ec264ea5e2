package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"jcsnode/config"
	"jcsnode/node"
	"jcsnode/status"
)

func nodesCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "nodes",
		Short: "the nodes that share this ledger: who lives, does what, and since when",
		Long: "nodes lists the nodes that work on the ledger of the configuration: whether each runs, since when,\n" +
			"its roles, version and device, when it was heard of last, how its clock is, what it owns (whether it leads, which\n" +
			"destinations and webhooks are its own), and which studies it reads and sends. Nodes that are gone are listed for 30 days.",
		Args: cobra.NoArgs,
	}
	path := configFlag(c)
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	c.RunE = func(c *cobra.Command, _ []string) error {
		cfg, err := config.Read(*path)
		if err != nil {
			return err
		}
		l, err := readLedger(c.Context(), cfg)
		if err != nil {
			return err
		}
		defer l.Close()
		overview, err := node.Views(cfg, version, l).Overview(c.Context())
		if err != nil {
			return err
		}
		if asJSON {
			return writeJSON(c.OutOrStdout(), append([]status.Member{}, overview.Nodes...))
		}
		return printNodes(c.OutOrStdout(), overview.Nodes, overview.Lacks)
	}
	return c
}

func printNodes(w io.Writer, nodes []status.Member, lacks []status.Lack) error {
	if len(nodes) == 0 {
		fmt.Fprintln(w, "this node has its ledger for itself; `jcsnode status` says how it is")
		return nil
	}
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	fmt.Fprintln(t, "NODE\tSTATE\tSINCE\tROLES\tVERSION\tDEVICE\tHEARD OF\tCLOCK\tOWNS\tIS AT")
	for _, n := range nodes {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", n.Name, n.State, status.Clock(n.Since), strings.Join(n.Roles, ","),
			n.Version, n.Device, status.Clock(n.HeardOf), n.Clock(), cmp.Or(n.Owns(), "-"), n.At())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, n := range nodes {
		if n.Differs != "" || n.StoreAway != "" || n.ClockOff() {
			fmt.Fprintln(w, n)
		}
	}
	for _, l := range lacks {
		fmt.Fprintf(w, "%s; what to do: %s\n", l, l.Remedy())
	}
	return nil
}
