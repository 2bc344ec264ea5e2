package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"jcsnode/config"
)

func serveCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "serve",
		Short: "run the node until SIGTERM or SIGINT",
		Args:  cobra.NoArgs,
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
