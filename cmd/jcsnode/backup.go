package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"jcsnode/backup"
	"jcsnode/config"
	"jcsnode/ledger"
	"jcsnode/node"
	"jcsnode/scp"
	"jcsnode/status"
	"jcsnode/store"
)

// layout is what of data_dir is backed up beside the ledger.
var layout = backup.Layout{Folders: []string{"inbox", "objects"}, Staging: scp.Staging}

func backupCommand() *cobra.Command {
	var to string
	c := &cobra.Command{
		Use:   "backup --to DIR",
		Short: "copy ledger and files of data_dir to a folder, while the node runs",
		Long: "backup writes the ledger as it is at one moment, and then the files, to a folder that is empty or not there. The node\n" +
			"may run. On the disk of data_dir the files are hard links, which take no room and are no protection from a disk that\n" +
			"fails: copy such a backup elsewhere, or name a folder on another disk. Networks, configuration, certificates and secrets\n" +
			"are not in it.",
		Args: cobra.NoArgs,
	}
	path := configFlag(c)
	c.Flags().StringVar(&to, "to", "", "`folder` for the backup")
	c.MarkFlagRequired("to")
	c.RunE = func(c *cobra.Command, _ []string) error {
		cfg, err := config.Read(*path)
		if err != nil {
			return err
		}
		if cfg.Ledger.URL != "" {
			return errInDatabase
		}
		l, err := readLedger(c.Context(), cfg) // it says what is wrong with a ledger that cannot be read
		if err != nil {
			return err
		}
		if err := l.Close(); err != nil {
			return err
		}
		mark, err := backup.Write(c.Context(), cfg.Node.DataDir, to, layout, version)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "backup of %s in %s: the ledger as of %s, %s of %s\n", cfg.Node.DataDir, to, status.Clock(mark.At),
			status.Plural(mark.Files, "file"), store.Bytes(mark.Bytes))
		if l, err = ledger.Open(c.Context(), backup.LedgerPath(to), ledger.Options{ReadOnly: true}); err != nil {
			return err
		}
		defer l.Close()
		d, err := backup.Compare(c.Context(), l, to, layout)
		if err != nil {
			return err
		}
		elsewhere(c.OutOrStdout(), cfg.Store, &d)
		printDifference(c.OutOrStdout(), d)
		return nil
	}
	return c
}

// errInDatabase is for a node whose ledger is in no file.
var errInDatabase = errors.New("the ledger is in PostgreSQL: back it up with the means of the database (pg_dump, or continuous " +
	"archiving), and data_dir as a folder, the database first: a file that the ledger does not know is recorded at the next start")

func restoreCommand() *cobra.Command {
	var from string
	c := &cobra.Command{
		Use:   "restore --from DIR",
		Short: "put a backup into an empty data_dir, and say what is missing; exit code 1 if something is",
		Long: "restore copies a backup into the data_dir of the configuration, which must be empty or not there, brings the ledger to\n" +
			"the version of this program, and compares ledger and files. Run it as the user of the service, with the node stopped.",
		Args: cobra.NoArgs,
	}
	path := configFlag(c)
	c.Flags().StringVar(&from, "from", "", "`folder` with the backup")
	c.MarkFlagRequired("from")
	c.RunE = func(c *cobra.Command, _ []string) error {
		cfg, err := config.Read(*path)
		if err != nil {
			return err
		}
		if cfg.Ledger.URL != "" {
			return errInDatabase
		}
		mark, err := backup.Restore(c.Context(), from, cfg.Node.DataDir, layout)
		if err != nil {
			return err
		}
		l, err := node.OpenLedger(c.Context(), cfg, ledger.Options{Logger: newLogger(cfg.Log)})
		if err != nil {
			return err
		}
		defer l.Close()
		fmt.Fprintf(c.OutOrStdout(), "%s holds the backup of jcsnode %s from %s\n",
			cfg.Node.DataDir, mark.Version, status.Clock(mark.At))
		d, err := backup.Compare(c.Context(), l, cfg.Node.DataDir, layout)
		if err != nil {
			return err
		}
		elsewhere(c.OutOrStdout(), cfg.Store, &d)
		printDifference(c.OutOrStdout(), d)
		if len(d.Missing) > 0 {
			return exitCode(1)
		}
		return nil
	}
	return c
}

// elsewhere says of files that are not in data_dir where they are, and does not call them missing.
func elsewhere(w io.Writer, s config.Store, d *backup.Difference) {
	if s.Kind == config.StoreDisk || len(d.Missing) == 0 {
		return
	}
	fmt.Fprintf(w, "  %s of the ledger not in data_dir: %s, which must be backed up by its own means\n",
		status.Plural(len(d.Missing), "file"), s.Describe())
	d.Missing = nil
}

// printDifference says how ledger and files differ, and what that leads to.
func printDifference(w io.Writer, d backup.Difference) {
	if len(d.Missing)+len(d.Unknown) == 0 {
		fmt.Fprintln(w, "  ledger and files agree")
	}
	list := func(names []string, what string) {
		const most = 10
		if len(names) == 0 {
			return
		}
		fmt.Fprintf(w, "  %s %s\n", status.Plural(len(names), "file"), what)
		for i, name := range names {
			if i == most {
				fmt.Fprintf(w, "    and %d more\n", len(names)-most)
				break
			}
			fmt.Fprintf(w, "    %s\n", name)
		}
	}
	list(d.Missing, "of the ledger not there: of such instances nothing can be read again, and objects are made again by `jcsnode requeue`")
	list(d.Unknown, "there and not in the ledger: at the start the node records those that are instances")
}
