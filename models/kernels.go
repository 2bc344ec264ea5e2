package models

import "fmt"

// Kernels are ONNX Runtime's two ways to calculate int8 networks on x86-64. With VNNI instructions both give the same to the last digit.
// Without them the fast ones overflow: slices of normal lung got probabilities of 0.18 to 0.38 instead of 0.004. The exact ones take up to
// three times as long, on processors that do not need them as well.
type Kernels string

// The kernels that Options.Kernels may name.
const (
	KernelsChecked Kernels = ""      // fast if they calculate rightly here, else exact
	KernelsFast    Kernels = "fast"  // whatever they calculate: for benchmarks
	KernelsExact   Kernels = "exact" // session.x64quantprecision of ONNX Runtime
)

// chooseKernels takes the fast kernels unless they calculate wrongly on this machine. want is what the manifest says of the test picture;
// where it says nothing (nil), the exact kernels do. calculate answers with the networks loaded for these kernels. reason is for the log.
func chooseKernels(want *answers, calculate func(Kernels) (answers, error)) (k Kernels, reason string, err error) {
	fast, err := calculate(KernelsFast)
	if err != nil {
		return "", "", err
	}
	if want == nil {
		exact, err := calculate(KernelsExact)
		if err != nil {
			return "", "", err
		}
		if wrong := exact.apart(fast); wrong != "" {
			return KernelsExact, "on the test picture the fast ones give another " + wrong, nil
		}
		return KernelsFast, "the exact ones give the same on the test picture; the manifest has no reference values", nil
	}
	wrong := want.apart(fast)
	if wrong == "" {
		return KernelsFast, "they give the manifest's reference values", nil
	}
	exact, err := calculate(KernelsExact)
	if err != nil {
		return "", "", err
	}
	if still := want.apart(exact); still != "" {
		return "", "", fmt.Errorf("on the test picture they give a %s, with fast kernels a %s; "+
			"take the library of `make provision`, or correct the reference values in %s", still, wrong, ManifestName)
	}
	return KernelsExact, "on the test picture the fast ones give a " + wrong, nil
}
