// Command case measures the whole case: a study of which every slice is positive goes by C-STORE into a node as it is shipped, and the
// time counts from the moment at which the study is settled until the destination has the last object. In the same run the convolutions of
// VGG-16 in fp32 run over as many slices of 512 x 512 (or over some, which is scaled), and the case is given as a part of that.
//
//	go run ./bench/case [-slices 300] [-threads 2] [-rounds 1] [-spacing 0.5] [-study DIR]
//		[-node new=bin/jcsnode -node old=/tmp/old/jcsnode]
//
// Several nodes take turns, so that other work on the machine touches all of them. A node is one or two processors: -threads bounds all
// that it does, by GOMAXPROCS. On a busy machine the ratio of CPU time holds, that of wall time does not.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"jcsnode/bench/vgg"
	"jcsnode/models"
	"jcsnode/phantom"
)

// side is that of the slices.
const side = 512

type options struct {
	slices, threads, rounds, passes int
	spacing                         float64 // mm
	study                           string  // folder of a study in the place of the phantom
	models, device                  string
	dir                             string
	nodes                           []contender
}

// contender is one build of the node and what was measured of it.
type contender struct {
	name, program string
	cases         []measured
}

func main() {
	o := options{}
	flag.IntVar(&o.slices, "slices", 300, "slices of the phantom")
	flag.Float64Var(&o.spacing, "spacing", 0, "mm between slices; 0: so that all of them lie within the 150 mm that have lesions")
	flag.StringVar(&o.study, "study", "", "`folder` of a study to use instead of the phantom")
	flag.IntVar(&o.threads, "threads", runtime.GOMAXPROCS(0), "processors that node and reference may use")
	flag.IntVar(&o.rounds, "rounds", 1, "interleaved rounds; the medians count")
	flag.IntVar(&o.passes, "passes", 10, "reference passes in a round, each scaled to the number of slices")
	flag.StringVar(&o.models, "models", "models", "`folder` with manifest.toml")
	flag.StringVar(&o.device, "device", "auto", "models.device of the nodes")
	flag.StringVar(&o.dir, "dir", "", "`folder` for all data, on the disk that is to be measured (default: a temporary one)")
	flag.Func("node", "`name=program`, built from any commit; several take turns (default: build this one)", func(text string) error {
		name, program, ok := strings.Cut(text, "=")
		if !ok {
			return errors.New("want name=program")
		}
		o.nodes = append(o.nodes, contender{name: name, program: program})
		return nil
	})
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "case:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp(o.dir, "jcsnode-case-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if len(o.nodes) == 0 {
		program := filepath.Join(dir, "jcsnode")
		build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-trimpath", "-o", program, "./cmd/jcsnode")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build the node: %w: %s", err, out)
		}
		o.nodes = []contender{{name: "this", program: program}}
	}
	for i := range o.nodes {
		if o.nodes[i].program, err = filepath.Abs(o.nodes[i].program); err != nil {
			return err
		}
	}
	if o.models, err = filepath.Abs(o.models); err != nil {
		return err
	}
	if o.study == "" {
		o.study = filepath.Join(dir, "study")
		if o.spacing == 0 {
			o.spacing = min(5, 150/float64(o.slices))
		}
		if err := phantom.Write(ctx, o.study, phantom.Options{Slices: o.slices, Spacing: o.spacing, Lesions: true, Seed: 1}); err != nil {
			return err
		}
	}
	reference, end, err := openReference(o)
	if err != nil {
		return err
	}
	defer end()
	for round := range o.rounds {
		for i := range o.nodes {
			c := &o.nodes[i]
			m, err := measureCase(ctx, c.program, o, filepath.Join(dir, fmt.Sprintf("%d-%d", round, i)))
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			c.cases = append(c.cases, m)
			if err := reference.measure(ctx, o.passes); err != nil {
				return err
			}
		}
	}
	return table(os.Stdout, o, reference)
}

// passes are timed runs of the reference.
type passes struct {
	network *vgg.Network
	wall    []time.Duration
	cpu     []time.Duration
}

// openReference loads the reference; ONNX Runtime comes with the node's networks.
func openReference(o options) (*passes, func(), error) {
	nets, err := models.Open(o.models, models.Options{Device: models.DeviceCPU, Threads: 1}, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, nil, err
	}
	network, err := vgg.Open(side, o.threads, false)
	if err == nil {
		err = network.Run() // the first one warms
	}
	end := func() {
		if network != nil {
			network.Close()
		}
		nets.Close()
	}
	if err != nil {
		end()
		return nil, nil, err
	}
	return &passes{network: network}, end, nil
}

func (p *passes) measure(ctx context.Context, n int) error {
	for range n {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		before, err := cpuTime(os.Getpid())
		if err != nil {
			return err
		}
		began := time.Now()
		if err := p.network.Run(); err != nil {
			return err
		}
		p.wall = append(p.wall, time.Since(began))
		after, err := cpuTime(os.Getpid())
		if err != nil {
			return err
		}
		p.cpu = append(p.cpu, after-before)
	}
	return nil
}
