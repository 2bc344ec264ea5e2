// Command lungs compares lung volumes with the masks of radiologists, and with themselves when table, position, field of view, noise,
// matrix, slices or the density of the lungs are changed by a program. It writes docs/lungs.md.
//
//	go run ./bench/lungs [-data ../shared/data] [-out docs/lungs.md]
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

func main() {
	data := flag.String("data", "../shared/data", "folder of the shared data")
	out := flag.String("out", "docs/lungs.md", "file to write")
	flag.Parse()
	if err := run(*data, *out); err != nil {
		fmt.Fprintln(os.Stderr, "lungs:", err)
		os.Exit(1)
	}
}

func run(data, out string) error {
	scans, err := everyScan(data)
	if err != nil {
		return err
	}
	var all []result
	for _, s := range scans {
		fmt.Fprintln(os.Stderr, s.name)
		results, err := measure(s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		all = append(all, results...)
	}
	commit, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return fmt.Errorf("name the commit: %w", err)
	}
	return os.WriteFile(out, []byte(page(strings.TrimSpace(string(commit)), all)), 0o644)
}
