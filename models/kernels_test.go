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
	unlike := said(0.80, 0.042, 0.003)   // what the AMX kernels of ONNX Runtime 1.24 gave, fast and exact ones alike
	broken := errors.New("broken")
	for _, c := range []struct {
		name                 string
		want                 *answers
		fast, exact, float32 answers
		fails                Kernels // answers with an error
		calculated           string
		kernels              Kernels
		says                 string // reason or error
	}{
		{"fast ones are right", &right, rounded, answers{}, answers{}, "none", "fast", KernelsFast, "reference values"},
		{"fast ones overflow", &right, overflown, rounded, answers{}, "none", "fast exact",
			KernelsExact, "fast ones give a probability 0.855 instead of 0.610"},
		{"fast ones of the segmenter overflow", &right, outlined, right, answers{}, "none", "fast exact",
			KernelsExact, "mask that differs by 0.333"},
		{"both are wrong", &right, overflown, unlike, rounded, "none", "fast exact float32", KernelsFloat32,
			"the fast ones give a probability 0.855 instead of 0.610, the exact ones give a probability 0.800 instead of 0.610"},
		{"both are wrong alike", &right, unlike, unlike, right, "none", "fast exact float32", KernelsFloat32, "0.800"},
		{"none is right", &right, overflown, outlined, unlike, "none", "fast exact float32", "", "make provision"},
		{"not a number", &right, said(0.61, 0.042, nan()), right, answers{}, "none", "fast exact", KernelsExact, "mask"},
		{"no reference, the same", nil, right, right, rounded, "none", "float32 fast", KernelsFast, "no reference values"},
		{"no reference, fast ones overflow", nil, overflown, right, right, "none", "float32 fast exact",
			KernelsExact, "fast ones give a probability 0.855 instead of 0.610"},
		{"no reference, both are wrong alike", nil, unlike, unlike, right, "none", "float32 fast exact float32", KernelsFloat32, "0.800"},
		{"fast ones fail", &right, right, right, right, KernelsFast, "fast", "", "broken"},
		{"exact ones fail", &right, overflown, right, right, KernelsExact, "fast exact", "", "broken"},
		{"float32 ones fail", &right, overflown, unlike, right, KernelsFloat32, "fast exact float32", "", "broken"},
		{"no reference, float32 ones fail", nil, right, right, right, KernelsFloat32, "float32", "", "broken"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var calculated []string
			k, reason, err := chooseKernels(kernelsFor("1.32.0", true), c.want, func(k Kernels) (answers, error) {
				calculated = append(calculated, string(k))
				if k == c.fails {
					return answers{}, broken
				}
				return map[Kernels]answers{KernelsFast: c.fast, KernelsExact: c.exact, KernelsFloat32: c.float32}[k], nil
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

// What ONNX Runtime 1.24 calculates in int8 with AMX is not tried, since it may pass the check by chance.
func TestKernelsFor(t *testing.T) {
	for _, c := range []struct {
		version string
		amx     bool
		first   Kernels
	}{
		{"1.24.1", true, KernelsFloat32}, {"1.24.4", true, KernelsFloat32}, {"1.24.1", false, KernelsFast},
		{"1.25.0", true, KernelsFast}, {"1.32.0", true, KernelsFast}, {"1.32.0", false, KernelsFast},
	} {
		if got := kernelsFor(c.version, c.amx)[0]; got != c.first {
			t.Errorf("%s, AMX %v: %s, want %s", c.version, c.amx, got, c.first)
		}
	}
	right, chance := said(0.61, 0.042, 0.003), said(0.65, 0.042, 0.003)
	k, reason, err := chooseKernels(kernelsFor("1.24.1", true), &right, func(k Kernels) (answers, error) {
		return map[Kernels]answers{KernelsFast: chance, KernelsFloat32: right}[k], nil
	})
	if err != nil || k != KernelsFloat32 || !strings.Contains(reason, "AMX") {
		t.Errorf("%s because %q, %v", k, reason, err)
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
