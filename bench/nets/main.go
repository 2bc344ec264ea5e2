// Command nets times both networks of models/manifest.toml against plain VGG-16 convolutions in fp32, all fed 512x512, in
// the same process with the same threads, and prints milliseconds per slice and the ratio to that reference.
//
// The three take turns, so that other work on the machine touches all of them; medians are given. The ratio of CPU time
// holds on a busy machine too.
//
//	go run ./bench/nets [-rounds 7] [-threads 2] [-workers 1] [-device cpu]
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"

	ort "github.com/yalue/onnxruntime_go"

	"jcsnode/bench/vgg"
	"jcsnode/models"
)

const side = 512

func main() {
	dir := flag.String("models", "models", "folder with manifest.toml")
	rounds := flag.Int("rounds", 7, "rounds")
	workers := flag.Int("workers", 1, "calls at once")
	opt := models.Options{}
	flag.StringVar(&opt.Library, "library", "", "ONNX Runtime's shared library; empty: the usual places")
	flag.StringVar(&opt.Device, "device", models.DeviceCPU, "cpu, openvino, cuda or auto")
	flag.IntVar(&opt.Threads, "threads", runtime.GOMAXPROCS(0), "threads in all")
	flag.Parse()
	opt.Workers = *workers
	if err := run(*dir, opt, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "nets:", err)
		os.Exit(1)
	}
}

// contender is one thing to time.
type contender struct {
	name string
	call func(ctx context.Context) error
	wall []time.Duration // per slice, one per round
	cpu  []time.Duration
}

func run(dir string, opt models.Options, rounds int) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	nets, err := models.Open(dir, opt, log)
	if err != nil {
		return err
	}
	defer nets.Close()
	pool := max(1, opt.Threads-opt.Workers+1)
	reference, err := vgg.Open(side, pool, strings.HasPrefix(nets.Device(), "cuda"))
	if err != nil {
		return err
	}
	defer reference.Close()

	hu := make([]float32, side*side)
	r := rand.New(rand.NewPCG(3, 4))
	for i := range hu {
		hu[i] = float32(r.IntN(1500) - 1100)
	}
	m := nets.Manifest()
	contenders := []*contender{
		{name: "VGG-16 convolutions, fp32 (reference)", call: func(context.Context) error { return reference.Run() }},
		{name: describe("classifier", m.Classifier), call: func(ctx context.Context) error {
			_, _, _, _, err := nets.Classify(ctx, hu, side, side)
			return err
		}},
		{name: describe("segmenter", m.Segmenter), call: func(ctx context.Context) error {
			_, err := nets.Segment(ctx, hu, side, side)
			return err
		}},
	}
	for round := range rounds + 1 {
		for _, c := range contenders {
			wall, cpu, err := measure(context.Background(), c.call, opt.Workers)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			if round > 0 { // the first one warms
				c.wall, c.cpu = append(c.wall, wall), append(c.cpu, cpu)
			}
		}
	}
	fmt.Printf("ONNX Runtime %s on %s, %d threads, %d calls at once, %dx%d, medians of %d rounds\n",
		ort.GetVersion(), nets.Device(), opt.Threads, opt.Workers, side, side, rounds)
	return table(contenders, reference.FLOP)
}

func describe(kind string, n models.Network) string {
	return fmt.Sprintf("%s: %s, %s, inside %dx%d (%s)", kind, n.Name, n.Precision, n.Size, n.Size, n.Status)
}

// measure gives wall and CPU time per slice: workers calls at once, again and again for 0.2 s at least.
func measure(ctx context.Context, call func(context.Context) error, workers int) (wall, cpu time.Duration, err error) {
	cpuBefore, err := cpuTime()
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	errs := make([]error, workers)
	counts := make([]int, workers)
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for errs[w] == nil && (counts[w] == 0 || time.Since(began) < 200*time.Millisecond) {
				errs[w] = call(ctx)
				counts[w]++
			}
		})
	}
	group.Wait()
	wall = time.Since(began)
	cpuAfter, err := cpuTime()
	if err != nil {
		return 0, 0, err
	}
	slicesDone := 0
	for w := range workers {
		if errs[w] != nil {
			return 0, 0, errs[w]
		}
		slicesDone += counts[w]
	}
	n := time.Duration(slicesDone)
	return wall / n, (cpuAfter - cpuBefore) / n, nil
}

func cpuTime() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("read CPU time: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

func median(d []time.Duration) float64 {
	s := slices.Sorted(slices.Values(d))
	return (s[(len(s)-1)/2] + s[len(s)/2]).Seconds() / 2 * 1000
}

func table(contenders []*contender, flop float64) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "network\tms/slice\tratio\tCPU ms/slice\tCPU ratio")
	wall, cpu := median(contenders[0].wall), median(contenders[0].cpu)
	for _, c := range contenders {
		fmt.Fprintf(w, "%s\t%.1f\t%.3f\t%.1f\t%.3f\n", c.name, median(c.wall), median(c.wall)/wall, median(c.cpu), median(c.cpu)/cpu)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	fmt.Printf("reference: %.1f GFLOP, %.0f GFLOP/s\n", flop/1e9, flop/1e6/wall)
	return nil
}
