package models

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	ort "github.com/yalue/onnxruntime_go"
)

// machine is a probe of an imagined machine.
type machine struct {
	absent []string // base names of files and libraries that are not there
	files  []string // paths that exist besides
	gpus   int
	result int      // of the driver
	opened []string // base names, in order
	old    bool     // without VNNI
}

func (m *machine) probe() probe {
	return probe{
		exists: func(path string) bool {
			if slices.Contains(m.files, path) {
				return true
			}
			return strings.HasPrefix(path, "/gpu/") && !slices.Contains(m.absent, filepath.Base(path))
		},
		open: func(name string) (unsafe.Pointer, error) {
			if slices.Contains(m.absent, filepath.Base(name)) {
				return nil, errors.New(name + ": cannot open shared object file")
			}
			m.opened = append(m.opened, name)
			return nil, nil
		},
		gpu:  func(unsafe.Pointer) (string, int, int) { return "GPU", m.gpus, m.result },
		vnni: !m.old,
	}
}

func TestDriver(t *testing.T) {
	for _, c := range []struct {
		name    string
		machine machine
		kind    DeviceProblem // "" for a usable one
		want    string
	}{
		{"usable", machine{gpus: 1}, "", "GPU"},
		{"no driver", machine{absent: []string{"libcuda.so.1"}}, MissingDriver, "no NVIDIA driver found (libcuda.so.1: cannot open"},
		{"container without toolkit",
			machine{absent: []string{"libcuda.so.1"}, files: []string{"/proc/driver/nvidia"}}, MissingDriver, "--gpus all"},
		{"no device file", machine{result: 100}, MissingDevice, "/dev/nvidia0 does not exist; in a container, start it with --gpus all"},
		{"hidden device", machine{result: 0, gpus: 0, files: []string{"/dev/nvidia0"}}, MissingDevice, "CUDA_VISIBLE_DEVICES"},
		{"module and library differ", machine{result: 803}, MissingDriver, "CUresult 803"},
	} {
		t.Run(c.name, func(t *testing.T) {
			gpu, err := c.machine.probe().driver()
			if c.kind == "" {
				if err != nil || gpu != c.want {
					t.Errorf("got %q, %v", gpu, err)
				}
				return
			}
			if err == nil || err.Kind != c.kind || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %s with %q", err, c.kind, c.want)
			}
		})
	}
}

func TestCUDA(t *testing.T) {
	for _, c := range []struct {
		name   string
		absent []string
		kind   DeviceProblem
		want   string
	}{
		{"complete", nil, "", ""},
		{"CPU build", providerFiles[DeviceCUDA], MissingProvider,
			"cuda: libonnxruntime_providers_shared.so, libonnxruntime_providers_cuda.so not beside the library in /gpu; run `make cuda`"},
		{"no cuDNN", []string{"libcudnn.so.9"}, MissingCUDALibraries,
			"CUDA libraries not to be had: libcudnn.so.9 (libcudnn.so.9: cannot open"},
		{"several", []string{"libcublasLt.so.12", "libcufft.so.11"}, MissingCUDALibraries, "libcublasLt.so.12, libcufft.so.11"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := machine{absent: c.absent}
			err := m.probe().cuda("/gpu/libonnxruntime.so")
			if c.kind == "" {
				if err != nil {
					t.Fatal(err)
				}
				want := []string{
					"/gpu/libnvJitLink.so.12", "/gpu/libnvrtc.so.12", "/gpu/libcudart.so.12", "/gpu/libcublasLt.so.12",
					"/gpu/libcublas.so.12", "/gpu/libcurand.so.10", "/gpu/libcufft.so.11", "/gpu/libcudnn.so.9",
				}
				if diff := cmp.Diff(want, m.opened); diff != "" {
					t.Errorf("order of loading (-want +got):\n%s", diff)
				}
				return
			}
			if err == nil || err.Kind != c.kind || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %s with %q", err, c.kind, c.want)
			}
		})
	}
}

// TestCUDAFailure has the texts of ONNX Runtime 1.24 and 1.32 as they came.
func TestCUDAFailure(t *testing.T) {
	for text, want := range map[string]DeviceProblem{
		"CUDA execution provider is not enabled in this build.": MissingProvider,
		"Failed to load library /x/libonnxruntime_providers_shared.so with error: /x/libonnxruntime_providers_shared.so: " +
			"cannot open shared object file: No such file or directory": MissingProvider,
		"Failed to load library /x/libonnxruntime_providers_cuda.so with error: libcudnn.so.9: " +
			"cannot open shared object file: No such file or directory": MissingCUDALibraries,
		"CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version ; GPU=0": MissingDriver,
		"CUDA failure 100: no CUDA-capable device is detected ; GPU=0":                          MissingDevice,
		"CUDA failure 2: out of memory":                                                         DeviceFailed,
	} {
		if got := cudaFailure("test", errors.New(text)); got.Kind != want || got.Remedy == "" || !strings.Contains(got.Error(), text) {
			t.Errorf("%s: got %s (%v), want %s", text, got.Kind, got, want)
		}
	}
}

func TestChoose(t *testing.T) {
	library := filepath.Join(t.TempDir(), "libonnxruntime.so")
	if err := os.WriteFile(library, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	beside := func(device string) []string {
		files := []string{library}
		for _, name := range providerFiles[device] {
			files = append(files, filepath.Join(filepath.Dir(library), name))
		}
		return files
	}
	complete, vino := beside(DeviceCUDA), beside(DeviceOpenVINO)
	noDriver := []string{"libcuda.so.1"}
	refused := &DeviceError{Device: "X", Kind: DeviceFailed, Text: "refused", Remedy: "none"}
	broken := &NetworkError{Network: "classifier", File: "c.onnx", Text: "broken"}
	for _, c := range []struct {
		name, device string
		machine      machine
		fails        error  // what starting answers, but on the CPU
		starts       string // devices that were started, in order
		want         string // device, or error
		warns        bool
	}{
		{"cpu", "cpu", machine{gpus: 1}, nil, "cpu", "cpu", false},
		{"auto without driver", "auto", machine{absent: noDriver}, nil, "cpu", "cpu (auto: no NVIDIA driver found", false},
		{"auto by default", "", machine{absent: noDriver}, nil, "cpu", "cpu (auto: no NVIDIA driver found", false},
		{"auto without device", "auto", machine{result: 100}, nil, "cpu", "cpu (auto: the NVIDIA driver sees no GPU", false},
		{"auto without provider", "auto", machine{gpus: 1}, nil, "cpu",
			"cpu (auto: GPU GPU not used: cuda: libonnxruntime_providers_shared.so, libonnxruntime_providers_cuda.so not beside", true},
		{"auto with all", "auto", machine{gpus: 1, files: complete}, nil, "cuda", "cuda:0 GPU (auto: it can be used)", false},
		{"auto, refused at the end", "auto",
			machine{gpus: 1, files: complete}, refused, "cuda cpu", "cpu (auto: GPU GPU not used: X: refused", true},
		{"auto, broken network", "auto", machine{gpus: 1, files: complete}, broken, "cuda", "classifier c.onnx: broken", false},
		{"cuda with all", "cuda", machine{gpus: 1, files: complete}, nil, "cuda", "cuda:0 GPU", false},
		{"cuda never falls back", "cuda", machine{gpus: 1, files: complete}, refused, "cuda", "X: refused; none", false},
		{"cuda without provider", "cuda", machine{gpus: 1}, nil, "", "cuda: libonnxruntime_providers_shared.so", false},
		{"cuda without anything", "cuda", machine{absent: noDriver}, nil, "",
			"cuda: no NVIDIA driver found (libcuda.so.1: cannot open shared object file); " +
				"install the NVIDIA driver (525 or newer), or set models.device = \"cpu\"; also: libonnx", false},
		{"auto with OpenVINO", "auto",
			machine{absent: noDriver, files: vino}, nil, "openvino", "openvino (auto: no NVIDIA driver found", false},
		{"auto with GPU and OpenVINO alone", "auto", machine{gpus: 1, files: vino},
			nil, "openvino", "openvino (auto: GPU GPU not used: cuda:", true},
		{"auto, OpenVINO refused", "auto", machine{absent: noDriver, files: vino}, refused, "openvino cpu",
			"cpu (auto: no NVIDIA driver found (libcuda.so.1: cannot open shared object file); OpenVINO not used: X: refused", true},
		{"auto with OpenVINO, broken network", "auto",
			machine{absent: noDriver, files: vino}, broken, "openvino", "classifier c.onnx: broken", false},
		{"openvino", "openvino", machine{gpus: 1, files: vino}, nil, "openvino", "openvino", false},
		{"openvino without provider", "openvino", machine{}, nil, "",
			"openvino: libonnxruntime_providers_shared.so, libonnxruntime_providers_openvino.so not beside the library in", false},
		{"openvino on an old processor", "openvino",
			machine{files: vino, old: true}, nil, "", "openvino: this processor has no VNNI", false},
		{"auto with OpenVINO on an old processor", "auto",
			machine{absent: noDriver, files: vino, old: true}, nil, "cpu", "cpu (auto: no NVIDIA driver found", false},
		{"openvino never falls back", "openvino", machine{files: vino}, refused, "openvino", "X: refused; none", false},
		{"cpu beside OpenVINO", "cpu", machine{files: vino}, nil, "cpu", "cpu", false},
		{"unknown", "tpu", machine{}, nil, "", `models.device: "tpu" is none of`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			log, logged := logTo()
			var starts []string
			r := &Runtime{}
			folder := t.TempDir()
			twice := func(string) stopwatch {
				return stopwatch{folder: folder, measure: func() (speed, error) { return speed{Own: 100, OpenVINO: 50}, nil }}
			}
			got, err := r.choose(Options{Library: library, Device: c.device}, c.machine.probe(), twice, func(path, device string) error {
				if path != library {
					t.Errorf("library %s, want %s", path, library)
				}
				starts = append(starts, device)
				if device == DeviceCPU {
					return nil
				}
				return c.fails
			}, log)
			text := r.device
			if err != nil {
				text = err.Error()
			} else if got != library {
				t.Errorf("library %s, want %s", got, library)
			}
			if strings.Join(starts, " ") != c.starts || !strings.HasPrefix(text, c.want) {
				t.Errorf("started %v: %s (error %v), want %s: %s", starts, text, err, c.starts, c.want)
			}
			if warned := strings.Contains(logged.String(), "level=WARN"); warned != c.warns {
				t.Errorf("warned %v, want %v: %s", warned, c.warns, logged)
			}
		})
	}
}

// TestOpen_CUDAOnMachineWithoutGPU asks this machine, not an imagined one.
func TestOpen_CUDAOnMachineWithoutGPU(t *testing.T) {
	if _, err := openLibrary("libcuda.so.1"); err == nil {
		t.Skip("skipped, needs a machine without NVIDIA driver: this one has libcuda.so.1")
	}
	dir := networks(t, "classifier.onnx", "segmenter.onnx")
	folder := t.TempDir()
	library := filepath.Join(folder, "libonnxruntime.so")
	for i, c := range []struct {
		files     []string
		has, hasn DeviceProblem
		names     []string
	}{
		{[]string{library}, MissingProvider, MissingCUDALibraries, providerFiles[DeviceCUDA]},
		{[]string{filepath.Join(folder, providerFiles[DeviceCUDA][0]), filepath.Join(folder, providerFiles[DeviceCUDA][1])},
			MissingCUDALibraries, MissingProvider, cudaLibraries},
	} {
		for _, path := range c.files {
			if err := os.WriteFile(path, nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := openLibrary(cudaLibraries[0]); err == nil && i == 1 {
			t.Skip("skipped, needs a machine without CUDA: this one has ", cudaLibraries[0])
		}
		log, _ := logTo()
		_, err := Open(dir, Options{Library: library, Device: DeviceCUDA}, log)
		var e *DeviceError
		if !errors.As(err, &e) {
			t.Fatalf("error %v is no DeviceError", err)
		}
		if e.Kind != MissingDriver || !e.Has(c.has) || e.Has(c.hasn) {
			t.Errorf("error %v: kind %s, has %s %v, has %s %v", e, e.Kind, c.has, e.Has(c.has), c.hasn, e.Has(c.hasn))
		}
		for _, name := range append([]string{"libcuda.so.1"}, c.names...) {
			if !strings.Contains(err.Error(), name) {
				t.Errorf("error %q does not name %s", err, name)
			}
		}
		t.Log(err)
	}
}

// TestAppendCUDA_CPULibrary asks the CPU build of ONNX Runtime for CUDA: it must be refused, not run on the CPU.
func TestAppendCUDA_CPULibrary(t *testing.T) {
	needLibrary(t)
	path, err := Find("", DeviceCPU)
	if err != nil {
		t.Fatal(err)
	}
	if newProbe().exists(filepath.Join(filepath.Dir(path), providerFiles[DeviceCUDA][1])) {
		t.Skip("skipped, needs the CPU build of ONNX Runtime: ", path, " has a CUDA provider beside it")
	}
	if err := load(path); err != nil {
		t.Fatal(err)
	}
	options, err := ort.NewSessionOptions()
	if err != nil {
		t.Fatal(err)
	}
	defer options.Destroy()
	var e *DeviceError
	if err := appendCUDA(options); !errors.As(err, &e) || e.Kind != MissingProvider {
		t.Errorf("error %v, want a DeviceError of kind %s", err, MissingProvider)
	}
}

// Where OpenVINO is no choice its build of ONNX Runtime is none either.
func TestChoose_BuildOfTheProcessor(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv(LibraryEnv, "")
	for _, device := range []string{DeviceCPU, DeviceOpenVINO} {
		path := filepath.Join(cache, "jcsnode", "onnxruntime", device, "libonnxruntime.so")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for old, want := range map[bool]string{true: DeviceCPU, false: DeviceOpenVINO} {
		log, _ := logTo()
		m := machine{
			absent: []string{"libcuda.so.1"},
			old:    old,
			files:  providerPaths(filepath.Join(cache, "jcsnode", "onnxruntime", DeviceOpenVINO)),
		}
		folder := t.TempDir()
		twice := func(string) stopwatch {
			return stopwatch{folder: folder, measure: func() (speed, error) { return speed{Own: 100, OpenVINO: 50}, nil }}
		}
		got, err := new(Runtime).choose(Options{}, m.probe(), twice, func(string, string) error { return nil }, log)
		if err != nil || filepath.Base(filepath.Dir(got)) != want {
			t.Errorf("old %v: %s, %v; want the build of %s", old, got, err, want)
		}
	}
}

// providerPaths are the files of OpenVINO's provider in a folder.
func providerPaths(folder string) (paths []string) {
	for _, name := range providerFiles[DeviceOpenVINO] {
		paths = append(paths, filepath.Join(folder, name))
	}
	return paths
}

// A provider says itself which CUDA it was built for. The program of the test is linked with none.
func TestCUDANeeds(t *testing.T) {
	if got := cudaNeeds("/proc/self/exe"); !slices.Equal(got, []string{"libcudnn.so.9"}) {
		t.Errorf("of this program: %v", got)
	}
	if got := cudaNeeds("/nowhere"); !slices.Equal(got, cudaLibraries) {
		t.Errorf("of no file: %v", got)
	}
	if provider := os.Getenv("JCSNODE_TEST_CUDA_PROVIDER"); provider != "" {
		t.Log(cudaNeeds(provider))
	}
}
