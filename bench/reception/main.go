// Command reception measures how fast instances are received: jcsnode, DCMTK storescp and Orthanc, each from the same
// unmodified storescu, interleaved in one run. Machines are noisy: read the ratios, not the rates.
//
// jcsnode answers success after data and name are synced to disk. storescp as shipped does not sync; Orthanc syncs the
// file (SyncStorageArea, its default).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

func main() {
	var o options
	flag.StringVar(&o.jcsnode, "jcsnode", "bin/jcsnode", "the program")
	flag.IntVar(&o.slices, "slices", 300, "instances of each sender")
	flag.IntVar(&o.senders, "senders", 1, "senders at a time, one association each")
	flag.IntVar(&o.rounds, "rounds", 3, "interleaved rounds; the median counts")
	flag.StringVar(&o.dir, "dir", "", "folder for all data, on the disk that is to be measured (default: a temporary one)")
	flag.Parse()
	if err := run(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, "reception:", err)
		os.Exit(1)
	}
}

type options struct {
	jcsnode                 string
	slices, senders, rounds int
	dir                     string
}

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp(o.dir, "jcsnode-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if o.jcsnode, err = filepath.Abs(o.jcsnode); err != nil {
		return err
	}
	var studies []string
	for i := range o.senders {
		study := filepath.Join(dir, fmt.Sprintf("study-%d", i))
		cmd := exec.CommandContext(ctx, o.jcsnode, "phantom", "--out", study, "--slices", fmt.Sprint(o.slices), "--seed", fmt.Sprint(i+1))
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("make a phantom study: %w: %s", err, out)
		}
		studies = append(studies, study)
	}
	kinds := receivers(o.jcsnode)
	rates := make([][]float64, len(kinds))
	for round := range o.rounds {
		for k, kind := range kinds {
			rate, err := measure(ctx, kind, filepath.Join(dir, fmt.Sprintf("run-%d-%d", round, k)), studies, o.slices)
			if err != nil {
				return fmt.Errorf("%s: %w", kind.name, err)
			}
			rates[k] = append(rates[k], rate)
			fmt.Fprintf(os.Stderr, "round %d of %d: %s %.1f instances/s\n", round+1, o.rounds, kind.name, rate)
		}
	}
	fmt.Printf("\nreception, %d sender(s) x %d instances of 526 kB, storescu unmodified, median of %d interleaved rounds\n", o.senders, o.slices, o.rounds)
	fmt.Printf("%-28s %14s %10s   %s\n", "receiver", "instances/s", "ratio", "durable before the answer")
	base := median(rates[1])
	for k, kind := range kinds {
		fmt.Printf("%-28s %14.1f %10.2f   %s\n", kind.name, median(rates[k]), median(rates[k])/base, kind.durable)
	}
	return nil
}

// measure starts the receiver, sends every study at once and gives the instances per second over all senders.
func measure(ctx context.Context, kind receiver, dir string, studies []string, each int) (float64, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	port, stop, err := kind.start(ctx, dir)
	if err != nil {
		return 0, err
	}
	defer stop()
	began := time.Now()
	errs := make([]error, len(studies))
	var wg sync.WaitGroup
	for i, study := range studies {
		wg.Go(func() {
			out, err := exec.CommandContext(ctx, "storescu", "-aec", kind.title, "127.0.0.1", fmt.Sprint(port), "+sd", study).CombinedOutput()
			if err != nil {
				errs[i] = fmt.Errorf("storescu: %w: %s", err, out)
			}
		})
	}
	wg.Wait()
	return float64(each*len(studies)) / time.Since(began).Seconds(), errors.Join(errs...)
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}
