package models

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"

	ort "github.com/yalue/onnxruntime_go"

	"jcsnode/guard"
)

// openVINORemedy is what to do when OpenVINO is there and does not work.
const openVINORemedy = "set models.device = \"auto\" or \"cpu\" until this is solved"

func openVINOFailure(s *session, doing string, err error) *DeviceError {
	return &DeviceError{
		Device: DeviceOpenVINO, Kind: DeviceFailed, Remedy: openVINORemedy,
		Text: fmt.Sprintf("%s of the %s %s: %v", doing, s.network, s.path, err),
	}
}

// addOpenVINO loads both networks a second time, through OpenVINO, and checks that they answer as wanted. Its error is a *DeviceError.
//
// It works on a thread that ends with it. OpenVINO gives the thread on which its CPU plugin is made a signal stack of the
// plugin's (for AMX, whose registers are large) and takes it away when the plugin goes, on whatever thread that is: a thread
// that went on to run Go code would then get its next signal, such as a preemption by the garbage collector, on memory that
// is no more, and the process would die of it.
func addOpenVINO(p pair, want answers, streams, threads int) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked, which ends the thread
		done <- guard.Call(func() error {
			for _, s := range []*session{p.classifier, p.segmenter} {
				if err := s.addOpenVINO(streams, threads); err != nil {
					return err
				}
			}
			return agree(p, want)
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
	options, err := SessionOptions(1, KernelsFast, false)
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

// agree compares what OpenVINO says of the test picture with what is wanted, so that a processor on which it calculates wrongly does not
// give findings.
func agree(p pair, want answers) error {
	got, err := p.answer(context.Background())
	if err == nil {
		if wrong := want.apart(got); wrong != "" {
			err = fmt.Errorf("it gives a %s", wrong)
		}
	}
	if err == nil {
		return nil
	}
	return &DeviceError{
		Device: DeviceOpenVINO,
		Kind:   DeviceFailed,
		Remedy: openVINORemedy,
		Text:   fmt.Sprintf("on the test picture: %v", err),
	}
}
