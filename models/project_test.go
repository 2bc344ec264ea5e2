package models

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"testing"

	ort "github.com/yalue/onnxruntime_go"
)

// Whatever the processor, the int8 networks give what their graphs say, which is what they were measured with. Without VNNI, sums of
// products overflow in the kernels that ONNX Runtime takes by default.
func TestProjectNetworks_CalculateWhatTheirGraphsSay(t *testing.T) {
	needLibrary(t)
	log, _ := logTo()
	r, err := Open(".", Options{Device: DeviceCPU, Threads: 1}, log)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	literally := func(fast *session) *session {
		t.Helper()
		options, err := SessionOptions(1, KernelsExact, false)
		if err != nil {
			t.Fatal(err)
		}
		defer options.Destroy()
		if err := options.SetGraphOptimizationLevel(ort.GraphOptimizationLevelDisableAll); err != nil {
			t.Fatal(err)
		}
		s := *fast
		if s.ort, err = ort.NewDynamicAdvancedSession(s.path, []string{inputHU}, s.outputs, options); err != nil {
			t.Fatal(err)
		}
		return &s
	}
	hu, _ := chest()
	for _, fast := range []*session{r.classifier, r.segmenter} {
		exact := literally(fast)
		got, err := fast.run(t.Context(), hu, warmSide, warmSide)
		if err != nil {
			t.Fatal(err)
		}
		want, err := exact.run(t.Context(), hu, warmSide, warmSide)
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range fast.outputs {
			var apart, size float64
			for k, v := range want[i].data {
				apart += math.Abs(float64(got[i].data[k] - v))
				size += math.Abs(float64(v))
			}
			t.Logf("%s apart by %.4f of its size", name, apart/size)
			if apart > 0.08*size || size == 0 {
				t.Errorf("%s of %s: apart by %v of %v", name, fast.path, apart, size)
			}
		}
		if err := exact.close(); err != nil {
			t.Error(err)
		}
	}
}

// TestProjectNetworks opens the networks of this folder, if they are there.
func TestProjectNetworks(t *testing.T) {
	needLibrary(t)
	if _, err := os.Stat(ManifestName); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("skipped, needs the project's networks: ", err)
	}
	log, text := logTo()
	r, err := Open(".", Options{Device: DeviceCPU}, log)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, n := range []Network{r.Manifest().Classifier, r.Manifest().Segmenter} {
		if n.Status == StatusAltered {
			t.Error(n.Warning())
		}
	}
	// The manifest says what they should answer, and here they do.
	if r.Manifest().reference() == nil {
		t.Error("the manifest has no reference values for the test picture")
	}
	if want := map[bool]Kernels{true: KernelsFast, false: KernelsExact}[newProbe().vnni]; runtime.GOARCH == "amd64" && r.Kernels() != want {
		t.Errorf("%s kernels, want %s", r.Kernels(), want)
	}
	if !strings.Contains(text.String(), "they give the manifest's reference values") &&
		!strings.Contains(text.String(), "the fast ones give a") {
		t.Errorf("log does not say why these kernels:\n%s", text)
	}
	// The contract holds at other sizes than the one that warmed the networks, and the answer depends on the picture.
	air, tissue := picture(384, 256, -1000), picture(384, 256, 40)
	var answers []string
	for _, hu := range [][]float32{air, tissue} {
		said, err := r.Classify(t.Context(), hu, 384, 256)
		if err != nil {
			t.Fatal(err)
		}
		if said.Rows < 1 || said.Columns < 1 || len(said.Activation) != said.Rows*said.Columns {
			t.Errorf("activation %d x %d of %d values", said.Rows, said.Columns, len(said.Activation))
		}
		mask, err := r.Segment(t.Context(), hu, 384, 256)
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, fmt.Sprint(said.Probability, mask[len(mask)/2]))
	}
	if answers[0] == answers[1] {
		t.Errorf("air and tissue give the same: %s", answers[0])
	}
	t.Log(text.String())
}
