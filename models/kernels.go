package models

import (
	"fmt"
	"strings"
)

// Kernels are ONNX Runtime's ways to calculate int8 networks on x86-64. With VNNI instructions the fast and the exact ones give the same to
// the last digit. Without them the fast ones overflow: slices of normal lung got probabilities of 0.18 to 0.38 instead of 0.004. The exact
// ones take up to three times as long, on processors that do not need them as well. With AMX both are wrong in ONNX Runtime 1.24, which is
// what OpenVINO's build is: its kernel for 32 rows was mended in 1.25 (microsoft/onnxruntime, pull request 27671). The test picture got
// another probability from each network that was loaded, 0.70 to 0.82 instead of 0.613, and may get the right one by chance. What is int8
// can be calculated in float32, too: right everywhere, and slower still.
type Kernels string

// The kernels that Options.Kernels may name.
const (
	KernelsChecked Kernels = ""        // the first of those below that calculate rightly here
	KernelsFast    Kernels = "fast"    // whatever they calculate: for benchmarks
	KernelsExact   Kernels = "exact"   // session.x64quantprecision of ONNX Runtime
	KernelsFloat32 Kernels = "float32" // session.disable_quant_qdq of ONNX Runtime
)

// kernelsFor are the kernels to try, the quickest first, with that version of ONNX Runtime on a processor with AMX for int8 or without.
func kernelsFor(version string, amx bool) []Kernels {
	if amx && strings.HasPrefix(version, "1.24.") {
		return []Kernels{KernelsFloat32} // a check that the others pass proves nothing
	}
	return []Kernels{KernelsFast, KernelsExact, KernelsFloat32}
}

// chooseKernels takes the first kernels of those to try that calculate rightly on this machine. want is what the manifest says of the test
// picture; where it says nothing (nil), the float32 kernels do. calculate answers with the networks loaded for these kernels. reason is for
// the log. Where none is right the error is a *DeviceError.
func chooseKernels(try []Kernels, want *answers, calculate func(Kernels) (answers, error)) (k Kernels, reason string, err error) {
	source := "they give the manifest's reference values"
	if want == nil {
		literal, err := calculate(KernelsFloat32)
		if err != nil {
			return "", "", err
		}
		want, source = &literal, "they give what float32 ones give of the test picture; the manifest has no reference values"
	}
	var wrong []string
	if try[0] == KernelsFloat32 {
		source += "; this ONNX Runtime miscalculates int8 on processors with AMX"
	}
	for _, k := range try {
		got, err := calculate(k)
		if err != nil {
			return "", "", err
		}
		off := want.apart(got)
		if off == "" && wrong == nil {
			return k, source, nil
		}
		if off == "" {
			return k, "on the test picture " + strings.Join(wrong, ", "), nil
		}
		wrong = append(wrong, fmt.Sprintf("the %s ones give a %s", k, off))
	}
	return "", "", &DeviceError{Device: DeviceCPU, Kind: DeviceFailed,
		Text:   "of ONNX Runtime's own kernels, on the test picture, " + strings.Join(wrong, ", "),
		Remedy: "take the library of `make provision`, or correct the reference values in " + ManifestName}
}
