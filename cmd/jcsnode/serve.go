package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"jcsnode/config"
)

func serveCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "serve",
		Short: "run the node until SIGTERM, SIGINT or SIGHUP",
		Long: "serve runs the node until SIGTERM, SIGINT or SIGHUP. It takes no new associations then and lets the open ones finish for\n" +
			"node.drain; what is unfinished goes on at the next start. A second SIGTERM or SIGINT ends it at once, which loses nothing either.",
		Args: cobra.NoArgs,
	}
	path := configFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		cfg, err := config.LoadNode(*path)
		var problems config.Problems
		if errors.As(err, &problems) {
			for _, p := range problems {
				fmt.Fprintln(c.ErrOrStderr(), p)
			}
			fmt.Fprintf(c.ErrOrStderr(), "%s: %d mistake(s); the node does not start\n", *path, len(problems))
			return exitCode(1)
		}
		if err != nil {
			return err
		}
		return serve(c.Context(), cfg)
	}
	return c
}

// serve runs a node on the configured addresses until ctx ends.
func serve(ctx context.Context, cfg config.Config) error {
	signal.Ignore(syscall.SIGPIPE) // who reads the log may go first, as tee does when a session ends
	log := newLogger(cfg.Log)
	n, err := openNode(ctx, cfg, log)
	if err != nil {
		return err
	}
	listeners, err := n.listen()
	if err != nil {
		return errors.Join(err, n.close())
	}
	return n.run(ctx, listeners...)
}
