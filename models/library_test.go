package models

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestFind_SearchOrder(t *testing.T) {
	for _, c := range []struct {
		name, named, env string
		files            []string // that exist, below the test's folder
		device           string
		want             string // file, or text of the error
	}{
		{"named first", "own/lib.so", "env/lib.so",
			[]string{"own/lib.so", "env/lib.so", "cache/cpu/libonnxruntime.so"}, DeviceCPU, "own/lib.so"},
		{"environment second", "", "env/lib.so", []string{"env/lib.so", "cache/cpu/libonnxruntime.so"}, DeviceCPU, "env/lib.so"},
		{"named but missing", "own/lib.so", "env/lib.so", []string{"env/lib.so"}, DeviceCPU, "no such file (named by models.library)"},
		{"environment but missing", "", "env/lib.so",
			[]string{"cache/cpu/libonnxruntime.so"}, DeviceCPU, "no such file (named by JCSNODE_ONNXRUNTIME)"},
		{"cache before system", "", "",
			[]string{"cache/cpu/libonnxruntime.so", "system/libonnxruntime.so"}, DeviceCPU, "cache/cpu/libonnxruntime.so"},
		{"cpu build for cpu", "", "",
			[]string{"cache/cpu/libonnxruntime.so", "cache/cuda/libonnxruntime.so.1.24.1"}, DeviceCPU, "cache/cpu/libonnxruntime.so"},
		{"cuda build for gpu", "", "", []string{"cache/cpu/libonnxruntime.so", "cache/cuda/libonnxruntime.so.1.24.1"},
			DeviceCUDA, "cache/cuda/libonnxruntime.so.1.24.1"},
		{"cuda build if it is all", "", "",
			[]string{"cache/cuda/libonnxruntime.so.1.24.1"}, DeviceCPU, "cache/cuda/libonnxruntime.so.1.24.1"},
		{"cpu build before OpenVINO's for cpu", "", "",
			[]string{"cache/cpu/libonnxruntime.so", "cache/openvino/libonnxruntime.so"}, DeviceCPU, "cache/cpu/libonnxruntime.so"},
		{"OpenVINO's build for auto", "", "",
			[]string{"cache/cpu/libonnxruntime.so", "cache/openvino/libonnxruntime.so"}, DeviceAuto, "cache/openvino/libonnxruntime.so"},
		{"OpenVINO's build by default", "", "",
			[]string{"cache/cpu/libonnxruntime.so", "cache/openvino/libonnxruntime.so"}, "", "cache/openvino/libonnxruntime.so"},
		{"cpu build where OpenVINO is not", "", "", []string{"cache/cpu/libonnxruntime.so"}, DeviceOpenVINO, "cache/cpu/libonnxruntime.so"},
		{"site's before the package's", "", "",
			[]string{"site/cpu/libonnxruntime.so", "package/cpu/libonnxruntime.so"}, DeviceCPU, "site/cpu/libonnxruntime.so"},
		{"package's for the device before the cache's for another", "", "",
			[]string{"cache/cuda/libonnxruntime.so.1.24.1", "package/cpu/libonnxruntime.so"}, DeviceCPU, "package/cpu/libonnxruntime.so"},
		{"site's OpenVINO beside the package", "", "",
			[]string{"site/openvino/libonnxruntime.so", "package/cpu/libonnxruntime.so"}, DeviceAuto, "site/openvino/libonnxruntime.so"},
		{"package before system", "", "",
			[]string{"package/cpu/libonnxruntime.so", "system/libonnxruntime.so"}, DeviceCPU, "package/cpu/libonnxruntime.so"},
		{"system last", "", "",
			[]string{"system/libonnxruntime.so.1", "system/libonnxruntime.so.1.24.1"}, DeviceCPU, "system/libonnxruntime.so.1.24.1"},
		{"nowhere", "", "", nil, DeviceCPU, "make provision"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := func(name string) string {
				if name == "" {
					return ""
				}
				return filepath.Join(dir, name)
			}
			for _, name := range c.files {
				if err := os.MkdirAll(filepath.Dir(path(name)), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path(name), nil, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			s := search{
				getenv: func(string) string { return path(c.env) },
				roots:  []string{path("cache"), path("site"), path("package")}, system: []string{"", path("system")},
			}
			got, err := s.find(path(c.named), c.device)
			if err != nil {
				var e *LibraryError
				if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want %s", err, c.want)
				}
				return
			}
			if got != path(c.want) {
				t.Errorf("got %s, want %s", got, path(c.want))
			}
		})
	}
}

// TestLoad_WrongFile runs itself again, since a process that has loaded a library takes no other.
func TestLoad_WrongFile(t *testing.T) {
	if path := os.Getenv("JCSNODE_TEST_LOAD"); path != "" {
		err := load(path)
		var e *LibraryError
		if !errors.As(err, &e) {
			t.Fatalf("error %v is no LibraryError", err)
		}
		t.Log(err)
		return
	}
	text := filepath.Join(t.TempDir(), "text.so")
	if err := os.WriteFile(text, []byte("no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, path, want string }{
		{"text", text, "too short"},
		{"other library", otherLibrary(t), "is no ONNX Runtime library; run `make provision`"},
		{"absent", filepath.Join(filepath.Dir(text), "absent.so"), "no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestLoad_WrongFile$", "-test.v")
			cmd.Env = append(os.Environ(), "JCSNODE_TEST_LOAD="+c.path)
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), c.want) {
				t.Errorf("%v, want %q in:\n%s", err, c.want, out)
			}
		})
	}
}

// otherLibrary gives some shared library that is not ONNX Runtime.
func otherLibrary(t *testing.T) string {
	for _, pattern := range []string{
		"/lib/x86_64-linux-gnu/libz.so.1", "/lib/x86_64-linux-gnu/libm.so.6", "/lib*/libm.so.6", "/usr/lib*/libm.so.6",
	} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[0]
		}
	}
	t.Skip("skipped, needs a shared library that is not ONNX Runtime: none found")
	return ""
}

func TestLoad_SecondLibraryIsRefused(t *testing.T) {
	needLibrary(t)
	path, err := Find("", DeviceCPU)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the same one is no second one
		if err := load(path); err != nil {
			t.Fatal(err)
		}
	}
	err = load(otherLibrary(t))
	if err == nil || !strings.Contains(err.Error(), "this process has already loaded") {
		t.Errorf("error %v", err)
	}
}

func TestProvision(t *testing.T) {
	run := func(t *testing.T, env []string, args ...string) (string, error) {
		cmd := exec.Command("bash", append([]string{"provision.sh"}, args...)...)
		cmd.Env = append(append(os.Environ(), "XDG_CACHE_HOME="+t.TempDir(), LibraryEnv+"="), env...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	t.Run("dry run fetches nothing", func(t *testing.T) {
		cache := t.TempDir()
		for _, kind := range []string{"cpu", "openvino", "cuda"} {
			out, err := run(t, []string{"XDG_CACHE_HOME=" + cache}, "--dry-run", kind)
			if err != nil || !strings.Contains(out, "onnxruntime") || !strings.Contains(out, "MB") {
				t.Errorf("%s: %v\n%s", kind, err, out)
			}
		}
		found, err := filepath.Glob(filepath.Join(cache, "jcsnode", "onnxruntime", "[^.]*"))
		if err != nil || len(found) > 0 {
			t.Errorf("left behind: %v (%v)", found, err)
		}
	})
	t.Run("own library", func(t *testing.T) {
		if out, err := run(t, []string{LibraryEnv + "=" + otherLibrary(t)}); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		if out, err := run(t, []string{LibraryEnv + "=/absent.so"}); err == nil || !strings.Contains(out, "no such file") {
			t.Errorf("absent: %v\n%s", err, out)
		}
	})
	t.Run("nothing to fetch with", func(t *testing.T) {
		// A package client that gives something else than the pinned package: nothing may be installed.
		bin, cache := t.TempDir(), t.TempDir()
		for name, script := range map[string]string{"python3": "exit 1", "npm": "echo other >onnxruntime-node-1.30.0.tgz"} {
			if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		out, err := run(t, []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "XDG_CACHE_HOME=" + cache})
		if err == nil || !strings.Contains(out, "npm could not fetch it") || !strings.Contains(out, "set JCSNODE_ONNXRUNTIME") {
			t.Errorf("%v\n%s", err, out)
		}
		found, err := filepath.Glob(filepath.Join(cache, "jcsnode", "onnxruntime", "[^.]*"))
		if err != nil || len(found) > 0 {
			t.Errorf("left behind: %v (%v)", found, err)
		}
	})
}
