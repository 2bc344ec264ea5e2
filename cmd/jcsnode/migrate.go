package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"jcsnode/config"
	"jcsnode/node"
)

func migrateCommand() *cobra.Command {
	var from, to string
	c := &cobra.Command{
		Use:   "migrate --from DIR --to CONFIG",
		Short: "move ledger and files of a data_dir to the database and the store of another configuration",
		Long: "migrate moves a node that was alone to where several can work on it: the ledger in DIR into the PostgreSQL database, and\n" +
			"the files in DIR into the bucket or shared folder, that CONFIG names. The node on DIR must be stopped, and none may work\n" +
			"on the new ledger. DIR stays as it is, save that its ledger is brought to the version of this program, as a start does.\n\n" +
			"Every file is read back and compared by SHA-256, every table by the number of its rows and a digest of them, counters\n" +
			"included. A database that holds another ledger is refused before anything is copied; the ledger comes last, in one\n" +
			"transaction. After an error, or when it was killed, run it again: files that are there are compared and not copied again.\n" +
			"What waited to be read or sent gets its job at the next start; its waiting times begin anew.",
		Args: cobra.NoArgs,
	}
	c.Flags().StringVar(&from, "from", "", "`folder`: the data_dir of the stopped node")
	c.Flags().StringVar(&to, "to", "", "configuration `file` of the node that goes on")
	c.MarkFlagRequired("from")
	c.MarkFlagRequired("to")
	c.RunE = func(c *cobra.Command, _ []string) error {
		cfg, err := config.LoadNode(to)
		if err != nil {
			return err
		}
		m := &node.Migration{From: from, To: cfg, Logger: newLogger(cfg.Log),
			Say: func(text string) { fmt.Fprintln(c.OutOrStdout(), text) }}
		done, err := m.Run(c.Context())
		if err != nil && !done.Begun {
			return fmt.Errorf("nothing was moved: %w", err)
		}
		if err != nil {
			return fmt.Errorf("%w. Nothing of %s was removed; when the cause is gone, run migrate again, and it goes on", err, from)
		}
		node.WriteMigrated(c.OutOrStdout(), m, done)
		return nil
	}
	return c
}
