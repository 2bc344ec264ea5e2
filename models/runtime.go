package models

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	ort "github.com/yalue/onnxruntime_go"
	"golang.org/x/sys/cpu"
)

// ErrClosed is what a Runtime answers after Close.
var ErrClosed = errors.New("models: runtime is closed")

// Options say how networks are run. The zero value is good: device auto, all cores.
type Options struct {
	Library string // ONNX Runtime's shared library; "": look in the usual places (Find)
	Device  string // DeviceAuto, DeviceCUDA, DeviceOpenVINO or DeviceCPU; "" is DeviceAuto
	Threads int    // CPU threads that inference may use in all; 0: all cores
	Workers int    // runs at the same time; 0: as many as Threads, at most 4, and 2 on a GPU

	Kernels Kernels // KernelsChecked but for benchmarks
	// Altered lets networks in whose files are not those that the manifest describes. Their findings carry StatusAltered.
	Altered bool
}

// maxWorkers bounds the runs at once: each run of the segmenter at 512x512 holds some hundred MB.
const maxWorkers = 4

// plan decides how many runs there are at once and how many threads the pool of a session has. A run counts its caller's
// thread into the pool, so workers calls at once use workers + pool - 1 threads. One thread per call gives the most
// slices per second; the pool takes the threads that are over.
func plan(opt Options, cores int, device string) (workers, pool int) {
	threads := opt.Threads
	if threads <= 0 {
		threads = cores
	}
	workers = opt.Workers
	if workers <= 0 {
		workers = min(threads, maxWorkers)
		if device == DeviceCUDA {
			workers = 2 // one on the GPU while the other's data are prepared
		}
	}
	return workers, max(1, threads-workers+1)
}

// Runtime holds both networks, loaded and warm. Its methods may be called by several goroutines at once.
type Runtime struct {
	manifest Manifest
	device   string
	engine   string
	kernels  Kernels       // "" on a GPU
	slots    chan struct{} // one for each run at the same time: their number bounds memory and threads

	mu         sync.RWMutex // runs hold it for reading, Close for writing
	closed     bool
	classifier *session
	segmenter  *session
}

// Open reads the manifest of dir, loads ONNX Runtime and both networks, and runs each once. It logs what it chose and
// every reason to distrust a network. Errors: those of ReadManifest, *LibraryError, *DeviceError (not for
// DeviceAuto and DeviceCPU), *NetworkError.
func Open(dir string, opt Options, log *slog.Logger) (*Runtime, error) {
	manifest, err := ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	return open(dir, manifest, opt, newProbe(), log)
}

func open(dir string, manifest Manifest, opt Options, p probe, log *slog.Logger) (*Runtime, error) {
	began := time.Now()
	if err := manifest.refusal(dir); err != nil && !opt.Altered {
		return nil, err
	}
	r := &Runtime{manifest: manifest}
	load := func(library, device string) error {
		if err := load(library); err != nil {
			return err
		}
		return r.openNetworks(dir, opt, device, log)
	}
	watch := func(library string) stopwatch { return newStopwatch(dir, manifest, opt, library) }
	library, err := r.choose(opt, p, watch, load, log)
	if err != nil {
		return nil, err
	}
	log.Info("networks are ready", "device", r.Device(), "onnxruntime", ort.GetVersion(), "library", library,
		"workers", r.Workers(), "took", time.Since(began).Round(time.Millisecond))
	for _, n := range []Network{manifest.Classifier, manifest.Segmenter} {
		log.Info("network", "file", n.File, "name", n.Name, "version", n.Version, "status", n.Status, "sha256", n.SHA256)
		if w := n.Warning(); w != "" {
			log.Warn("network not to be trusted: " + w)
		}
	}
	return r, nil
}

// openNetworks loads both networks and has them calculate the test picture.
func (r *Runtime) openNetworks(dir string, opt Options, device string, log *slog.Logger) (err error) {
	// GOMAXPROCS knows the CPU limit of a container, NumCPU does not.
	workers, pool := plan(opt, runtime.GOMAXPROCS(0), device)
	opened := map[Kernels]pair{}
	said := map[Kernels]answers{}
	defer func() {
		for k, p := range opened {
			if err != nil || k != r.kernels {
				err = errors.Join(err, p.close())
			}
		}
	}()
	calculate := func(k Kernels) (answers, error) {
		if known, ok := said[k]; ok {
			return known, nil
		}
		p, err := openPair(dir, r.manifest, pool, k, device == DeviceCUDA)
		if err != nil {
			return answers{}, err
		}
		opened[k] = p
		got, err := p.answer(context.Background())
		var broken *NetworkError
		if errors.As(err, &broken) {
			broken.Text = fmt.Sprintf("breaks the contract %q (%s): %s", contracts[broken.Network], describe(broken.File), broken.Text)
		}
		if err == nil {
			said[k] = got
		}
		return got, err
	}
	want := r.manifest.reference()
	if device == DeviceCUDA {
		r.kernels = "" // ONNX Runtime's kernels for x86-64 are not asked
		err = onGPU(want, calculate)
	} else if r.kernels = opt.Kernels; r.kernels != KernelsChecked {
		_, err = calculate(r.kernels)
	} else {
		var reason string
		r.kernels, reason, err = chooseKernels(kernelsFor(ort.GetVersion(), cpu.X86.HasAMXInt8), want, calculate)
		if err == nil {
			level := slog.LevelInfo
			if r.kernels == KernelsFloat32 && device == DeviceCPU {
				level = slog.LevelWarn // every slice takes several times as long
			}
			log.Log(context.Background(), level, "kernels of int8 networks", "kernels", r.kernels, "reason", reason)
		}
	}
	if err != nil {
		return fmt.Errorf("networks in %s: %w", dir, err)
	}
	chosen := opened[r.kernels]
	if device == DeviceOpenVINO {
		if want == nil {
			own := said[r.kernels]
			want = &own
		}
		if err := addOpenVINO(chosen, *want, workers, workers+pool-1); err != nil {
			return err
		}
	}
	debug.FreeOSMemory() // copies of the files
	r.classifier, r.segmenter, r.engine, r.slots = chosen.classifier, chosen.segmenter, device, make(chan struct{}, workers)
	return nil
}

// openPair loads both networks of a folder.
func openPair(dir string, m Manifest, threads int, k Kernels, cuda bool) (pair, error) {
	outputs := []string{outputProb, outputActivation}
	if m.Classifier.Distance != nil {
		outputs = append(outputs, outputDistance)
	}
	classifier, err := openSession("classifier", filepath.Join(dir, m.Classifier.File), outputs, threads, k, cuda)
	if err != nil {
		return pair{}, err
	}
	segmenter, err := openSession("segmenter", filepath.Join(dir, m.Segmenter.File), []string{outputMask}, threads, k, cuda)
	if err != nil {
		return pair{}, errors.Join(err, classifier.close())
	}
	return pair{classifier, segmenter}, nil
}

// onGPU has a GPU calculate the test picture. Its error is a *DeviceError where the GPU is to blame.
func onGPU(want *answers, calculate func(Kernels) (answers, error)) error {
	got, err := calculate(KernelsChecked)
	if err != nil {
		if e := cudaFailure("first run", err); e.Kind != DeviceFailed {
			return e
		}
		return err
	}
	if want == nil {
		return nil
	}
	if wrong := want.apart(got); wrong != "" {
		return &DeviceError{
			Device: DeviceCUDA,
			Kind:   DeviceFailed,
			Text:   "on the test picture it gives a " + wrong,
			Remedy: "set models.device = \"cpu\" until this is solved",
		}
	}
	return nil
}

// begin waits for a slot and keeps the networks open until the function that it returns is called.
func (r *Runtime) begin(ctx context.Context) (end func(), err error) {
	select {
	case r.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	r.mu.RLock()
	end = func() {
		r.mu.RUnlock()
		<-r.slots
	}
	if r.closed {
		end()
		return nil, ErrClosed
	}
	return end, nil
}

// Classify says of one slice hu [rows*columns] in Hounsfield units what the classifier does. It ends early with the context's cause.
// hu must stay unchanged meanwhile.
func (r *Runtime) Classify(ctx context.Context, hu []float32, rows, columns int) (Classification, error) {
	end, err := r.begin(ctx)
	if err != nil {
		return Classification{}, err
	}
	defer end()
	return r.classifier.classify(ctx, hu, rows, columns)
}

// Segment gives, for one slice hu [rows*columns] in Hounsfield units, the probability of lesion of every pixel
// [rows*columns], 0..1. It ends early with the context's cause. hu must stay unchanged meanwhile.
func (r *Runtime) Segment(ctx context.Context, hu []float32, rows, columns int) ([]float32, error) {
	end, err := r.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	return r.segmenter.segment(ctx, hu, rows, columns)
}

// Device says what the networks run on and, where it was chosen, why, and with which kernels: "cpu
// (auto: no NVIDIA driver ...), fast kernels".
func (r *Runtime) Device() string {
	if r.kernels == "" {
		return r.device
	}
	return fmt.Sprintf("%s, %s kernels", r.device, r.kernels)
}

// Kernels says which of ONNX Runtime's kernels calculate: KernelsFast, KernelsExact, KernelsFloat32, or "" on a GPU. Beside OpenVINO they
// calculate what is not 512 x 512.
func (r *Runtime) Kernels() Kernels { return r.kernels }

// Engine is what calculates: DeviceCUDA, DeviceOpenVINO or DeviceCPU, with "+float32" behind it where KernelsFloat32 do. Each rounds in its
// own way, so results of two differ in their last digits. Fast and exact kernels are one engine: where the fast ones are right both give
// the same.
func (r *Runtime) Engine() string {
	if r.kernels == KernelsFloat32 {
		return r.engine + "+" + string(KernelsFloat32)
	}
	return r.engine
}

// Manifest gives the networks as they were when they were loaded.
func (r *Runtime) Manifest() Manifest { return r.manifest }

// Workers says how many goroutines should call Classify or Segment at once to use all threads of Options.Threads. More
// may call; they wait for their turn, whichever study they work for.
func (r *Runtime) Workers() int { return cap(r.slots) }

// Close waits for running calls and frees the networks. ONNX Runtime itself stays loaded (see the package comment).
func (r *Runtime) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	return errors.Join(r.classifier.close(), r.segmenter.close())
}
