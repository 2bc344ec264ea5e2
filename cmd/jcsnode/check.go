package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"jcsnode/config"
	"jcsnode/dicomout/object"
	"jcsnode/models"
	"jcsnode/node"
	"jcsnode/status"
	"jcsnode/store/disk"
)

func checkCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "check",
		Short: "find every mistake in the configuration and try what serve would do; exit code 1 if there is one",
		Long: "check finds every mistake in the configuration. " +
			"It also tries what serve would do: it loads the networks and has them calculate\n" +
			"a test picture, reads the TLS files, opens the ports for a moment, " +
			"and looks whether everything in data_dir could be written.\n" +
			"Run it as the user of the service. Beside a running node it changes nothing; it says that the ports are taken.",
		Args: cobra.NoArgs,
	}
	path := configFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		cfg, err := config.LoadNode(*path)
		var problems config.Problems
		if err != nil && !errors.As(err, &problems) {
			return err
		}
		var tried node.Trial
		if cfg.Path != "" { // the file could be read
			tried = node.Try(c.Context(), cfg, problems)
			problems = append(problems, tried.Problems...)
		}
		for _, p := range problems {
			fmt.Fprintln(c.ErrOrStderr(), p)
		}
		if len(problems) > 0 {
			printNotes(c.ErrOrStderr(), tried.Notes)
			fmt.Fprintf(c.ErrOrStderr(), "%s: %s\n", *path, status.Plural(len(problems), "mistake"))
			return exitCode(1)
		}
		out := c.OutOrStdout()
		fmt.Fprintf(out, "%s is good\n", *path)
		isDoor := slices.Contains(cfg.Node.Roles, config.RoleDoor)
		listening := "listening on " + cfg.Node.Listen
		if !isDoor {
			listening = "takes no studies and opens no port for them"
		}
		fmt.Fprintf(out, "  AE title %s, %s, data in %s\n", cfg.Node.AETitle, listening, cfg.Node.DataDir)
		if room, err := disk.RoomIn(cfg.FilesDir(), int64(cfg.Node.Reserve)); err == nil {
			fmt.Fprintf(out, "  %s\n", status.DiskOf(room, cfg.Store.Path))
		}
		if where := cfg.Store.Describe(); where != "" {
			fmt.Fprintf(out, "  %s\n", where)
		}
		if isDoor && cfg.TLS.Listen != "" {
			fmt.Fprintf(out, "  TLS on %s with certificate %s\n", cfg.TLS.Listen, cfg.TLS.Describe())
		}
		if err := printNetworks(out, cfg, tried.Device); err != nil {
			return err
		}
		if isDoor && len(cfg.Peers) == 0 {
			fmt.Fprintln(out, "  no [[peer]]: only this machine may store, by 127.0.0.1 or ::1")
		}
		for _, d := range cfg.Destinations {
			fmt.Fprintf(out, "  %s (%s at %s) gets %s\n", d.Name, d.AETitle, d.Address, kindNames(node.Profile(d).Kinds()))
			letsIn := func(p config.Peer) bool { return p.AETitle == "" || p.AETitle == d.CommitmentAETitle }
			if d.Commitment && !slices.ContainsFunc(cfg.Peers, letsIn) {
				fmt.Fprintf(out, "    no [[peer]] lets %q in: its reports of storage commitment are taken on our own associations alone\n",
					d.CommitmentAETitle)
			}
		}
		if len(cfg.Destinations) == 0 {
			fmt.Fprintln(out, "  no [[destination]]: results stay here")
		}
		for _, w := range cfg.Webhooks {
			fmt.Fprintf(out, "  webhook %s is told of %s, with %s\n", w.Name, strings.Join(w.On, ", "), identifierWords[w.Identifiers])
		}
		if cfg.Web.Listen != "" {
			fmt.Fprintf(out, "  page on %s, %s\n", cfg.Web.Listen, loginWords[cfg.Web.Auth])
		}
		if cfg.Metrics.Listen != "" {
			fmt.Fprintf(out, "  metrics on %s for %s\n", cfg.Metrics.Listen, strings.Join(cfg.Metrics.AllowedNetworks, ", "))
		}
		printNotes(out, tried.Notes)
		return nil
	}
	return c
}

// printNetworks says what the node reads studies with, and what it does if not everything.
func printNetworks(w io.Writer, cfg config.Config, device string) error {
	if len(cfg.Node.Roles) < len(config.Roles()) {
		fmt.Fprintf(w, "  roles %s; the others are left to other nodes\n", strings.Join(cfg.Node.Roles, ", "))
	}
	if device == status.NoDevice {
		return nil
	}
	manifest, err := models.ReadManifest(cfg.Models.Dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "  networks run on %s\n", device)
	for _, n := range []models.Network{manifest.Classifier, manifest.Segmenter} {
		fmt.Fprintf(w, "  %s %s: %s\n", n.Name, n.Version, n.Status)
	}
	return nil
}

func printNotes(w io.Writer, notes []string) {
	for _, n := range notes {
		fmt.Fprintf(w, "  note: %s\n", n)
	}
}

// loginWords say what the choices of web.auth ask for.
var loginWords = map[string]string{
	config.AuthNone:  "for whoever is at this machine",
	config.AuthLocal: "for accounts of jcsnode user",
	config.AuthProxy: "for whom a trusted proxy names",
}

// identifierWords say what the choices of webhook.identifiers send along.
var identifierWords = map[string]string{
	config.IdentifiersUIDs:      "UIDs alone",
	config.IdentifiersAccession: "UIDs and accession number",
	config.IdentifiersPatient:   "UIDs, accession number and patient ID",
}

// kindNames is for people: "summary, segmentation, outline".
func kindNames(kinds []object.Kind) string {
	var names []string
	for _, k := range kinds {
		names = append(names, object.PlainName(k.Name))
	}
	return strings.Join(names, ", ")
}
