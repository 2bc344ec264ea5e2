package models

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// LibraryEnv is the environment variable that names ONNX Runtime's shared library.
const LibraryEnv = "JCSNODE_ONNXRUNTIME"

// oldestLibrary is the first release that serves the C API which onnxruntime_go v1.27.0 asks for (API 24).
const oldestLibrary = "1.24"

// LibraryError says that ONNX Runtime's shared library is missing or cannot be used.
type LibraryError struct {
	Path   string // "" when none was found
	Text   string
	Remedy string
}

func (e *LibraryError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("ONNX Runtime: %s; %s", e.Text, e.Remedy)
	}
	return fmt.Sprintf("ONNX Runtime library %s: %s; %s", e.Path, e.Text, e.Remedy)
}

const libraryRemedy = "run `make provision`, or name the library in models.library of config.toml or in " + LibraryEnv

// search says where Find looks.
type search struct {
	getenv func(string) string
	roots  []string // folders as models/provision.sh fills them: cpu/, openvino/ and cuda/ in them hold a build each
	system []string // folders of the system's libraries
}

// cacheFolder is what models/provision.sh and measurements fill.
func cacheFolder() string {
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		cache = filepath.Join(os.Getenv("HOME"), ".cache")
	}
	return filepath.Join(cache, "jcsnode")
}

func usualPlaces() search {
	system := filepath.SplitList(os.Getenv("LD_LIBRARY_PATH"))
	system = append(system, "/usr/local/lib", "/usr/lib/x86_64-linux-gnu",
		"/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib", "/opt/onnxruntime/lib")
	roots := []string{filepath.Join(cacheFolder(), "onnxruntime"), siteBuilds, packagedBuilds}
	return search{getenv: os.Getenv, roots: roots, system: system}
}

// What a package brings, and what a site fetched beside it, lie where every user of the machine finds them.
const (
	siteBuilds     = "/usr/local/lib/jcsnode/onnxruntime"
	packagedBuilds = "/usr/lib/jcsnode/onnxruntime"
)

// Find gives the path of ONNX Runtime's shared library: the named one if there is a name, else the one of
// JCSNODE_ONNXRUNTIME, else one that models/provision.sh fetched or a package brought, that for the device first,
// else one of the system's. For DeviceAuto that is OpenVINO's. Its error is a *LibraryError.
func Find(named, device string) (string, error) {
	return usualPlaces().find(named, device)
}

// builds are the folders of a root, in the order in which they are looked through for a device.
func builds(device string) []string {
	switch device {
	case DeviceCPU:
		return []string{DeviceCPU, DeviceOpenVINO, DeviceCUDA}
	case DeviceCUDA:
		return []string{DeviceCUDA, DeviceOpenVINO, DeviceCPU}
	default:
		return []string{DeviceOpenVINO, DeviceCPU, DeviceCUDA}
	}
}

func (s search) find(named, device string) (string, error) {
	for _, given := range []struct{ from, path string }{
		{"models.library", named},
		{LibraryEnv, s.getenv(LibraryEnv)},
	} {
		if given.path == "" {
			continue
		}
		if info, err := os.Stat(given.path); err != nil || info.IsDir() {
			return "", &LibraryError{
				Path: given.path, Text: "no such file (named by " + given.from + ")",
				Remedy: "correct " + given.from + ", or leave it empty and run `make provision`",
			}
		}
		return given.path, nil
	}
	var folders []string
	for _, build := range builds(device) {
		for _, root := range s.roots {
			folders = append(folders, filepath.Join(root, build))
		}
	}
	folders = append(folders, s.system...)
	for _, folder := range folders {
		if path := libraryIn(folder); path != "" {
			return path, nil
		}
	}
	return "", &LibraryError{
		Text:   "no shared library below " + strings.Join(s.roots, ", ") + " or in the system's folders",
		Remedy: libraryRemedy,
	}
}

// libraryIn gives the library in a folder: the plain name first, else the highest version by name.
func libraryIn(folder string) string {
	if folder == "" {
		return ""
	}
	plain := filepath.Join(folder, "libonnxruntime.so")
	if _, err := os.Stat(plain); err == nil {
		return plain
	}
	versions, err := filepath.Glob(plain + ".*")
	if err != nil || len(versions) == 0 {
		return ""
	}
	return slices.Max(versions)
}

// environment is ONNX Runtime's, of which a process has one: onnxruntime_go keeps it in package variables. It is made
// once and kept to the end, since a library with running threads (or CUDA in it) cannot be unloaded safely.
var environment struct {
	mu      sync.Mutex
	library string // path of the loaded library, links resolved; "" before the first success
}

// load makes the environment with this library, or checks that it was made with it.
func load(path string) error {
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return &LibraryError{Path: path, Text: err.Error(), Remedy: libraryRemedy}
	}
	environment.mu.Lock()
	defer environment.mu.Unlock()
	if environment.library == resolved {
		return nil
	}
	if environment.library != "" {
		return &LibraryError{
			Path: path, Text: "this process has already loaded " + environment.library,
			Remedy: "use one library per process",
		}
	}
	ort.SetSharedLibraryPath(resolved)
	if err := ort.InitializeEnvironment(ort.WithLogLevelError()); err != nil {
		return loadError(path, err)
	}
	environment.library = resolved
	return nil
}

// loadError explains what InitializeEnvironment says. It only gives texts.
func loadError(path string, err error) error {
	e := &LibraryError{Path: path, Text: err.Error(), Remedy: libraryRemedy}
	switch text := err.Error(); {
	case strings.Contains(text, "Error setting ORT API base"):
		e.Text = "older than ONNX Runtime " + oldestLibrary
	case strings.Contains(text, "Error looking up OrtGetApiBase"):
		e.Text = "is no ONNX Runtime library"
	}
	return e
}

// LibraryVersion loads the library and gives its version, such as "1.32.0". Its error is a *LibraryError.
func LibraryVersion(path string) (string, error) {
	if err := load(path); err != nil {
		return "", err
	}
	return ort.GetVersion(), nil
}
