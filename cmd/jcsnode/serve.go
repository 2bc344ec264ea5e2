package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"jcsnode/config"
	"jcsnode/ledger"
	"jcsnode/netfault"
	"jcsnode/node"
	"jcsnode/status"
)

func serveCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "serve",
		Short: "run the node until SIGTERM or SIGINT; SIGHUP has it reload its configuration",
		Long: "serve runs the node until SIGTERM or SIGINT. It takes no new associations then and lets the open ones finish for\n" +
			"node.drain; what is unfinished goes on at the next start. A second " +
			"SIGTERM or SIGINT ends it at once, which loses nothing either.\n\n" +
			"SIGHUP has it check its configuration and take [[peer]], [[destination]], [[webhook]], [log] and [keep] anew, while\n" +
			"associations go on. Where serve was started from a terminal SIGHUP is the end of that session and ends serve, too.",
		Args: cobra.NoArgs,
		PersistentPreRun: func(c *cobra.Command, _ []string) {
			if atTerminal() {
				c.SetContext(untilHangUp(c.Context()))
			}
		},
	}
	path := configFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		cfg, err := config.LoadNode(*path)
		log, logs := newLogging(cfg.Log)
		var problems config.Problems
		if errors.As(err, &problems) {
			tellProblems(c.ErrOrStderr(), log, inJSON(cfg.Log), *path, problems)
			return exitCode(1)
		}
		if err == nil {
			s := &service{path: *path, log: log, logs: logs}
			err = s.serve(c.Context(), cfg)
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

// service is a node with those who tell it what to do, and whom it tells how it is.
type service struct {
	path string // of the configuration
	log  *slog.Logger
	logs *logging
	node *node.Node
}

// serve runs a node on the configured addresses until ctx ends.
func (s *service) serve(ctx context.Context, cfg config.Config) error {
	signal.Ignore(syscall.SIGPIPE) // who reads the log may go first, as tee does when a session ends
	hangUps := make(chan os.Signal, 1)
	if !atTerminal() && !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(hangUps, syscall.SIGHUP)
		defer signal.Stop(hangUps)
	}
	ready := make(chan struct{})
	var err error
	s.node, err = node.Open(ctx, cfg, node.Options{Version: version, Logger: s.log, Ready: func() { close(ready) }})
	if err != nil {
		return err
	}
	listeners, err := s.node.Listen()
	if err != nil {
		return errors.Join(err, s.node.Close())
	}
	ended, end := context.WithCancel(context.WithoutCancel(ctx))
	var g sync.WaitGroup
	g.Go(func() {
		select {
		case <-ended.Done():
			return
		case <-ready:
		}
		s.attend(ctx, ended, hangUps)
	})
	err = s.node.Run(ctx, listeners...)
	end()
	g.Wait()
	return err
}

// reload reads the configuration again. A mistake in it changes nothing.
func (s *service) reload(ctx context.Context) {
	const stays = "the node goes on as it was: correct them and reload again; `jcsnode check` finds them, too"
	cfg, err := config.LoadNode(s.path)
	var problems config.Problems
	if errors.As(err, &problems) {
		for _, p := range problems {
			s.log.Error("mistake in the configuration", "config", s.path, "problem", p)
		}
		s.log.Error("configuration not reloaded", "config", s.path, "mistakes", len(problems), "remedy", stays)
		return
	}
	if err == nil {
		err = s.node.Reload(ctx, cfg)
	}
	switch {
	case errors.Is(err, ledger.ErrAway):
		s.log.Error("configuration not reloaded", "config", s.path, "error", err, "remedy",
			"the configuration has no mistake: the node goes on as it was; reload again when the ledger's database is there")
		return
	case err != nil:
		s.log.Error("configuration not reloaded", "config", s.path, "error", err, "remedy", stays)
		return
	}
	s.logs.take(cfg.Log)
}
