package models

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// openTest opens two networks of testdata on the CPU.
func openTest(t testing.TB, classifier, segmenter string, opt Options) *Runtime {
	t.Helper()
	needLibrary(t)
	opt.Device = DeviceCPU
	log, _ := logTo()
	r, err := Open(networks(t, classifier, segmenter), opt, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func picture(rows, columns int, hu float32) []float32 {
	p := make([]float32, rows*columns)
	for i := range p {
		p[i] = hu
	}
	return p
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// The distance is asked for where the manifest has its limit, and a file that lacks it then breaks the contract.
func TestClassify_Distance(t *testing.T) {
	needLibrary(t)
	for _, c := range []struct {
		file   string
		limit  bool
		want   float32
		refuse bool
	}{
		{"distance.onnx", true, 0.2, false},
		{"distance.onnx", false, 0, false},
		{"classifier.onnx", false, 0, false},
		{"classifier.onnx", true, 0, true},
	} {
		dir := networks(t, c.file, "segmenter.onnx")
		if c.limit {
			manifest := filepath.Join(dir, ManifestName)
			text, err := os.ReadFile(manifest)
			if err != nil {
				t.Fatal(err)
			}
			text = bytes.Replace(text, []byte("size = 4"), []byte("size = 4\ndistance = {limit = 2.5}"), 1) // the classifier stands first
			if err := os.WriteFile(manifest, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		log, _ := logTo()
		r, err := Open(dir, Options{Device: DeviceCPU}, log)
		if c.refuse {
			if err == nil || !strings.Contains(err.Error(), "distance") {
				t.Errorf("%s without the output: error %v", c.file, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		said, err := r.Classify(t.Context(), picture(64, 48, -200), 64, 48)
		if err != nil || math.Abs(float64(said.Distance-c.want)) > 1e-5 || said.Probability == 0 {
			t.Errorf("%s, limit %v: %+v, %v; want distance %v", c.file, c.limit, said, err, c.want)
		}
		if d := r.Manifest().Classifier.Distance; c.limit && (d == nil || d.Limit != 2.5) {
			t.Errorf("%s: distance %+v", c.file, d)
		}
	}
}

func TestClassifyAndSegment(t *testing.T) {
	r := openTest(t, "classifier.onnx", "segmenter.onnx", Options{})
	for _, c := range []struct{ rows, columns int }{{512, 512}, {64, 48}, {1, 7}} {
		hu := picture(c.rows, c.columns, 200)
		hu[len(hu)-1] = -100
		mean := (200*float64(len(hu)-1) - 100) / float64(len(hu))
		said, err := r.Classify(t.Context(), hu, c.rows, c.columns)
		if err != nil {
			t.Fatal(err)
		}
		if want := sigmoid(mean / 1000); math.Abs(float64(said.Probability)-want) > 1e-4 {
			t.Errorf("%v: probability %v, want %v", c, said.Probability, want)
		}
		if said.Rows != 4 || said.Columns != 4 || len(said.Activation) != 16 || said.Activation[0] != 200 {
			t.Errorf("%v: activation %d x %d: %v", c, said.Rows, said.Columns, said.Activation)
		}
		mask, err := r.Segment(t.Context(), hu, c.rows, c.columns)
		if err != nil {
			t.Fatal(err)
		}
		if len(mask) != len(hu) {
			t.Fatalf("%v: mask of %d values", c, len(mask))
		}
		for i, v := range mask {
			if want := sigmoid(float64(hu[i]) / 100); math.Abs(float64(v)-want) > 1e-5 {
				t.Fatalf("%v: mask %v at %d, want %v", c, v, i, want)
			}
		}
	}
	if r.Device() != "cpu, fast kernels" || r.Engine() != DeviceCPU || r.Manifest().Segmenter.File != "segmenter.onnx" {
		t.Errorf("device %q, manifest %v", r.Device(), r.Manifest())
	}
}

func TestClassifyAndSegment_RefuseWrongSize(t *testing.T) {
	r := openTest(t, "classifier.onnx", "segmenter.onnx", Options{})
	for _, c := range []struct{ values, rows, columns int }{{12, 3, 5}, {0, 0, 0}, {6, -2, -3}, {0, 0, 5}} {
		hu := make([]float32, c.values)
		if _, err := r.Classify(t.Context(), hu, c.rows, c.columns); err == nil {
			t.Errorf("classify %v: no error", c)
		}
		if _, err := r.Segment(t.Context(), hu, c.rows, c.columns); err == nil {
			t.Errorf("segment %v: no error", c)
		}
	}
}

func TestOpen_BrokenContract(t *testing.T) {
	needLibrary(t)
	for _, c := range []struct {
		classifier, segmenter string
		want                  []string
	}{
		{"classifier.onnx", "output_name.onnx", []string{"segmenter", "output_name.onnx", "mask_probability", "output mask "}},
		{"classifier.onnx", "output_half.onnx", []string{"segmenter", "output_half.onnx", "FLOAT16"}},
		{"classifier.onnx", "output_shape.onnx", []string{"segmenter", "output_shape.onnx", "[1 256 512], want [1 512 512]"}},
		{"classifier.onnx", "input_rank.onnx", []string{"segmenter", "input_rank.onnx", "Invalid rank"}},
		{"negative.onnx", "segmenter.onnx", []string{"classifier", "negative.onnx", "activation has -"}},
		{"segmenter.onnx", "segmenter.onnx", []string{"classifier", "segmenter.onnx", "probability"}},
		{"make.py", "segmenter.onnx", []string{"classifier", "make.py", "load"}},
	} {
		t.Run(c.classifier+" "+c.segmenter, func(t *testing.T) {
			log, _ := logTo()
			_, err := Open(networks(t, c.classifier, c.segmenter), Options{Device: DeviceCPU}, log)
			var e *NetworkError
			if !errors.As(err, &e) {
				t.Fatalf("error %v is no NetworkError", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

func TestOpen_AlteredNetwork(t *testing.T) {
	needLibrary(t)
	dir := networks(t, "classifier.onnx", "segmenter.onnx")
	data, err := os.ReadFile("testdata/nan.onnx")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "segmenter.onnx"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	log, text := logTo()
	_, err = Open(dir, Options{Device: DeviceCPU}, log)
	var refused *NetworkError
	if !errors.As(err, &refused) || refused.Network != "segmenter" || !strings.Contains(err.Error(), "models.altered") {
		t.Errorf("an altered network: error %v", err)
	}
	r, err := Open(dir, Options{Device: DeviceCPU, Altered: true}, log)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, want := range []string{
		"status=altered", "segmenter.onnx is not the file", "operators is untrained", "device=\"cpu, fast kernels\"",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("log does not say %q:\n%s", want, text)
		}
	}
}

func TestRun_RefusesNaN(t *testing.T) {
	r := openTest(t, "nan_classifier.onnx", "nan.onnx", Options{})
	for _, hu := range []float32{500, 2500} {
		p := picture(8, 8, hu)
		_, classifyErr := r.Classify(t.Context(), p, 8, 8)
		_, segmentErr := r.Segment(t.Context(), p, 8, 8)
		for _, err := range []error{classifyErr, segmentErr} {
			var e *NetworkError
			if hu < 2000 && err != nil || hu > 2000 && !(errors.As(err, &e) && strings.Contains(err.Error(), "NaN")) {
				t.Errorf("%v HU: error %v", hu, err)
			}
		}
	}
}

func TestRun_Concurrent(t *testing.T) {
	r := openTest(t, "classifier.onnx", "segmenter.onnx", Options{Threads: 2})
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 20 {
				value := float32(worker*50 + i - 200)
				hu := picture(32, 32+worker, value)
				said, err := r.Classify(t.Context(), hu, 32, 32+worker)
				if want := sigmoid(float64(value) / 1000); err != nil || math.Abs(float64(said.Probability)-want) > 1e-4 {
					t.Errorf("worker %d, run %d: probability %v (%v), want %v", worker, i, said.Probability, err, want)
				}
				mask, err := r.Segment(t.Context(), hu, 32, 32+worker)
				if want := sigmoid(float64(value) / 100); err != nil || math.Abs(float64(mask[len(mask)-1])-want) > 1e-4 {
					t.Errorf("worker %d, run %d: mask %v (%v), want %v", worker, i, mask, err, want)
					return
				}
			}
		})
	}
	group.Wait()
}

func TestRun_EndsWithContext(t *testing.T) {
	r := openTest(t, "classifier.onnx", "slow.onnx", Options{Threads: 1})
	const side = 2048
	hu := picture(side, side, 10)
	cause := errors.New("study was deleted")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := r.Segment(ctx, hu, side, side); !errors.Is(err, cause) {
		t.Errorf("ended context: error %v", err)
	}
	// Ends at the next node of the graph; all 700 nodes would take seconds.
	ctx, cancel = context.WithCancelCause(t.Context())
	timer := time.AfterFunc(50*time.Millisecond, func() { cancel(cause) })
	defer timer.Stop()
	if _, err := r.Segment(ctx, hu, side, side); !errors.Is(err, cause) {
		t.Errorf("context that ends meanwhile: error %v", err)
	}
	// The session is as good as before, and a deadline is the context's own error.
	if _, err := r.Segment(t.Context(), picture(8, 8, 10), 8, 8); err != nil {
		t.Error(err)
	}
	late, done := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer done()
	if _, err := r.Segment(late, hu, side, side); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("deadline: error %v", err)
	}
}

func TestRun_WaitsForTurn(t *testing.T) {
	r := openTest(t, "classifier.onnx", "segmenter.onnx", Options{Threads: 2, Workers: 1})
	end, err := r.begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := r.Segment(ctx, picture(8, 8, 0), 8, 8); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("second of one worker: error %v", err)
	}
	end()
	if _, err := r.Segment(t.Context(), picture(8, 8, 0), 8, 8); err != nil {
		t.Errorf("after the first ended: %v", err)
	}
}

func TestClose_WaitsForRuns(t *testing.T) {
	r := openTest(t, "classifier.onnx", "slow.onnx", Options{Threads: 1})
	running := make(chan error)
	started := make(chan struct{})
	go func() {
		close(started)
		_, err := r.Segment(context.Background(), picture(256, 256, 10), 256, 256)
		running <- err
	}()
	<-started
	closed := make(chan error)
	go func() { closed <- r.Close() }()
	if err := <-running; err != nil && !errors.Is(err, ErrClosed) {
		t.Errorf("run beside Close: %v", err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if _, err := r.Classify(t.Context(), picture(8, 8, 0), 8, 8); !errors.Is(err, ErrClosed) {
		t.Errorf("classify after Close: %v", err)
	}
	if _, err := r.Segment(t.Context(), picture(8, 8, 0), 8, 8); !errors.Is(err, ErrClosed) {
		t.Errorf("segment after Close: %v", err)
	}
}

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		opt           Options
		cores         int
		device        string
		workers, pool int
	}{
		{Options{}, 2, DeviceCPU, 2, 1},
		{Options{}, 1, DeviceCPU, 1, 1},
		{Options{}, 64, DeviceCPU, 4, 61},
		{Options{Threads: 3}, 64, DeviceCPU, 3, 1},
		{Options{Threads: 8, Workers: 1}, 2, DeviceCPU, 1, 8},
		{Options{Threads: 1, Workers: 5}, 2, DeviceCPU, 5, 1},
		{Options{}, 16, DeviceCUDA, 2, 15},
	} {
		workers, pool := plan(c.opt, c.cores, c.device)
		if workers != c.workers || pool != c.pool {
			t.Errorf("%+v, %d cores, device %s: %d workers, pool of %d; want %d, %d",
				c.opt, c.cores, c.device, workers, pool, c.workers, c.pool)
		}
	}
}

func ExampleOpen() {
	log, _ := logTo()
	r, err := Open("models", Options{Device: DeviceAuto}, log)
	if err != nil {
		fmt.Println("networks:", err)
		return
	}
	defer r.Close()
	slice := make([]float32, 512*512) // Hounsfield units
	said, err := r.Classify(context.Background(), slice, 512, 512)
	if err != nil {
		fmt.Println("classify:", err)
		return
	}
	fmt.Println("positive:", float64(said.Probability) >= r.Manifest().Classifier.OperatingPoint)
}
