package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"jcsnode/config"
	"jcsnode/netfault"
	"jcsnode/node"
	"jcsnode/status"
)

func serveCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "serve",
		Short: "run the node until SIGTERM, SIGINT or SIGHUP",
		Long: "serve runs the node until SIGTERM, SIGINT or SIGHUP. It takes no new associations then and lets the open ones finish for\n" +
			"node.drain; what is unfinished goes on at the next start. A second " +
			"SIGTERM or SIGINT ends it at once, which loses nothing either.",
		Args: cobra.NoArgs,
	}
	path := configFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		cfg, err := config.LoadNode(*path)
		log := newLogger(cfg.Log)
		var problems config.Problems
		if errors.As(err, &problems) {
			tellProblems(c.ErrOrStderr(), log, inJSON(cfg.Log), *path, problems)
			return exitCode(1)
		}
		if err == nil {
			err = serve(c.Context(), cfg, log)
		}
		if err != nil { // whoever reads the log finds it there, in its format
			log.Error("jcsnode ends with an error", "error", netfault.Words(err))
			return exitCode(1)
		}
		return nil
	}
	return c
}

// tellProblems says why the node does not start: line by line, or as the log has it.
func tellProblems(w io.Writer, log *slog.Logger, asLog bool, path string, problems config.Problems) {
	if !asLog {
		for _, p := range problems {
			fmt.Fprintln(w, p)
		}
		fmt.Fprintf(w, "%s: %s; the node does not start\n", path, status.Plural(len(problems), "mistake"))
		return
	}
	for _, p := range problems {
		log.Error("mistake in the configuration", "config", path, "problem", p)
	}
	log.Error("the node does not start",
		"config", path, "mistakes", len(problems), "remedy", "correct them; `jcsnode check` finds them, too")
}

// serve runs a node on the configured addresses until ctx ends.
func serve(ctx context.Context, cfg config.Config, log *slog.Logger) error {
	signal.Ignore(syscall.SIGPIPE) // who reads the log may go first, as tee does when a session ends
	n, err := node.Open(ctx, cfg, node.Options{Version: version, Logger: log})
	if err != nil {
		return err
	}
	listeners, err := n.Listen()
	if err != nil {
		return errors.Join(err, n.Close())
	}
	return n.Run(ctx, listeners...)
}
