package main

import (
	"slices"

	"github.com/spf13/cobra"

	"jcsnode/config"
	"jcsnode/ledger"
	"jcsnode/node"
	"jcsnode/status"
)

// completions is how many studies a shell offers.
const completions = 100

// complete is how a shell learns what an argument may be. It is silent about everything that goes wrong: the command itself tells.
type complete = func(c *cobra.Command, args []string, beginning string) ([]string, cobra.ShellCompDirective)

// knownConfig reads the configuration for a completion, which comes without PreRun.
func knownConfig(path string) (config.Config, bool) {
	if path == "" {
		path = config.Find(config.Places())
	}
	cfg, err := config.Read(path)
	return cfg, err == nil
}

// completeStudies offers the newest studies whose UIDs begin so, as the first argument.
func completeStudies(path *string) complete {
	return func(c *cobra.Command, args []string, beginning string) ([]string, cobra.ShellCompDirective) {
		cfg, ok := knownConfig(*path)
		if !ok || len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		l, err := readLedger(c.Context(), cfg)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer l.Close()
		studies, err := l.Studies(c.Context(), ledger.Filter{StudyUID: beginning, Limit: completions})
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var all []string
		for _, s := range studies {
			all = append(all, s.StudyUID+"\t"+s.State+", "+status.Clock(s.LastAt))
		}
		return all, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}

// completeNames offers names of the configuration that are not arguments yet.
func completeNames(path *string, of func(config.Config) []string) complete {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		cfg, ok := knownConfig(*path)
		if !ok {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		names := slices.DeleteFunc(of(cfg), func(name string) bool { return slices.Contains(args, name) })
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

func destinationNames(c config.Config) []string { return node.DestinationNames(c.Destinations) }

func webhookNames(c config.Config) []string { return node.Site(c).Webhooks }
