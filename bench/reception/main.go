// Command reception measures how fast instances are received: by jcsnode, DCMTK storescp, storescp --fork and Orthanc, each with
// its defaults, from the same unmodified senders, interleaved in one run, beside a bare copy from TCP to synced files, which is
// the limit of the machine. Machines are noisy: read the ratios, not the rates, and compare within a run only.
//
// jcsnode and the limit answer after content and name of a file are on disk. Orthanc syncs the file (SyncStorageArea, its default);
// storescp syncs nothing: what it acknowledged is in the page cache.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"jcsnode/bench/peers"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	o := options{slices: []int{300, 2000}}
	quick := flag.Bool("quick", false, "40 slices and one round: to see that it works, not how fast")
	flag.StringVar(&o.jcsnode, "jcsnode", "bin/jcsnode", "the program")
	flag.Func("slices", "instances sent, 300,2000 if not given", func(text string) (err error) {
		o.slices, err = counts(text)
		return err
	})
	flag.IntVar(&o.rounds, "rounds", 5, "interleaved rounds; the median counts")
	flag.BoolVar(&o.whole, "whole", false, "send all slices to the slow peers too, not only 300: hours")
	flag.StringVar(&o.dir, "dir", "", "folder for all data, on the disk that is to be measured (default: a temporary one)")
	flag.Parse()
	if *quick {
		o.slices, o.rounds = []int{40}, 1
	}
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "reception:", err)
		os.Exit(1)
	}
}

// counts reads positive numbers between commas.
func counts(text string) ([]int, error) {
	var all []int
	for _, word := range strings.Split(text, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is no number of instances", word)
		}
		all = append(all, n)
	}
	return all, nil
}

type options struct {
	jcsnode string
	slices  []int
	rounds  int
	whole   bool
	dir     string
}

// mostToPeers is how many instances a peer gets that would need minutes for all: its rate does not depend on how many come.
const mostToPeers = 300

// scenario is one table.
type scenario struct {
	sender               sender
	associations, slices int
}

func (o options) scenarios() []scenario {
	var all []scenario
	for _, slices := range o.slices {
		for _, associations := range []int{1, 8} {
			for _, s := range []sender{storescu(), dcmsend(), nodelay(storescu())} {
				all = append(all, scenario{s, associations, slices})
			}
		}
	}
	return all
}

// sample is one measurement.
type sample struct {
	rate       float64 // instances per second
	idle, peak int64   // resident memory in bytes
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
	most := 0
	for _, n := range o.slices {
		most = max(most, n)
	}
	files, err := study(ctx, o.jcsnode, filepath.Join(dir, "study"), most)
	if err != nil {
		return err
	}
	receivers := []peers.StorageSCP{peers.Node(o.jcsnode), peers.Storescp(), peers.ForkedStorescp(), peers.Orthanc()}
	for _, r := range receivers {
		if err := r.Missing(); err != nil {
			return fmt.Errorf("%s cannot be started: %w (make peers)", r.Name, err)
		}
	}
	b := bench{options: o, dir: dir, files: files}
	head(o)
	for _, s := range o.scenarios() {
		rows, err := b.scenario(ctx, s, receivers)
		if err != nil {
			return err
		}
		printTable(s, rows)
	}
	return nil
}

// study makes a phantom study and lists its files.
func study(ctx context.Context, program, dir string, slices int) ([]string, error) {
	if out, err := exec.CommandContext(ctx, program, "phantom", "--out", dir, "--slices", fmt.Sprint(slices)).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("make a phantom study: %w: %s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.dcm"))
	if err == nil && len(files) != slices {
		err = fmt.Errorf("the phantom study has %d files, not %d", len(files), slices)
	}
	return files, err
}

type bench struct {
	options
	dir   string
	files []string
}

// row is a line of a table: a receiver or a limit, with one sample per round.
type row struct {
	name, syncs string
	instances   int
	process     bool // it has memory of its own
	measure     func() (sample, error)
	samples     []sample
}

// scenario measures the limits and every receiver in each round, beginning with another one each time.
func (b bench) scenario(ctx context.Context, s scenario, receivers []peers.StorageSCP) ([]row, error) {
	rows := []row{
		{name: limitName, syncs: "content and name", instances: s.slices, measure: func() (sample, error) { return b.limit(ctx, s) }},
		{name: senderName, syncs: "nothing", instances: s.slices, measure: func() (sample, error) { return b.senderLimit(ctx, s) }},
	}
	for _, r := range receivers {
		instances := s.slices
		if !b.whole && r.Title != receivers[0].Title {
			instances = min(instances, mostToPeers)
		}
		rows = append(rows, row{name: r.Name, syncs: r.Syncs, instances: instances, process: true,
			measure: func() (sample, error) { return b.receiver(ctx, s, r, instances) }})
	}
	for round := range b.rounds {
		for i := range rows {
			k := (i + round) % len(rows)
			got, err := rows[k].measure()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", rows[k].name, err)
			}
			rows[k].samples = append(rows[k].samples, got)
			fmt.Fprintf(os.Stderr, "%s x%d, %d slices, round %d of %d: %s %.1f instances/s\n",
				s.sender.name, s.associations, s.slices, round+1, b.rounds, rows[k].name, got.rate)
		}
	}
	return rows, nil
}

// share deals the first n files to the associations.
func (b bench) share(n, associations int) [][]string {
	parts := make([][]string, associations)
	for i, f := range b.files[:n] {
		parts[i%associations] = append(parts[i%associations], f)
	}
	return parts
}

// receiver starts a receiver in an empty folder, has the senders send, and ends it.
func (b bench) receiver(ctx context.Context, s scenario, r peers.StorageSCP, instances int) (got sample, err error) {
	dir, err := os.MkdirTemp(b.dir, "run-")
	if err != nil {
		return got, err
	}
	defer os.RemoveAll(dir)
	p, err := r.Start(ctx, dir)
	if err != nil {
		return got, err
	}
	defer p.Stop()
	got.idle = p.Memory()
	peak := p.Watch()
	began := time.Now()
	err = together(b.share(instances, s.associations), func(files []string) error { return s.sender.send(ctx, r.Title, p.Port, files) })
	got.rate = float64(instances) / time.Since(began).Seconds()
	got.peak = peak()
	return got, err
}

// together runs f for all parts at the same time.
func together(parts [][]string, f func([]string) error) error {
	done := make(chan error)
	for _, files := range parts {
		go func() { done <- f(files) }()
	}
	var errs []error
	for range parts {
		errs = append(errs, <-done)
	}
	return errors.Join(errs...)
}
