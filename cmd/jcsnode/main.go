// Command jcsnode is a DICOM node that reads chest CT studies with the JCS cascade and returns DICOM objects.
// Research use only.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"jcsnode/config"
	"jcsnode/dicomout/deliver"
	"jcsnode/netfault"
)

// garbagePercent is how much of what is in use may lie uncollected. A volume and its masks are in use for minutes while hundreds of
// pictures are drawn and thrown away, which at Go's 100 would double the memory of a node; this costs some 1 % of processor time.
const garbagePercent = 25

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	began := false // false: the command line itself is wrong
	if c, err := commandLine(&began).ExecuteContextC(untilSignal()); err != nil {
		var code exitCode
		if errors.As(err, &code) {
			os.Exit(int(code))
		}
		fmt.Fprintf(os.Stderr, "jcsnode: %s\n", netfault.Words(err))
		if !began {
			fmt.Fprintf(os.Stderr, "usage: %s; `%s --help` says more\n", c.UseLine(), c.CommandPath())
		}
		os.Exit(1)
	}
}

// exitCode ends the program without another message: what is wrong was printed already.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// remedied is an error with what to do about it.
type remedied struct {
	error
	remedy string
}

func (r remedied) Error() string { return r.error.Error() + "; what to do: " + r.remedy }
func (r remedied) Unwrap() error { return r.error }

// talked adds to an error of a talk with another node what an operator can do about it.
func talked(err error) error {
	if err == nil {
		return nil
	}
	if remedy := deliver.ClassifyError(err).Remedy; remedy != "" {
		return remedied{err, remedy}
	}
	return err
}

func root() *cobra.Command { return commandLine(new(bool)) }

// commandLine sets began once a command runs.
func commandLine(began *bool) *cobra.Command {
	c := &cobra.Command{
		Use:   "jcsnode",
		Short: "DICOM node that reads chest CT studies with the JCS cascade",
		Long: "jcsnode takes chest CT studies by C-STORE, asks the JCS cascade about them and sends DICOM Segmentation\n" +
			"objects and secondary captures back to the PACS. Research use only. Not for diagnostic use.",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRun: func(c *cobra.Command, _ []string) {
			*began = true
			c.SetContext(untilHangUp(c.Context()))
		},
	}
	c.AddCommand(serveCommand(), checkCommand(), conformanceCommand(), preflightCommand(), runCommand(), statusCommand(), nodesCommand(),
		explainCommand(), requeueCommand(), deliverCommand(), notifyCommand(), sendCommand(), echoCommand(), phantomCommand(),
		userCommand(), backupCommand(), restoreCommand(), migrateCommand(), archiveCommand(), demoCommand(), versionCommand(), manCommand())
	return c
}

// configFlag adds --config to a command that needs the configuration. Without it, the first of config.Places that is there is taken.
func configFlag(c *cobra.Command) *string {
	path := c.Flags().String("config", "", "configuration `file` (default "+strings.Join(config.Places(), ", then ")+")")
	c.PreRun = func(*cobra.Command, []string) {
		if *path == "" {
			*path = config.Find(config.Places())
		}
	}
	return path
}
