// Command nets times both networks of models/manifest.toml against plain VGG-16 convolutions in fp32, all fed 512x512, and prints
// milliseconds per slice and the ratio to that reference: with ONNX Runtime's fast, exact and float32 kernels and by OpenVINO if its build
// is there, on one and on two threads. So it says what each option costs on this machine.
//
// What one library of ONNX Runtime can run takes turns in one process, the reference too, so that other work on the machine touches all of
// them; medians are given. The ratio of CPU time holds on a busy machine too. OpenVINO's build gets a process and a reference of its own.
//
//	go run ./bench/nets [-rounds 7] [-threads 1,2] [-workers 0] [-device cpu,openvino]
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
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
	var o options
	var threads, devices string
	flag.StringVar(&o.dir, "models", "models", "folder with manifest.toml")
	flag.IntVar(&o.rounds, "rounds", 7, "rounds")
	flag.IntVar(&o.Workers, "workers", 0, "calls at once; 0: as many as the node makes")
	flag.StringVar(&o.Library, "library", "", "ONNX Runtime's shared library; empty: the usual places")
	flag.StringVar(&devices, "device", "cpu,openvino",
		"cpu, openvino, cuda or auto, or several with commas; openvino is left out where it is not")
	flag.StringVar(&threads, "threads", "1,2", "threads in all; several with commas")
	flag.Parse()
	if err := run(o, strings.Split(devices, ","), threads); err != nil {
		fmt.Fprintln(os.Stderr, "nets:", err)
		os.Exit(1)
	}
}

type options struct {
	models.Options
	dir    string
	rounds int
}

// run times one device here, and each of several in a process of its own.
func run(o options, devices []string, threads string) error {
	if len(devices) == 1 {
		counts, err := numbers(threads)
		if err != nil {
			return err
		}
		o.Device = devices[0]
		return runDevice(o, counts)
	}
	for _, device := range devices {
		if device == models.DeviceOpenVINO && !haveOpenVINO(o.Library) {
			fmt.Println("OpenVINO: not fetched (make openvino), not measured")
			continue
		}
		cmd := exec.Command("/proc/self/exe", "-models", o.dir, "-rounds", strconv.Itoa(o.rounds), "-workers", strconv.Itoa(o.Workers),
			"-library", o.Library, "-device", device, "-threads", threads)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s: %w", device, err)
		}
	}
	return nil
}

func numbers(list string) ([]int, error) {
	var all []int
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("-threads: %q is no number of threads", text)
		}
		all = append(all, n)
	}
	return all, nil
}

// haveOpenVINO tells whether its provider lies beside the library that would be taken.
func haveOpenVINO(named string) bool {
	library, err := models.Find(named, models.DeviceOpenVINO)
	if err != nil {
		return false
	}
	_, err = os.Stat(filepath.Join(filepath.Dir(library), "libonnxruntime_providers_openvino.so"))
	return err == nil
}

// contender is one thing to time.
type contender struct {
	name    string
	workers int
	call    func(ctx context.Context) error
	wall    []time.Duration // per slice, one per round
	cpu     []time.Duration
}

// group is what is compared with one reference, its first contender: on the same threads.
type group struct {
	threads    int
	contenders []*contender
}

// runDevice times the networks on one device, with each number of threads.
func runDevice(o options, threads []int) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	hu := picture()
	var groups []group
	var flop float64
	device := o.Device
	for _, n := range threads {
		opt := o.Options
		opt.Threads = n
		g := group{threads: n, contenders: make([]*contender, 1)}
		kernels := []models.Kernels{models.KernelsFast, models.KernelsExact, models.KernelsFloat32}
		if o.Device != models.DeviceCPU {
			kernels = []models.Kernels{models.KernelsChecked}
		}
		for _, k := range kernels {
			opt.Kernels = k
			nets, err := models.Open(o.dir, opt, log)
			if err != nil {
				return err
			}
			defer nets.Close()
			if k == models.KernelsChecked {
				device = nets.Device()
			}
			m := nets.Manifest()
			with := ""
			if k != models.KernelsChecked {
				with = fmt.Sprintf(", %s kernels", k)
			}
			g.contenders = append(g.contenders,
				&contender{name: describe("classifier", m.Classifier) + with,
					workers: nets.Workers(), call: func(ctx context.Context) error {
						_, err := nets.Classify(ctx, hu, side, side)
						return err
					}},
				&contender{name: describe("segmenter", m.Segmenter) + with, workers: nets.Workers(), call: func(ctx context.Context) error {
					_, err := nets.Segment(ctx, hu, side, side)
					return err
				}})
		}
		workers := g.contenders[1].workers
		reference, err := vgg.Open(side, max(1, n-workers+1), strings.HasPrefix(device, "cuda"))
		if err != nil {
			return err
		}
		defer reference.Close()
		flop = reference.FLOP
		g.contenders[0] = &contender{
			name:    "VGG-16 convolutions, fp32 (reference)",
			workers: workers,
			call:    func(context.Context) error { return reference.Run() },
		}
		groups = append(groups, g)
	}
	for round := range o.rounds + 1 {
		for _, g := range groups {
			for _, c := range g.contenders {
				wall, cpu, err := measure(context.Background(), c.call, c.workers)
				if err != nil {
					return fmt.Errorf("%s: %w", c.name, err)
				}
				if round > 0 { // the first one warms
					c.wall, c.cpu = append(c.wall, wall), append(c.cpu, cpu)
				}
			}
		}
	}
	for _, g := range groups {
		fmt.Printf("ONNX Runtime %s on %s, %d threads, %d calls at once, %dx%d, medians of %d rounds\n",
			ort.GetVersion(), device, g.threads, g.contenders[0].workers, side, side, o.rounds)
		if err := table(g.contenders, flop); err != nil {
			return err
		}
	}
	return nil
}

// picture is noise: what it shows does not change the time.
func picture() []float32 {
	hu := make([]float32, side*side)
	r := rand.New(rand.NewPCG(3, 4))
	for i := range hu {
		hu[i] = float32(r.IntN(1500) - 1100)
	}
	return hu
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
