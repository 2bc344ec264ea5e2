package models

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// withOpenVINO runs the calling test again in a process of its own, since the tests of this package have loaded another
// library; there, and only there, it returns true.
func withOpenVINO(t *testing.T) bool {
	t.Helper()
	const inside = "JCSNODE_TEST_OPENVINO"
	if os.Getenv(inside) != "" {
		return true
	}
	library, err := Find("", DeviceOpenVINO)
	if err == nil {
		if problem := newProbe().provider(DeviceOpenVINO, library); problem != nil {
			err = problem
		}
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("skipped, needs OpenVINO: ", err)
	}
	if !newProbe().vnni {
		t.Skip("skipped, needs a processor with VNNI")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
	if !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("did not run:\n%s", out)
	}
	return false
}

// TestOpenVINO_ProjectNetworks runs the networks of this folder through OpenVINO: the whole way of a node.
func TestOpenVINO_ProjectNetworks(t *testing.T) {
	if !withOpenVINO(t) {
		return
	}
	log, text := logTo()
	r, err := Open(".", Options{Device: DeviceOpenVINO, Threads: 2}, log)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("openvino, %s kernels", r.Kernels()); r.Device() != want || !strings.HasPrefix(r.Engine(), DeviceOpenVINO) ||
		!strings.Contains(text.String(), fmt.Sprintf("device=%q", want)) {
		t.Errorf("device %q, engine %s, log:\n%s", r.Device(), r.Engine(), text)
	}
	ctx := t.Context()
	hu, _ := chest()
	got, err := r.Classify(ctx, hu, warmSide, warmSide)
	if err != nil {
		t.Fatal(err)
	}
	mask, err := r.Segment(ctx, hu, warmSide, warmSide)
	if err != nil {
		t.Fatal(err)
	}

	// ONNX Runtime's own kernels, from the same library: those of them that are right, which on AMX are the float32 ones.
	plain, err := openSession("classifier", r.classifier.path, r.classifier.outputs, 1, r.Kernels(), false)
	if err != nil {
		t.Fatal(err)
	}
	want, err := plain.classify(ctx, hu, warmSide, warmSide)
	if err != nil {
		t.Fatal(err)
	}
	if got.Rows != want.Rows || got.Columns != want.Columns {
		t.Fatalf("activation %d x %d, want %d x %d", got.Rows, got.Columns, want.Rows, want.Columns)
	}
	var apart, size float64
	for i := range got.Activation {
		apart += math.Abs(float64(got.Activation[i] - want.Activation[i]))
		size += float64(want.Activation[i])
	}
	t.Logf("probability %.4f, ONNX Runtime %.4f; activation apart by %.4f of its size", got.Probability, want.Probability, apart/size)
	if math.Abs(float64(got.Probability-want.Probability)) > probabilityApart || apart > 0.1*size || size == 0 {
		t.Errorf("probability %v and %v, activation apart by %v of %v", got.Probability, want.Probability, apart, size)
	}
	if got.Probability == want.Probability {
		t.Error("the same to the last digit: did OpenVINO run?")
	}

	// Slices of other sizes go another way, and the contract holds.
	for _, side := range []int{256, 768} {
		other := picture(side, side, -850)
		if _, err := r.Classify(ctx, other, side, side); err != nil {
			t.Error(err)
		}
		if m, err := r.Segment(ctx, other, side, side); err != nil || len(m) != side*side {
			t.Errorf("%d: %d values, %v", side, len(m), err)
		}
	}

	// Several at once give what one gives.
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 3 {
				again, err := r.Segment(ctx, hu, warmSide, warmSide)
				if err != nil {
					t.Error(err)
					return
				}
				for i := range again {
					if again[i] != mask[i] {
						t.Errorf("%v at %d, was %v", again[i], i, mask[i])
						return
					}
				}
			}
		})
	}
	group.Wait()

	cause := errors.New("study was deleted")
	ended, cancel := context.WithCancelCause(ctx)
	cancel(cause)
	if _, err := r.Segment(ended, hu, warmSide, warmSide); !errors.Is(err, cause) {
		t.Errorf("ended context: error %v", err)
	}
	if err := errors.Join(plain.close(), r.Close()); err != nil {
		t.Error(err)
	}
}

// TestOpenVINO_Refused has an OpenVINO that does not work: auto goes on without, openvino does not start.
func TestOpenVINO_Refused(t *testing.T) {
	if !withOpenVINO(t) {
		return
	}
	library, err := Find("", DeviceOpenVINO)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(LibraryEnv, library) // a process takes one
	dir := networks(t, "classifier.onnx", "determinant.onnx")
	log, text := logTo()
	_, err = Open(dir, Options{Device: DeviceOpenVINO}, log)
	var e *DeviceError
	if !errors.As(err, &e) || e.Device != DeviceOpenVINO || e.Kind != DeviceFailed {
		t.Errorf("error %v", err)
	}
	t.Log(err)
	r, err := Open(dir, Options{}, log)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if !strings.HasPrefix(r.Engine(), DeviceCPU) || // float32 kernels on AMX
		!strings.HasPrefix(r.Device(), "cpu (auto: ") ||
		!strings.Contains(r.Device(), "OpenVINO not used: openvino: ") {
		t.Errorf("device %q", r.Device())
	}
	if !strings.Contains(text.String(), "OpenVINO is there, and it is not used") {
		t.Errorf("log:\n%s", text)
	}
	// What OpenVINO took with it, signal stacks say, is missed when threads get signals: the garbage collector sends them.
	var group sync.WaitGroup
	ended := time.Now().Add(300 * time.Millisecond)
	for range 2 * runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for sum := 0; time.Now().Before(ended); {
				for i := range 1_000_000 {
					sum += i
				}
				runtime.GC()
			}
		})
	}
	group.Wait()
}

// TestOpenVINO_MustAgree gives OpenVINO another network than ONNX Runtime's own kernels have.
func TestOpenVINO_MustAgree(t *testing.T) {
	if !withOpenVINO(t) {
		return
	}
	library, err := Find("", DeviceOpenVINO)
	if err != nil {
		t.Fatal(err)
	}
	if err := load(library); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ classifier, segmenter, want string }{
		{"classifier.onnx", "segmenter.onnx", ""},
		{"classifier.onnx", "glass.onnx", "it gives a mask that differs"},
		{"positive.onnx", "segmenter.onnx", "it gives a probability 1.000 instead of"},
	} {
		own, err := openPair("testdata", manifestOf("classifier.onnx", "segmenter.onnx"), 1, KernelsFast, false)
		if err != nil {
			t.Fatal(err)
		}
		said, err := own.answer(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		own.classifier.path, own.segmenter.path = filepath.Join("testdata", c.classifier), filepath.Join("testdata", c.segmenter)
		err = addOpenVINO(own, said, 1, 1)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: error %v", c, err)
		}
		if err := own.close(); err != nil {
			t.Error(err)
		}
	}
}
