package models

import (
	"fmt"
	"strings"
)

// Kernels are ONNX Runtime's ways to calculate int8 networks on x86-64. With VNNI instructions the fast and the exact ones give the same to
// the last digit. Without them the fast ones overflow: slices of normal lung got probabilities of 0.18 to 0.38 instead of 0.004. The exact
// ones take up to three times as long, on processors that do not need them as well. With AMX both are wrong in ONNX Runtime 1.24, which is
// what OpenVINO's build is: its kernel for 32 rows was mended later (microsoft/onnxruntime, pull request 27671). The test picture got
// another probability in every process, 0.70 to 0.82 instead of 0.613. What is int8 can be calculated in float32, too: right everywhere,
// and slower still.
type Kernels string

// The kernels that Options.Kernels may name.
const (
	KernelsChecked Kernels = ""        // the first of those below that calculate rightly here
	KernelsFast    Kernels = "fast"    // whatever they calculate: for benchmarks
	KernelsExact   Kernels = "exact"   // session.x64quantprecision of ONNX Runtime
	KernelsFloat32 Kernels = "float32" // session.disable_quant_qdq of ONNX Runtime
)

// chooseKernels takes the first kernels that calculate rightly on this machine. want is what the manifest says of the test picture; where
// it says nothing (nil), the float32 kernels do. calculate answers with the networks loaded for these kernels. reason is for the log. Where
// none is right the error is a *DeviceError.
func chooseKernels(want *answers, calculate func(Kernels) (answers, error)) (k Kernels, reason string, err error) {
	source := "they give the manifest's reference values"
	if want == nil {
		literal, err := calculate(KernelsFloat32)
		if err != nil {
			return "", "", err
		}
		want, source = &literal, "they give what float32 ones give of the test picture; the manifest has no reference values"
	}
	var wrong []string
	for _, k := range []Kernels{KernelsFast, KernelsExact, KernelsFloat32} {
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
