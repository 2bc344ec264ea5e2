package models

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// fetched makes a cache with OpenVINO's build beside the one for the CPU, and tells where their libraries are.
func fetched(t *testing.T) (library func(device string) string) {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv(LibraryEnv, "")
	library = func(device string) string {
		return filepath.Join(cacheFolder(), "onnxruntime", device, "libonnxruntime.so")
	}
	for _, device := range []string{DeviceCPU, DeviceOpenVINO} {
		if err := os.MkdirAll(filepath.Dir(library(device)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(library(device), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return library
}

// auto takes OpenVINO where it was measured to be faster, and the library of the engine that it takes. An engine that calculates wrongly is
// passed over with one warning and is not remembered; the node starts as long as one engine is right.
func TestChoose_Measures(t *testing.T) {
	const noGPU = "no NVIDIA driver found (libcuda.so.1: cannot open shared object file)"
	wrong := func(device string) error {
		return &DeviceError{
			Device: device,
			Kind:   DeviceFailed,
			Text:   "on the test picture a probability 0.801 instead of 0.613",
			Remedy: "none",
		}
	}
	broken := &NetworkError{Network: "classifier", File: "c.onnx", Text: "broken"}
	openVINO, cpu := wrong(DeviceOpenVINO), wrong(DeviceCPU)
	for _, c := range []struct {
		name       string
		remembered bool // that OpenVINO is the faster one
		speed      speed
		fails      error            // of the measurement
		starts     map[string]error // what starting answers
		started    string           // devices, in order
		library    string           // of which build
		says       string           // device or error
		warning    string           // parts of the one warning; "": there is none
		keeps      bool
	}{
		{"faster", false, speed{300, 100}, nil, nil, "openvino", DeviceOpenVINO,
			"openvino (auto: " + noGPU + "; a slice takes 100 ms by it, 300 ms by", "", true},
		{"hardly faster", false, speed{110, 100}, nil, nil, "cpu", DeviceCPU,
			"cpu (auto: " + noGPU + "; OpenVINO not used: a slice takes 100 ms by it, 110 ms by", "", true},
		{"slower", false, speed{100, 300}, nil, nil, "cpu", DeviceCPU, "cpu (auto: ", "", true},
		{"not to be measured", false, speed{}, errors.New("read-only file system"), nil, "cpu", DeviceCPU,
			"cpu (auto: " + noGPU + "; OpenVINO not used: read-only", "instead=cpu", false},
		{"remembered", true, speed{}, errors.New("not to be measured again"), nil, "openvino", DeviceOpenVINO,
			"openvino (auto: ", "", true},
		{"OpenVINO measured wrong", false, speed{}, openVINO, nil, "cpu", DeviceCPU,
			"cpu (auto: " + noGPU + "; OpenVINO not used: openvino: on the test picture", "0.801 instead of 0.613 instead=cpu", false},
		{"own kernels measured wrong", false, speed{}, cpu, nil, "openvino", DeviceOpenVINO,
			"openvino (auto: " + noGPU + "; cpu: on the test picture", "0.801 instead of 0.613 instead=openvino", false},
		{"faster, and wrong now", false, speed{300, 100}, nil, map[string]error{DeviceOpenVINO: openVINO}, "openvino cpu", DeviceOpenVINO,
			"cpu (auto: " + noGPU + "; OpenVINO not used: openvino: on the test", "0.801 instead of 0.613 instead=cpu", false},
		{"remembered, and wrong now", true, speed{}, nil, map[string]error{DeviceOpenVINO: openVINO}, "openvino cpu", DeviceOpenVINO,
			"cpu (auto: " + noGPU + "; OpenVINO not used: openvino: on the test", "0.801 instead of 0.613 instead=cpu", false},
		{"slower, and own kernels wrong now", false, speed{100, 300}, nil, map[string]error{DeviceCPU: cpu}, "cpu", DeviceCPU,
			"cpu: on the test picture a probability 0.801", "", false},
		{"none is right", true, speed{}, nil, map[string]error{DeviceOpenVINO: openVINO, DeviceCPU: cpu}, "openvino cpu", DeviceOpenVINO,
			"cpu: on the test picture a probability 0.801 instead of 0.613; none; also: on the test", "instead=cpu", false},
		{"broken network", true, speed{}, nil, map[string]error{DeviceOpenVINO: broken}, "openvino", DeviceOpenVINO,
			"classifier c.onnx: broken", "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			build := fetched(t)
			log, logged := logTo()
			m := machine{absent: []string{"libcuda.so.1"}, files: providerPaths(filepath.Dir(build(DeviceOpenVINO)))}
			r := &Runtime{}
			folder := t.TempDir()
			if c.remembered {
				before := stopwatch{folder: folder, measure: func() (speed, error) { return speed{300, 100}, nil }}
				if _, _, err := before.time(time.Now()); err != nil {
					t.Fatal(err)
				}
			}
			watch := func(library string) stopwatch {
				if library != build(DeviceOpenVINO) {
					t.Errorf("measured with %s", library)
				}
				return stopwatch{folder: folder, measure: func() (speed, error) { return c.speed, c.fails }}
			}
			var started []string
			library, err := r.choose(Options{}, m.probe(), watch, func(_, device string) error {
				started = append(started, device)
				return c.starts[device]
			}, log)
			text := r.device
			if err != nil {
				text = err.Error()
			}
			if (err != nil) != (c.starts[started[len(started)-1]] != nil) ||
				library != build(c.library) || !strings.HasPrefix(text, c.says) {
				t.Errorf("%s (error %v) with %s, want %s with %s", text, err, library, c.says, build(c.library))
			}
			if got := strings.Join(started, " "); got != c.started {
				t.Errorf("started %s, want %s", got, c.started)
			}
			warnings := slices.DeleteFunc(strings.Split(logged.String(), "\n"), func(line string) bool {
				return !strings.Contains(line, "level=WARN")
			})
			switch said := strings.ReplaceAll(strings.Join(warnings, ""), "; none\"", ""); {
			case c.warning == "" && len(warnings) > 0, c.warning != "" && len(warnings) != 1, !strings.Contains(said, c.warning):
				t.Errorf("warnings %q, want one with %q", warnings, c.warning)
			}
			if c.fails == nil && !strings.Contains(logged.String(), "openvino_ms=") {
				t.Errorf("the log does not say both times:\n%s", logged)
			}
			if files, _ := os.ReadDir(folder); (len(files) > 0) != c.keeps {
				t.Errorf("kept %v, want %v", files, c.keeps)
			}
		})
	}
}
