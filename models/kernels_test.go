package models

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// said are answers whose maps are even.
func said(probability, activation, mask float64) answers {
	return answers{probability, slices.Repeat([]float64{activation}, blocks*blocks), slices.Repeat([]float64{mask}, blocks*blocks)}
}

func TestChooseKernels(t *testing.T) {
	right, rounded, overflown := said(0.61, 0.042, 0.003), said(0.60, 0.0415, 0.00301), said(0.855, 0.030, 0.003)
	outlined := said(0.61, 0.042, 0.004) // only the segmenter is wrong
	broken := errors.New("broken")
	for _, c := range []struct {
		name        string
		want        *answers
		fast, exact answers
		fails       Kernels // answers with an error
		calculated  string
		kernels     Kernels
		says        string // reason or error
	}{
		{"fast ones are right", &right, rounded, answers{}, "none", "fast", KernelsFast, "reference values"},
		{"fast ones overflow", &right, overflown, rounded, "none", "fast exact",
			KernelsExact, "fast ones give a probability 0.855 instead of 0.610"},
		{"fast ones of the segmenter overflow", &right, outlined, right, "none", "fast exact", KernelsExact, "mask that differs by 0.333"},
		{"both are wrong", &right, overflown, outlined, "none", "fast exact", "", "make provision"},
		{"both are wrong alike", &right, overflown, overflown, "none", "fast exact", "", "make provision"},
		{"not a number", &right, said(0.61, 0.042, nan()), right, "none", "fast exact", KernelsExact, "mask"},
		{"no reference, the same", nil, right, right, "none", "fast exact", KernelsFast, "no reference values"},
		{"no reference, fast ones overflow", nil, overflown, right, "none",
			"fast exact", KernelsExact, "another probability 0.855 instead of 0.610"},
		{"fast ones fail", &right, right, right, KernelsFast, "fast", "", "broken"},
		{"exact ones fail", &right, overflown, right, KernelsExact, "fast exact", "", "broken"},
		{"no reference, exact ones fail", nil, right, right, KernelsExact, "fast exact", "", "broken"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var calculated []string
			k, reason, err := chooseKernels(c.want, func(k Kernels) (answers, error) {
				calculated = append(calculated, string(k))
				if k == c.fails {
					return answers{}, broken
				}
				if k == KernelsExact {
					return c.exact, nil
				}
				return c.fast, nil
			})
			if err != nil {
				reason = err.Error()
			}
			if k != c.kernels || (err != nil) != (c.kernels == "") || !strings.Contains(reason, c.says) {
				t.Errorf("%q because %q (error %v), want %q, %q", k, reason, err, c.kernels, c.says)
			}
			if got := strings.Join(calculated, " "); got != c.calculated {
				t.Errorf("calculated %s, want %s", got, c.calculated)
			}
		})
	}
}

// The convolution of overflow.onnx gives half of what it should where int8 sums overflow: on a processor without VNNI, or none of the tests
// says anything.
func TestKernels_OfThisProcessor(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("skipped, needs x86-64: ", runtime.GOARCH)
	}
	want := KernelsExact
	if newProbe().vnni {
		want = KernelsFast
	}
	r := openTest(t, "overflow.onnx", "segmenter.onnx", Options{Threads: 1})
	if r.Kernels() != want {
		t.Errorf("%s kernels, want %s", r.Kernels(), want)
	}
	hu, _ := chest()
	c, err := r.Classify(t.Context(), hu, warmSide, warmSide)
	if err != nil || c.Activation[0] < 7.9 || c.Activation[0] > 8.1 {
		t.Errorf("activation %v (%v), want 8", c.Activation, err)
	}
	forced := openTest(t, "overflow.onnx", "segmenter.onnx", Options{Threads: 1, Kernels: KernelsFast})
	c, err = forced.Classify(t.Context(), hu, warmSide, warmSide)
	if right := err == nil && c.Activation[0] > 7.9; right != (want == KernelsFast) {
		t.Errorf("fast kernels give %v (%v) on a processor that should have %s", c.Activation[0], err, want)
	}
	t.Log("kernels: ", r.Device())
}

// The same on an emulated processor of 2013, which has AVX2 and no VNNI.
func TestKernels_WithoutVNNI(t *testing.T) {
	needLibrary(t)
	if runtime.GOARCH != "amd64" {
		t.Skip("skipped, needs x86-64: ", runtime.GOARCH)
	}
	qemu, err := exec.LookPath("qemu-x86_64")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("skipped, needs qemu-user: ", err)
	}
	// Go's runtime preempts by signals, which the emulation may lose.
	cmd := exec.CommandContext(t.Context(), qemu, "-cpu", "Haswell", os.Args[0], "-test.run=^TestKernels_OfThisProcessor$", "-test.v")
	cmd.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS") || !strings.Contains(string(out), "exact kernels") {
		t.Errorf("%v:\n%s", err, out)
	}
}
