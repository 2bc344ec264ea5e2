package models

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	ort "github.com/yalue/onnxruntime_go"
)

// ErrClosed is what a Runtime answers after Close.
var ErrClosed = errors.New("models: runtime is closed")

// Options say how networks are run. The zero value is good: device auto, all cores.
type Options struct {
	Library string // ONNX Runtime's shared library; "": look in the usual places (Find)
	Device  string // DeviceAuto, DeviceCUDA or DeviceCPU; "" is DeviceAuto
	Threads int    // CPU threads that inference may use in all; 0: all cores
	Workers int    // runs at the same time; 0: as many as Threads, at most 4, and 2 on a GPU
}

// maxWorkers bounds the runs at once: each run of the segmenter at 512x512 holds some hundred MB.
const maxWorkers = 4

// plan decides how many runs there are at once and how many threads the pool of a session has. A run counts its caller's
// thread into the pool, so workers calls at once use workers + pool - 1 threads. One thread per call gives the most
// slices per second; the pool takes the threads that are over.
func plan(opt Options, cores int, cuda bool) (workers, pool int) {
	threads := opt.Threads
	if threads <= 0 {
		threads = cores
	}
	workers = opt.Workers
	if workers <= 0 {
		workers = min(threads, maxWorkers)
		if cuda {
			workers = 2 // one on the GPU while the other's data are prepared
		}
	}
	return workers, max(1, threads-workers+1)
}

// Runtime holds both networks, loaded and warm. Its methods may be called by several goroutines at once.
type Runtime struct {
	manifest Manifest
	device   string
	slots    chan struct{} // one for each run at the same time: their number bounds memory and threads

	mu         sync.RWMutex // runs hold it for reading, Close for writing
	closed     bool
	classifier *session
	segmenter  *session
}

// Open reads the manifest of dir, loads ONNX Runtime and both networks, and runs each once. It logs what it chose and
// every reason to distrust a network. Errors: those of ReadManifest, *LibraryError, *DeviceError (device "cuda" only),
// *NetworkError.
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
	load := func(library string, cuda bool) error {
		if err := load(library); err != nil {
			return err
		}
		return r.openNetworks(dir, opt, cuda)
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
func (r *Runtime) choose(opt Options, p probe, start func(library string, cuda bool) error, log *slog.Logger) (string, error) {
	switch opt.Device {
	case DeviceCPU:
		library, err := Find(opt.Library, false)
		if err != nil {
			return "", err
		}
		r.device = "cpu"
		return library, start(library, false)
	case DeviceCUDA:
		library, err := Find(opt.Library, true)
		if err != nil {
			return "", err
		}
		gpu, driver := p.driver()
		if err := joinProblems(driver, p.provider(library)); err != nil {
			return "", err
		}
		r.device = "cuda:0 " + gpu
		return library, start(library, true)
	case DeviceAuto, "":
		gpu, driver := p.driver()
		library, err := Find(opt.Library, driver == nil)
		if err != nil {
			return "", err
		}
		if driver != nil {
			r.device = "cpu (auto: " + driver.Text + ")"
			return library, start(library, false)
		}
		problem := joinProblems(p.provider(library))
		if problem == nil {
			r.device = "cuda:0 " + gpu + " (auto: it can be used)"
			var unusable *DeviceError
			if err := start(library, true); err == nil || !errors.As(err, &unusable) {
				return library, err
			}
			problem = unusable
		}
		log.Warn("there is a GPU, and it is not used", "gpu", gpu, "reason", problem)
		r.device = fmt.Sprintf("cpu (auto: GPU %s not used: %v)", gpu, problem)
		return library, start(library, false)
	default:
		return "", fmt.Errorf("models.device: %q is none of %s, %s, %s", opt.Device, DeviceAuto, DeviceCUDA, DeviceCPU)
	}
}

// openNetworks loads and warms both networks.
func (r *Runtime) openNetworks(dir string, opt Options, cuda bool) error {
	// GOMAXPROCS knows the CPU limit of a container, NumCPU does not.
	workers, pool := plan(opt, runtime.GOMAXPROCS(0), cuda)
	classifier, err := openSession("classifier", filepath.Join(dir, r.manifest.Classifier.File), []string{outputProb, outputActivation}, pool, cuda)
	if err != nil {
		return err
	}
	segmenter, err := openSession("segmenter", filepath.Join(dir, r.manifest.Segmenter.File), []string{outputMask}, pool, cuda)
	if err != nil {
		classifier.ort.Destroy()
		return err
	}
	if err := warm(classifier, segmenter); err != nil {
		classifier.ort.Destroy()
		segmenter.ort.Destroy()
		if cuda {
			if e := cudaFailure("first run", err); e.Kind != DeviceFailed {
				return e
			}
		}
		return err
	}
	r.classifier, r.segmenter, r.slots = classifier, segmenter, make(chan struct{}, workers)
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
	return errors.Join(r.classifier.ort.Destroy(), r.segmenter.ort.Destroy())
}
