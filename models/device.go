package models

import (
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unsafe"

	ort "github.com/yalue/onnxruntime_go"
	"golang.org/x/sys/cpu"
)

// Devices that Options.Device may name.
const (
	DeviceAuto     = "auto"     // a GPU if one can be used, else OpenVINO if it can be used and is the faster one, else the CPU
	DeviceCUDA     = "cuda"     // the first NVIDIA GPU, or no start
	DeviceOpenVINO = "openvino" // the CPU with Intel's kernels, or no start
	DeviceCPU      = "cpu"      // the CPU with ONNX Runtime's own kernels
)

// DeviceProblem is the kind of thing that keeps a device from being used.
type DeviceProblem string

// What can be missing for a device.
const (
	MissingDriver        DeviceProblem = "driver"         // libcuda.so.1 of the NVIDIA driver, or it is too old
	MissingDevice        DeviceProblem = "device"         // the driver sees no GPU
	MissingProvider      DeviceProblem = "provider"       // the CUDA or OpenVINO provider of ONNX Runtime
	MissingCUDALibraries DeviceProblem = "cuda libraries" // cuBLAS, cuDNN, ...
	MissingInstructions  DeviceProblem = "instructions"   // of the processor
	DeviceFailed         DeviceProblem = "failed"         // everything is there, and it does not work
)

// DeviceError says why the wanted device cannot be used, and what to do.
type DeviceError struct {
	Device string // DeviceCUDA or DeviceOpenVINO
	Kind   DeviceProblem
	Text   string
	Remedy string
	Also   []*DeviceError // what else is missing, so that all can be mended at once
}

func (e *DeviceError) Error() string {
	text := fmt.Sprintf("%s: %s; %s", e.Device, e.Text, e.Remedy)
	for _, also := range e.Also {
		text += fmt.Sprintf("; also: %s; %s", also.Text, also.Remedy)
	}
	return text
}

// Has tells whether e or one of Also is of this kind.
func (e *DeviceError) Has(kind DeviceProblem) bool {
	if e.Kind == kind {
		return true
	}
	for _, also := range e.Also {
		if also.Has(kind) {
			return true
		}
	}
	return false
}

// cudaLibraries are what libonnxruntime_providers_cuda.so of ONNX Runtime 1.24.1, for CUDA 12, is linked with, in the order in which
// they can be loaded by path. It has no RUNPATH, so it finds them only if they are loaded before.
var cudaLibraries = []string{
	"libcudart.so.12", "libcublasLt.so.12", "libcublas.so.12", "libcurand.so.10", "libcufft.so.11", "libcudnn.so.9",
}

// cudaHelpers are loaded by the libraries above when they need them, by name; before them, if they lie beside them.
var cudaHelpers = []string{"libnvJitLink.so.12", "libnvrtc.so.12"}

// cudaNeeds are the CUDA libraries that a provider is linked with, in the order of cudaLibraries, which stand for a file that cannot be
// read. cuDNN is always among them: newer providers open it by name at their first convolution.
func cudaNeeds(provider string) []string {
	f, err := elf.Open(provider)
	if err != nil {
		return cudaLibraries
	}
	defer f.Close()
	linked, err := f.ImportedLibraries()
	if err != nil {
		return cudaLibraries
	}
	var needs []string
	for _, known := range cudaLibraries {
		stem, _, _ := strings.Cut(known, ".so.")
		i := slices.IndexFunc(linked, func(name string) bool { return strings.HasPrefix(name, stem+".so.") })
		switch {
		case i >= 0:
			needs = append(needs, linked[i])
		case stem == "libcudnn":
			needs = append(needs, known)
		}
	}
	return needs
}

// providerFiles are what lies beside the library of a build with that provider.
var providerFiles = map[string][]string{
	DeviceCUDA:     {"libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"},
	DeviceOpenVINO: {"libonnxruntime_providers_shared.so", "libonnxruntime_providers_openvino.so"},
}

// folderOf gives the folder of a library, links resolved.
func folderOf(library string) string {
	if resolved, err := filepath.EvalSymlinks(library); err == nil {
		library = resolved
	}
	return filepath.Dir(library)
}

// probe looks for what a GPU needs. Tests replace its fields.
type probe struct {
	exists func(path string) bool
	open   func(name string) (unsafe.Pointer, error)
	gpu    func(driver unsafe.Pointer) (name string, count, result int)
	vnni   bool // the processor sums products of int8 without overflow
}

func newProbe() probe {
	return probe{
		exists: func(path string) bool { _, err := os.Stat(path); return err == nil },
		open:   openLibrary,
		gpu:    firstGPU,
		vnni:   cpu.X86.HasAVX512VNNI || cpu.X86.HasAVXVNNI,
	}
}

// driver gives the name of the first GPU.
func (p probe) driver() (string, *DeviceError) {
	handle, err := p.open("libcuda.so.1")
	if err != nil {
		if p.exists("/proc/driver/nvidia") {
			return "", &DeviceError{
				Device: DeviceCUDA, Kind: MissingDriver,
				Text: fmt.Sprintf("the NVIDIA kernel module is loaded, but the driver's library is not to be had (%v)", err),
				Remedy: "in a container, start it with the NVIDIA container toolkit (--gpus all); " +
					"else install libcuda1 of the driver's version",
			}
		}
		reason := err.Error()
		if strings.Contains(reason, "No such file or directory") {
			reason = "there is no libcuda.so.1"
		}
		return "", &DeviceError{
			Device: DeviceCUDA, Kind: MissingDriver, Text: fmt.Sprintf("no NVIDIA driver found (%s)", reason),
			Remedy: "install the NVIDIA driver (525 or newer), or set models.device = \"cpu\"",
		}
	}
	name, count, result := p.gpu(handle)
	switch {
	case result == 0 && count > 0:
		return name, nil
	case result == 0 || result == 100: // CUDA_ERROR_NO_DEVICE
		text, remedy := "the NVIDIA driver sees no GPU", "check nvidia-smi and CUDA_VISIBLE_DEVICES, or set models.device = \"cpu\""
		if !p.exists("/dev/nvidia0") {
			text += " and /dev/nvidia0 does not exist"
			remedy = "in a container, start it with --gpus all; " + remedy
		}
		return "", &DeviceError{Device: DeviceCUDA, Kind: MissingDevice, Text: text, Remedy: remedy}
	default:
		return "", &DeviceError{
			Device: DeviceCUDA, Kind: MissingDriver, Text: fmt.Sprintf("the NVIDIA driver does not start (CUresult %d)", result),
			Remedy: "check nvidia-smi; driver library and kernel module must be of one version",
		}
	}
}

// provider looks for the files of a provider beside the library.
func (p probe) provider(device, library string) *DeviceError {
	folder := folderOf(library)
	var missing []string
	for _, name := range providerFiles[device] {
		if !p.exists(filepath.Join(folder, name)) {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &DeviceError{
		Device: device, Kind: MissingProvider, Text: fmt.Sprintf("%s not beside the library in %s", strings.Join(missing, ", "), folder),
		Remedy: "run `make " + device + "` and leave models.library and " +
			LibraryEnv + " empty, or name a build of ONNX Runtime that has it",
	}
}

// openVINO looks for what OpenVINO needs: its provider, and a processor on which its int8 kernels calculate rightly.
func (p probe) openVINO(library string) *DeviceError {
	if problem := p.provider(DeviceOpenVINO, library); problem != nil {
		return problem
	}
	if !p.vnni {
		return &DeviceError{
			Device: DeviceOpenVINO, Kind: MissingInstructions,
			Text:   "this processor has no VNNI instructions, and without them OpenVINO miscalculates int8 networks",
			Remedy: "set models.device = \"cpu\"",
		}
	}
	return nil
}

// cuda looks for the CUDA provider beside the library, and loads the CUDA libraries: those beside the library, else those
// that the system's loader finds.
func (p probe) cuda(library string) *DeviceError {
	if problem := p.provider(DeviceCUDA, library); problem != nil {
		return problem
	}
	folder := folderOf(library)
	for _, name := range cudaHelpers {
		if path := filepath.Join(folder, name); p.exists(path) {
			// If it does not load, the library that needs it says so below.
			_, _ = p.open(path)
		}
	}
	var missing []string
	var reason error
	for _, name := range cudaNeeds(filepath.Join(folder, providerFiles[DeviceCUDA][1])) {
		path := filepath.Join(folder, name)
		if !p.exists(path) {
			path = name
		}
		if _, err := p.open(path); err != nil {
			missing = append(missing, name)
			if reason == nil {
				reason = err
			}
		}
	}
	if len(missing) > 0 {
		return &DeviceError{
			Device: DeviceCUDA, Kind: MissingCUDALibraries,
			Text: fmt.Sprintf("CUDA libraries not to be had: %s (%v)", strings.Join(missing, ", "), reason),
			Remedy: "run `make cuda`, or install the CUDA that it was built for, with cuDNN 9, " +
				"where the system's loader finds it (LD_LIBRARY_PATH)",
		}
	}
	return nil
}

// joinProblems makes one error of those that are not nil.
func joinProblems(problems ...*DeviceError) error {
	var first *DeviceError
	for _, p := range problems {
		switch {
		case p == nil:
		case first == nil:
			first = &DeviceError{Device: p.Device, Kind: p.Kind, Text: p.Text, Remedy: p.Remedy, Also: p.Also}
		default:
			first.Also = append(first.Also, p)
		}
	}
	if first == nil {
		return nil
	}
	return first
}

// appendCUDA adds the CUDA provider to the options of a session. It stops at the first failure: a session made after
// a failed append works silently on the CPU.
func appendCUDA(options *ort.SessionOptions) error {
	cuda, err := ort.NewCUDAProviderOptions()
	if err != nil {
		return cudaFailure("make options", err)
	}
	defer cuda.Destroy()
	// Update loads the provider and, unlike the append after it, names the library that is missing.
	if err := cuda.Update(map[string]string{"device_id": "0", "use_tf32": "0"}); err != nil {
		return cudaFailure("load provider", err)
	}
	if err := options.AppendExecutionProviderCUDA(cuda); err != nil {
		return cudaFailure("append provider", err)
	}
	return nil
}

// cudaFailure sorts what ONNX Runtime says about CUDA into a *DeviceError.
func cudaFailure(doing string, err error) *DeviceError {
	text := err.Error()
	e := &DeviceError{
		Device: DeviceCUDA,
		Kind:   DeviceFailed,
		Text:   doing + ": " + text,
		Remedy: "set models.device = \"cpu\" until this is solved",
	}
	has := func(parts ...string) bool {
		for _, part := range parts {
			if strings.Contains(text, part) {
				return true
			}
		}
		return false
	}
	switch {
	case has("driver version is insufficient", "CUDA failure 35"):
		e.Kind, e.Remedy = MissingDriver, "install an NVIDIA driver for CUDA 12 (525 or newer)"
	case has("no CUDA-capable device", "CUDA failure 100"):
		e.Kind, e.Remedy = MissingDevice, "check nvidia-smi and CUDA_VISIBLE_DEVICES"
	case has("not enabled in this build", "libonnxruntime_providers_"):
		e.Kind, e.Remedy = MissingProvider, "run `make cuda`"
		if has("libcu", "libnv") {
			e.Kind = MissingCUDALibraries
		}
	case has("cannot open shared object file"):
		e.Kind, e.Remedy = MissingCUDALibraries, "run `make cuda`"
	}
	return e
}
