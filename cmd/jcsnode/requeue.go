package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"jcsnode/config"
	"jcsnode/ledger"
	"jcsnode/node"
	"jcsnode/status"
)

func requeueCommand() *cobra.Command {
	var resend bool
	c := &cobra.Command{
		Use:   "requeue STUDY_UID",
		Short: "have a study processed again, and its failed deliveries and notifications tried again",
		Long: "requeue has a study read again. Its deliveries and notifications that were given up are tried again, those that wait\n" +
			"are tried now. If the new reading says the same, the earlier result stays, what was sent stays sent unless --resend says\n" +
			"otherwise, and what destinations ask for since then is made and sent. If it says something else, since networks, settings\n" +
			"or the program changed, it is a result of its own that replaces the earlier one. The running node takes the work up within\n" +
			"seconds, a stopped one at its next start. A study that waits for files on the disk of nodes that do not run waits\n" +
			"for them no longer: it is not processed, and its reason says what is missing.",
		Args: cobra.ExactArgs(1),
	}
	path := configFlag(c)
	c.ValidArgsFunction = completeStudies(path)
	c.Flags().BoolVar(&resend, "resend", false, "also send again what destinations took, for one that has lost it")
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		cfg, err := config.Read(*path)
		if err != nil {
			return err
		}
		l, err := node.OpenLedger(c.Context(), cfg,
			ledger.Options{Beside: true, Destinations: node.DestinationNames(cfg.Destinations), Logger: newLogger(cfg.Log)})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, l.Close()) }()
		views := node.Views(cfg, version, l)
		uid, err := node.Requeue(c.Context(), l, views, args[0], resend)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "study %s will be processed again; `jcsnode explain %s` says how it goes\n", uid, uid)
		return noteAbsence(c, views, config.RoleRead)
	}
	return c
}

// noteAbsence says that what was asked for waits until a node is started that has the role for it, where none runs.
func noteAbsence(c *cobra.Command, views status.Reader, role string) error {
	overview, err := views.Overview(c.Context())
	if err != nil {
		return err
	}
	fmt.Fprint(c.OutOrStdout(), absence(overview, role))
	return nil
}

// absence is the line of noteAbsence, "" where there is nothing to say.
func absence(o status.Overview, role string) string {
	if nodes := o.RoleNodes(); nodes != nil { // several share the ledger: whichever this configuration is of
		if nodes[role] == 0 {
			return fmt.Sprintf("once a node is started that has %q in its [node] roles: none of them runs\n", role)
		}
		return ""
	}
	switch o.Running.State {
	case status.Stopped, status.Dead, status.NeverStarted:
		return fmt.Sprintf("once the node is started: it does not run (%s)\n", o.Running.State)
	}
	return ""
}
