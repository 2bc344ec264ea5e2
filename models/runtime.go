package models

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	ort "github.com/yalue/onnxruntime_go"
)

// ErrClosed is what a Runtime answers after Close.
var ErrClosed = errors.New("models: runtime is closed")

// Options say how networks are run. The zero value is good: device auto, all cores.
type Options struct {
	Library string // ONNX Runtime's shared library; "": look in the usual places (Find)
	Device  string // DeviceAuto, DeviceCUDA, DeviceOpenVINO or DeviceCPU; "" is DeviceAuto
	Threads int    // CPU threads that inference may use in all; 0: all cores
	Workers int    // runs at the same time; 0: as many as Threads, at most 4, and 2 on a GPU
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
	r := &Runtime{manifest: manifest}
	load := func(library, device string) error {
		if err := load(library); err != nil {
			return err
		}
		return r.openNetworks(dir, opt, device)
	}
	library, err := r.choose(opt, p, load, log)
	if err != nil {
		return nil, err
	}
	log.Info("networks are ready", "device", r.device, "onnxruntime", ort.GetVersion(), "library", library,
		"workers", r.Workers(), "took", time.Since(began).Round(time.Millisecond))
	for _, n := range []Network{manifest.Classifier, manifest.Segmenter} {
		log.Info("network", "file", n.File, "name", n.Name, "version", n.Version, "status", n.Status, "sha256", n.SHA256)
		if w := n.Warning(); w != "" {
			log.Warn("network not to be trusted: " + w)
		}
	}
	return r, nil
}

// choose finds library and device and starts the networks there. It returns the library.
func (r *Runtime) choose(opt Options, p probe, start func(library, device string) error, log *slog.Logger) (string, error) {
	device := opt.Device
	if device == "" {
		device = DeviceAuto
	}
	if !slices.Contains([]string{DeviceAuto, DeviceCUDA, DeviceOpenVINO, DeviceCPU}, device) {
		return "", fmt.Errorf("models.device: %q is none of %s, %s, %s, %s", device, DeviceAuto, DeviceCUDA, DeviceOpenVINO, DeviceCPU)
	}
	var gpu string
	var noDriver *DeviceError
	search := device
	if device == DeviceAuto || device == DeviceCUDA {
		gpu, noDriver = p.driver()
		switch {
		case noDriver == nil:
			search = DeviceCUDA
		case device == DeviceAuto && !p.vnni:
			search = DeviceCPU // OpenVINO will not be used, and its build of ONNX Runtime is older and less exact there
		}
	}
	library, err := Find(opt.Library, search)
	if err != nil {
		return "", err
	}
	switch device {
	case DeviceAuto:
		return library, r.automatic(library, gpu, noDriver, p, start, log)
	case DeviceCUDA:
		if err := joinProblems(noDriver, p.cuda(library)); err != nil {
			return "", err
		}
		r.device = "cuda:0 " + gpu
		return library, start(library, DeviceCUDA)
	case DeviceOpenVINO:
		if problem := p.openVINO(library); problem != nil {
			return "", problem
		}
		r.device = DeviceOpenVINO
		return library, start(library, DeviceOpenVINO)
	default:
		r.device = DeviceCPU
		return library, start(library, DeviceCPU)
	}
}

// automatic starts the networks on the first device that works, and says why not on the ones before it.
func (r *Runtime) automatic(library, gpu string, noDriver *DeviceError, p probe, start func(library, device string) error, log *slog.Logger) error {
	var reason string // that there is no GPU to use
	if noDriver != nil {
		reason = noDriver.Text
	} else {
		problem := joinProblems(p.cuda(library))
		if problem == nil {
			r.device = "cuda:0 " + gpu + " (auto: it can be used)"
			var unusable *DeviceError
			if err := start(library, DeviceCUDA); err == nil || !errors.As(err, &unusable) {
				return err
			}
			problem = unusable
		}
		log.Warn("there is a GPU, and it is not used", "gpu", gpu, "reason", problem)
		reason = fmt.Sprintf("GPU %s not used: %v", gpu, problem)
	}
	if p.openVINO(library) == nil {
		r.device = "openvino (auto: " + reason + ")"
		var unusable *DeviceError
		if err := start(library, DeviceOpenVINO); err == nil || !errors.As(err, &unusable) {
			return err
		}
		log.Warn("OpenVINO is there, and it is not used", "reason", unusable)
		reason += fmt.Sprintf("; OpenVINO not used: %v", unusable)
	}
	r.device = "cpu (auto: " + reason + ")"
	return start(library, DeviceCPU)
}

// openNetworks loads and warms both networks.
func (r *Runtime) openNetworks(dir string, opt Options, device string) (err error) {
	// GOMAXPROCS knows the CPU limit of a container, NumCPU does not.
	workers, pool := plan(opt, runtime.GOMAXPROCS(0), device)
	cuda := device == DeviceCUDA
	var opened []*session
	defer func() {
		if err != nil {
			for _, s := range opened {
				err = errors.Join(err, s.close())
			}
		}
	}()
	for _, n := range []struct {
		network, file string
		outputs       []string
	}{
		{"classifier", r.manifest.Classifier.File, []string{outputProb, outputActivation}},
		{"segmenter", r.manifest.Segmenter.File, []string{outputMask}},
	} {
		s, err := openSession(n.network, filepath.Join(dir, n.file), n.outputs, pool, cuda)
		if err != nil {
			return err
		}
		opened = append(opened, s)
	}
	classifier, segmenter := opened[0], opened[1]
	if err := warm(classifier, segmenter); err != nil {
		if cuda {
			if e := cudaFailure("first run", err); e.Kind != DeviceFailed {
				return e
			}
		}
		return err
	}
	if device == DeviceOpenVINO {
		if err := addOpenVINO(classifier, segmenter, workers, workers+pool-1); err != nil {
			return err
		}
		debug.FreeOSMemory() // copies of the files
	}
	r.classifier, r.segmenter, r.engine, r.slots = classifier, segmenter, device, make(chan struct{}, workers)
	return nil
}

// warm runs both networks on a picture of air. A network that breaks the contract fails here.
func warm(classifier, segmenter *session) error {
	air := make([]float32, warmSide*warmSide)
	for i := range air {
		air[i] = -1000
	}
	ctx := context.Background()
	_, _, _, _, err := classifier.classify(ctx, air, warmSide, warmSide)
	if err == nil {
		_, err = segmenter.segment(ctx, air, warmSide, warmSide)
	}
	var broken *NetworkError
	if errors.As(err, &broken) {
		broken.Text = fmt.Sprintf("breaks the contract %q (%s): %s", contracts[broken.Network], describe(broken.File), broken.Text)
	}
	return err
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

// Classify gives, for one slice hu [rows*columns] in Hounsfield units, the probability of infection (0..1) and the
// activation map [aRows*aColumns], not negative. It ends early with the context's cause. hu must stay unchanged
// meanwhile.
func (r *Runtime) Classify(ctx context.Context, hu []float32, rows, columns int) (probability float32, activation []float32, aRows, aColumns int, err error) {
	end, err := r.begin(ctx)
	if err != nil {
		return 0, nil, 0, 0, err
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

// Device says what the networks run on and, where it was chosen, why: "cpu (auto: no NVIDIA driver ...)".
func (r *Runtime) Device() string { return r.device }

// Engine is what calculates: DeviceCUDA, DeviceOpenVINO or DeviceCPU. Each rounds in its own way, so results of two differ in
// their last digits.
func (r *Runtime) Engine() string { return r.engine }

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
