package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"jcsnode/config"
	"jcsnode/netfault"
	"jcsnode/node"
	"jcsnode/status"
)

func notifyCommand() *cobra.Command {
	var test bool
	var limit int
	c := &cobra.Command{
		Use:   "notify [WEBHOOK...]",
		Short: "what was told to whom; --test sends a test event; exit code 1 if a webhook does not take it",
		Long: "notify lists the newest notifications, the newest first, of all webhooks or of those named.\n\n" +
			"--test sends an event of the type \"test\" to each of them now, signed as every other, and says what they answer.",
	}
	path := configFlag(c)
	c.ValidArgsFunction = completeNames(path, webhookNames)
	c.Flags().BoolVar(&test, "test", false, "send a test event")
	c.Flags().IntVar(&limit, "limit", 50, "list at most so many notifications")
	c.RunE = func(c *cobra.Command, names []string) error {
		if !test {
			cfg, err := config.Read(*path)
			if err != nil {
				return err
			}
			return listNotifications(c.Context(), c.OutOrStdout(), cfg, names, limit)
		}
		cfg, err := config.Load(*path)
		if err != nil {
			return err
		}
		return testWebhooks(c.Context(), c.OutOrStdout(), cfg, names)
	}
	return c
}

func listNotifications(ctx context.Context, w io.Writer, cfg config.Config, names []string, limit int) error {
	l, err := readLedger(ctx, cfg)
	if err != nil {
		return err
	}
	defer l.Close()
	all, err := l.Notifications(ctx, limit)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	fmt.Fprintln(t, "TIME\tWEBHOOK\tABOUT\tSTUDY\tSTATE\tATTEMPTS\tANSWER\tEVENT")
	for _, n := range all {
		if len(names) == 0 || slices.Contains(names, n.Receiver) {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", status.Clock(n.CreatedAt), n.Receiver, n.Notice.Subject(), n.Notice.StudyUID,
				n.State, n.Attempts, n.Detail, n.EventID)
		}
	}
	return t.Flush()
}

// testWebhooks sends each webhook a test event and prints what came of it.
func testWebhooks(ctx context.Context, w io.Writer, cfg config.Config, names []string) error {
	for _, name := range names {
		if !slices.ContainsFunc(cfg.Webhooks, func(w config.Webhook) bool { return w.Name == name }) {
			return fmt.Errorf("no [[webhook]] is called %q", name)
		}
	}
	if len(cfg.Webhooks) == 0 {
		fmt.Fprintln(w, "no [[webhook]] is configured: nobody is told")
	}
	good := true
	for _, hook := range cfg.Webhooks {
		if len(names) > 0 && !slices.Contains(names, hook.Name) {
			continue
		}
		answer, err := node.TestWebhook(ctx, cfg.Node, hook, version)
		if err != nil {
			good = false
			fmt.Fprintf(w, "%s: NOT TAKEN: %s\n", hook.Name, netfault.Words(err))
			continue
		}
		fmt.Fprintf(w, "%s: %s\n", hook.Name, answer)
	}
	if !good {
		return exitCode(1)
	}
	return nil
}
