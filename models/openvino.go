package models

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"

	ort "github.com/yalue/onnxruntime_go"

	"jcsnode/guard"
)

// openVINORemedy is what to do when OpenVINO is there and does not work.
const openVINORemedy = "set models.device = \"cpu\" until this is solved"

func openVINOFailure(s *session, doing string, err error) *DeviceError {
	return &DeviceError{
		Device: DeviceOpenVINO, Kind: DeviceFailed, Remedy: openVINORemedy,
		Text: fmt.Sprintf("%s of the %s %s: %v", doing, s.network, s.path, err),
	}
}

// addOpenVINO loads both networks a second time, through OpenVINO, and checks that they agree with themselves. Its error is a
// *DeviceError.
//
// It works on a thread that ends with it. OpenVINO gives the thread on which its CPU plugin is made a signal stack of the
// plugin's (for AMX, whose registers are large) and takes it away when the plugin goes, on whatever thread that is: a thread
// that went on to run Go code would then get its next signal, such as a preemption by the garbage collector, on memory that
// is no more, and the process would die of it.
func addOpenVINO(classifier, segmenter *session, streams, threads int) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked, which ends the thread
		done <- guard.Call(func() error {
			for _, s := range []*session{classifier, segmenter} {
				if err := s.addOpenVINO(streams, threads); err != nil {
					return err
				}
			}
			return agree(classifier, segmenter)
		})
	}()
	err := <-done
	var said *DeviceError
	if err == nil || errors.As(err, &said) {
		return err
	}
	return &DeviceError{Device: DeviceOpenVINO, Kind: DeviceFailed, Text: err.Error(), Remedy: openVINORemedy}
}

// addOpenVINO loads the network a second time, through OpenVINO and for pictures of warmSide x warmSide alone: only where
// OpenVINO's provider knows every shape does it take the whole graph and calculate in int8 what is int8. streams runs
// at a time share threads. Its error is a *DeviceError.
func (s *session) addOpenVINO(streams, threads int) error {
	model, err := os.ReadFile(s.path)
	if err != nil {
		return openVINOFailure(s, "reading", err)
	}
	model, err = withInputShape(model, inputHU, 1, 1, warmSide, warmSide)
	if err != nil {
		return openVINOFailure(s, "setting the size", err)
	}
	options, err := SessionOptions(1, false)
	if err != nil {
		return openVINOFailure(s, "options", err)
	}
	defer options.Destroy()
	// All of the graph or none: what OpenVINO left to the CPU provider would be slow, and silent.
	if err := options.AddSessionConfigEntry("session.disable_cpu_ep_fallback", "1"); err != nil {
		return openVINOFailure(s, "options", err)
	}
	if err := options.AppendExecutionProviderOpenVINO(map[string]string{
		"device_type":    "CPU",
		"num_of_threads": strconv.Itoa(threads),
		"num_streams":    strconv.Itoa(streams),
		// Without the hint processors with AMX would take bfloat16 for what is float32: Hounsfield units have more digits.
		// A thread that is bound to one core waits for it while others are free.
		"load_config": `{"CPU": {"INFERENCE_PRECISION_HINT": "f32", "ENABLE_CPU_PINNING": "NO"}}`,
	}); err != nil {
		return openVINOFailure(s, "provider", err)
	}
	s.square, err = ort.NewDynamicAdvancedSessionWithONNXData(model, []string{inputHU}, s.outputs, options)
	if err != nil {
		return openVINOFailure(s, "loading", err)
	}
	return nil
}

// How far OpenVINO and ONNX Runtime's own kernels may be apart. Both calculate in int8 and round at other places: with the
// shipped networks probabilities of 773 slices differed by 0.049 at most, masks by 0.0002 in the mean of a slice; where one of
// them overflows the test picture's probabilities differ by 0.10.
const (
	probabilityApart = 0.07
	meanMaskApart    = 0.002
)

// agree compares OpenVINO with ONNX Runtime's own kernels on a chest, so that a processor on which one of them calculates
// wrongly does not give findings.
func agree(classifier, segmenter *session) error {
	hu := chest()
	own := func(s *session) *session {
		return &session{network: s.network, path: s.path, outputs: s.outputs, ort: s.ort}
	}
	ctx := context.Background()
	want, _, _, _, err := own(classifier).classify(ctx, hu, warmSide, warmSide)
	if err != nil {
		return err
	}
	got, _, _, _, err := classifier.classify(ctx, hu, warmSide, warmSide)
	if err != nil {
		return openVINOFailure(classifier, "first run", err)
	}
	if apart := math.Abs(float64(got - want)); apart > probabilityApart {
		return openVINOFailure(classifier, "check", fmt.Errorf("on a test picture it gives %.3f, ONNX Runtime's own kernels %.3f", got, want))
	}
	wantMask, err := own(segmenter).segment(ctx, hu, warmSide, warmSide)
	if err != nil {
		return err
	}
	gotMask, err := segmenter.segment(ctx, hu, warmSide, warmSide)
	if err != nil {
		return openVINOFailure(segmenter, "first run", err)
	}
	apart := 0.0
	for i := range wantMask {
		apart += math.Abs(float64(gotMask[i]-wantMask[i])) / float64(len(wantMask))
	}
	if apart > meanMaskApart {
		return openVINOFailure(segmenter, "check", fmt.Errorf("on a test picture its mask is %.4f from that of ONNX Runtime's own kernels in the mean", apart))
	}
	return nil
}

// chest is a crude axial slice [warmSide*warmSide] in Hounsfield units: a body with two lungs, a denser part in one.
func chest() []float32 {
	inside := func(x, y, centreX, centreY, radiusX, radiusY float64) bool {
		dx, dy := (x-centreX)/radiusX, (y-centreY)/radiusY
		return dx*dx+dy*dy < 1
	}
	hu := make([]float32, warmSide*warmSide)
	for i := range hu {
		x, y := float64(i%warmSide), float64(i/warmSide)
		switch {
		case inside(x, y, 340, 320, 35, 30):
			hu[i] = -450
		case inside(x, y, 165, 250, 75, 115), inside(x, y, 347, 250, 75, 115):
			hu[i] = -850
		case inside(x, y, 256, 250, 220, 160):
			hu[i] = 40
		default:
			hu[i] = -1000
		}
	}
	return hu
}
