package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"jcsnode/config"
	"jcsnode/models"
)

// version and commit are set by the linker; see the Makefile.
var (
	version = "unknown"
	commit  = "unknown"
)

// build is what the program is made of, and what it would load.
type build struct {
	Version     string         `json:"version"`
	Commit      string         `json:"commit"`
	Go          string         `json:"go"`
	Platform    string         `json:"platform"`
	ONNXRuntime string         `json:"onnxruntime"`
	Networks    []buildNetwork `json:"networks"`
	Problems    []string       `json:"problems"`
}

type buildNetwork struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Status  string `json:"status"`
	SHA256  string `json:"sha256"`
}

func versionCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "version",
		Short: "what this program is, and the ONNX Runtime and networks that it would load",
		Args:  cobra.NoArgs,
	}
	path := configFlag(c)
	asJSON := c.Flags().Bool("json", false, "print JSON")
	c.RunE = func(c *cobra.Command, _ []string) error {
		cfg, err := config.LoadNode(*path)
		var mistakes config.Problems
		switch {
		case errors.Is(err, fs.ErrNotExist) && !c.Flags().Changed("config"):
			cfg = config.Default() // it is asked before there is a node, too
		case err != nil && !errors.As(err, &mistakes): // what is wrong beside the networks is for check to tell
			return err
		}
		b := describeBuild(cfg.Models)
		if *asJSON {
			e := json.NewEncoder(c.OutOrStdout())
			e.SetIndent("", "  ")
			return e.Encode(b)
		}
		b.print(c.OutOrStdout())
		return nil
	}
	return c
}

// describeBuild looks for library and networks; what cannot be found is a problem of its own and no error.
func describeBuild(m config.Models) build {
	b := build{Version: version, Commit: commit, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Networks: []buildNetwork{}, Problems: []string{}}
	library, err := models.Find(m.Library, m.Device)
	if err == nil {
		if b.ONNXRuntime, err = models.LibraryVersion(library); err == nil {
			b.ONNXRuntime += " (" + library + ")"
		}
	}
	if err != nil {
		b.Problems = append(b.Problems, err.Error())
	}
	manifest, err := models.ReadManifest(m.Dir)
	if err != nil {
		b.Problems = append(b.Problems, err.Error())
		return b
	}
	for _, n := range []models.Network{manifest.Classifier, manifest.Segmenter} {
		b.Networks = append(b.Networks, buildNetwork{Name: n.Name, Version: n.Version, Status: n.Status, SHA256: n.SHA256})
	}
	return b
}

func (b build) print(w io.Writer) {
	fmt.Fprintf(w, "jcsnode       %s, commit %s\n", b.Version, b.Commit)
	fmt.Fprintf(w, "Go            %s, %s\n", b.Go, b.Platform)
	if b.ONNXRuntime != "" {
		fmt.Fprintf(w, "ONNX Runtime  %s\n", b.ONNXRuntime)
	}
	for _, n := range b.Networks {
		fmt.Fprintf(w, "network       %s %s, %s, sha256 %s\n", n.Name, n.Version, n.Status, n.SHA256)
	}
	for _, p := range b.Problems {
		fmt.Fprintf(w, "not found     %s\n", strings.TrimSpace(p))
	}
}
