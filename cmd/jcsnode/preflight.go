package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"jcsnode/commitment"
	"jcsnode/config"
	"jcsnode/dataset"
	"jcsnode/dicomout"
	"jcsnode/dicomout/deliver"
	"jcsnode/dicomout/object"
	"jcsnode/node"
)

func preflightCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "preflight",
		Short: "ask every destination what it would take; sends nothing; exit code 1 if anything would be refused",
		Long: "preflight opens one association with each destination of the configuration and offers every class and transfer\n" +
			"syntax in which results would go there by its profile. It prints what would be accepted, in which form, and what would be refused\n" +
			"and what to do about it, and whether a destination with commitment = true takes requests for storage commitment. Nothing is sent.\n" +
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
			good = preflight(c.Context(), out, destination.Destination, destination.Profile.Kinds()) && good
			if d.Commitment {
				good = preflightCommitment(c.Context(), out, destination.Destination) && good
			}
		}
		if !good {
			return exitCode(1)
		}
		return nil
	}
	return c
}

// preflight prints what one destination would take of the kinds that it is to get, and tells whether that is everything.
func preflight(ctx context.Context, w io.Writer, d deliver.Destination, kinds []object.Kind) bool {
	fmt.Fprintf(w, "%s (%s at %s, called by %s)\n", d.Name, d.AETitle, d.Address, d.CallingAETitle)
	items := make([]deliver.Item, len(kinds))
	for i, k := range kinds {
		items[i] = dicomout.Offer(k)
	}
	answers, err := deliver.Probe(ctx, d, items)
	if err != nil {
		v := deliver.ClassifyError(err)
		fmt.Fprintf(w, "  NO ASSOCIATION: %s\n", v.Text)
		if v.Remedy != "" {
			fmt.Fprintf(w, "  what to do: %s\n", v.Remedy)
		}
		return false
	}
	good := true
	var remedies []string
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	for i, a := range answers {
		verdict := "REFUSED: " + a.Verdict.Text
		switch a.SOPClassUID {
		case "":
			good = false
			if !slices.Contains(remedies, a.Verdict.Remedy) {
				remedies = append(remedies, a.Verdict.Remedy)
			}
		case kinds[i].SOPClassUID:
			verdict = "accepted, " + transferSyntaxName(a.TransferSyntaxUID)
		default:
			verdict = fmt.Sprintf("accepted as SOP class %s, %s", a.SOPClassUID, transferSyntaxName(a.TransferSyntaxUID))
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\n", object.PlainName(kinds[i].Name), kinds[i].SOPClassUID, verdict)
	}
	t.Flush()
	for _, remedy := range remedies {
		fmt.Fprintf(w, "  what to do: %s\n", remedy)
	}
	return good
}

// preflightCommitment prints whether a destination could be asked for storage commitment, and tells it.
func preflightCommitment(ctx context.Context, w io.Writer, d deliver.Destination) bool {
	fmt.Fprintf(w, "  storage commitment  %s by %s  ", commitment.PushModel, d.CommitmentAETitle)
	if err := deliver.ProbeCommitment(ctx, d); err != nil {
		fmt.Fprintf(w, "REFUSED: %v\n", err)
		return false
	}
	fmt.Fprintln(w, "accepted")
	return true
}

func transferSyntaxName(uid string) string {
	if s, ok := dataset.LookupTransferSyntax(uid); ok {
		return s.Name
	}
	return uid
}
