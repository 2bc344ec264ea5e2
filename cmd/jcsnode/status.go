package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"jcsnode/config"
	"jcsnode/ledger"
	"jcsnode/node"
	"jcsnode/status"
)

func statusCommand() *cobra.Command {
	var asJSON bool
	var list listFlags
	c := &cobra.Command{
		Use:   "status [STUDY_UID]",
		Short: "how the node is and what it knows: all studies, or everything about one",
		Long: "status says whether the node runs, what waits, with whom it speaks and which studies it has, the newest first; with a\n" +
			"Study Instance UID, or as much of its beginning as no other study has, everything about that one.",
		Args: cobra.MaximumNArgs(1),
	}
	path := configFlag(c)
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	list.addTo(c)
	c.ValidArgsFunction = completeStudies(path)
	c.RunE = func(c *cobra.Command, args []string) error {
		f, err := list.filter()
		if err != nil {
			return err
		}
		cfg, err := config.Read(*path)
		if err != nil {
			return err
		}
		l, err := readLedger(c.Context(), cfg)
		if err != nil {
			return err
		}
		defer l.Close()
		if len(args) == 0 {
			return nodeStatus(c.Context(), c.OutOrStdout(), cfg, l, f, asJSON)
		}
		return studyStatus(c.Context(), c.OutOrStdout(), cfg, l, args[0], asJSON)
	}
	return c
}

// readLedger opens the ledger of a node, which may be running, to look into it.
func readLedger(ctx context.Context, c config.Config) (*ledger.Ledger, error) {
	l, err := node.OpenLedger(ctx, c, ledger.Options{ReadOnly: true})
	if err != nil {
		key := "node.data_dir"
		if c.Ledger.URL != "" {
			key = "ledger.url"
		}
		return nil, fmt.Errorf("%w (%s of %s)", err, key, c.Path)
	}
	return l, nil
}

func nodeStatus(ctx context.Context, w io.Writer, cfg config.Config, l status.Ledger, f ledger.Filter, asJSON bool) error {
	view, err := node.Views(cfg, version, l).Node(ctx, f)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(w, view)
	}
	printLines(w, "", view.Sentences())
	printParts(w, view.Parts(), "")
	fmt.Fprintln(w)
	if len(view.Studies) == 0 && f == (ledger.Filter{Limit: f.Limit, Identifiers: f.Identifiers}) {
		fmt.Fprintln(w, "no study has come yet")
		return nil
	}
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	fmt.Fprintln(t, "STUDY\tSTATE\tREVISION\tINSTANCES\tLAST\tRESULT\tDELIVERIES")
	for _, s := range view.Studies {
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%s\t%s\t%s\n",
			s.StudyUID, s.State, s.Revision, s.Instances, status.Clock(s.LastAt), s.Result(), status.Counted(s.Deliveries))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if more := view.MoreSentence(); more != "" {
		fmt.Fprintf(w, "%s; --limit 0 lists all\n", more)
	}
	printLines(w, "", view.LimitSentences())
	if refused := view.RefusalSentences(); len(refused) > 0 {
		fmt.Fprintln(w, "\nrefused")
		printLines(w, "  ", refused)
	}
	return nil
}

func studyStatus(ctx context.Context, w io.Writer, cfg config.Config, l status.Ledger, uid string, asJSON bool) error {
	study, err := node.Views(cfg, version, l).Study(ctx, uid)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(w, study)
	}
	printParts(w, study.Parts(), "")
	return nil
}

// printParts prints headings, with a text between them, and below each its sentences, one a line.
func printParts(w io.Writer, parts []status.Part, between string) {
	for i, p := range parts {
		if i > 0 {
			fmt.Fprint(w, between)
		}
		fmt.Fprintln(w, p.Heading)
		for _, s := range p.Sentences {
			fmt.Fprintf(w, "  %s\n", s.Text)
			printLines(w, "    ", s.Details)
		}
	}
}

func printLines(w io.Writer, indent string, lines []string) {
	for _, line := range lines {
		fmt.Fprintf(w, "%s%s\n", indent, line)
	}
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
