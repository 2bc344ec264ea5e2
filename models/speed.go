package models

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// openVINOGain is how many times as fast OpenVINO must be to be worth its 400 MB of memory and its longer start.
const openVINOGain = 1.2

// speed is what one slice takes, classified and segmented, with all workers at work.
type speed struct {
	Own      float64 `json:"own_ms"`      // ONNX Runtime's own kernels
	OpenVINO float64 `json:"openvino_ms"` // OpenVINO's
}

func (s speed) String() string {
	return fmt.Sprintf("a slice takes %.0f ms by it, %.0f ms by ONNX Runtime's own kernels", s.OpenVINO, s.Own)
}

// gains tells whether OpenVINO is worth it.
func (s speed) gains() bool { return s.OpenVINO*openVINOGain <= s.Own }

// plausible guards against a file of somebody else.
func (s speed) plausible() bool { return plausible(s.Own) && plausible(s.OpenVINO) }

// plausible tells whether a slice may take that.
func plausible(ms float64) bool { return ms > 0 && ms < 1e6 }

// measured is all that a speed depends on. The method's number changes with how it is measured.
type measured struct {
	Method    int      `json:"method"`
	Processor string   `json:"processor"` // model and flags
	Threads   int      `json:"threads"`
	Workers   int      `json:"workers"`
	Networks  []string `json:"networks"`  // SHA-256
	Libraries []string `json:"libraries"` // name, size and time of each: their versions, without loading them
}

// record is a file of the cache.
type record struct {
	speed
	At time.Time `json:"at"`
	Of measured  `json:"of"`
}

// stopwatch measures with a library of OpenVINO's build, once for each machine, and keeps the answer in a folder: the engine is part of
// what objects are named by, so it must not change from start to start because one measurement was disturbed.
type stopwatch struct {
	folder  string // of the cache
	of      measured
	measure func() (speed, error)
}

// newStopwatch is that of this machine. Each engine is timed with the library that it would get.
func newStopwatch(dir string, m Manifest, opt Options, library string) stopwatch {
	workers, pool := plan(opt, runtime.GOMAXPROCS(0), DeviceOpenVINO)
	of := measured{Method: 3, Processor: processor("/proc/cpuinfo"), Threads: workers + pool - 1, Workers: workers,
		Networks: []string{m.Classifier.SHA256, m.Segmenter.SHA256}, Libraries: stamps(folderOf(library))}
	own, err := Find(opt.Library, DeviceCPU)
	if err != nil {
		own = library
	}
	if folderOf(own) != folderOf(library) {
		of.Libraries = append(of.Libraries, stamps(folderOf(own))...)
	}
	libraries := map[string]string{DeviceCPU: own, DeviceOpenVINO: library}
	return stopwatch{
		folder: filepath.Join(cacheFolder(), "speed"),
		of:     of,
		measure: func() (speed, error) {
			return inTurns(func(device string) (ms float64, err error) {
				one := opt
				one.Device, one.Library = device, libraries[device]
				if device == DeviceOpenVINO {
					one.Kernels = KernelsFloat32 // which stand beside it, are right everywhere, and are not timed
				}
				return measureElsewhere(dir, one)
			})
		},
	}
}

// measureTurns is how often each engine gets a process: what else the machine does comes and goes, and an engine that is wrong may be
// right in one process by chance.
const measureTurns = 2

// inTurns times both engines. The least time counts: other work on the machine only ever adds to it. An engine that calculates wrongly is
// a *DeviceError with its name.
func inTurns(time func(device string) (ms float64, err error)) (speed, error) {
	s := speed{Own: math.Inf(1), OpenVINO: math.Inf(1)}
	for range measureTurns {
		own, err := time(DeviceCPU)
		if err != nil {
			return speed{}, err
		}
		openVINO, err := time(DeviceOpenVINO)
		if err != nil {
			return speed{}, err
		}
		s = speed{Own: min(s.Own, own), OpenVINO: min(s.OpenVINO, openVINO)}
	}
	return s, nil
}

// processor is the model and the flags of the first processor.
func processor(cpuinfo string) string {
	text, err := os.ReadFile(cpuinfo)
	if err != nil {
		return runtime.GOARCH
	}
	first, _, _ := strings.Cut(string(text), "\n\n")
	var parts []string
	for line := range strings.Lines(first) {
		key, value, _ := strings.Cut(line, ":")
		switch strings.TrimSpace(key) {
		case "model name", "flags":
			parts = append(parts, strings.TrimSpace(value))
		}
	}
	return strings.Join(parts, "; ")
}

// stamps tell versions of the libraries of a folder apart.
func stamps(folder string) []string {
	paths, _ := filepath.Glob(filepath.Join(folder, "lib*.so*")) // the pattern is good
	var all []string
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			all = append(all, fmt.Sprintf("%s %d %d", filepath.Base(path), info.Size(), info.ModTime().Unix()))
		}
	}
	return all
}

// time gives the speed that was measured here before, or measures. at is when.
func (w stopwatch) time(now time.Time) (s speed, at time.Time, err error) {
	key, err := json.Marshal(w.of)
	if err != nil {
		return speed{}, time.Time{}, fmt.Errorf("name of the measurement: %w", err)
	}
	path := w.path(key)
	if r, ok := readRecord(path, key); ok {
		return r.speed, r.At, nil
	}
	// Where it cannot be kept it is not made: each start would choose anew.
	partial, err := w.reserve()
	if err != nil {
		return speed{}, time.Time{}, fmt.Errorf("what is measured could not be kept (%w); make the folder writable, or set models.device",
			err)
	}
	defer os.Remove(partial.Name()) // gone if all is well
	defer partial.Close()
	if s, err = w.measure(); err != nil {
		return speed{}, time.Time{}, err
	}
	text, err := json.MarshalIndent(record{s, now, w.of}, "", "  ")
	if err == nil {
		_, err = partial.Write(append(text, '\n'))
	}
	if err = errors.Join(err, partial.Sync()); err == nil {
		err = os.Rename(partial.Name(), path)
	}
	if err != nil {
		return speed{}, time.Time{}, fmt.Errorf("keep what was measured: %w", err)
	}
	return s, now, nil
}

// path is the file of a measurement.
func (w stopwatch) path(key []byte) string {
	return filepath.Join(w.folder, digestOf(key)[:32]+".json")
}

// forget removes what was measured here, if it was.
func (w stopwatch) forget() error {
	key, err := json.Marshal(w.of)
	if err == nil {
		err = os.Remove(w.path(key))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget what was measured: %w", err)
	}
	return nil
}

func (w stopwatch) reserve() (*os.File, error) {
	if err := os.MkdirAll(w.folder, 0o755); err != nil {
		return nil, err
	}
	return os.CreateTemp(w.folder, ".partial-*")
}

// readRecord reads what was measured for this key. A file that is damaged or another's is as good as none.
func readRecord(path string, key []byte) (record, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return record{}, false
	}
	var r record
	if err := json.Unmarshal(text, &r); err != nil || !r.plausible() {
		return record{}, false
	}
	of, err := json.Marshal(r.Of)
	return r, err == nil && bytes.Equal(of, key)
}

// measureVariable makes a process of this executable one that measures. It holds the folder and the Options.
const measureVariable = "JCSNODE_MEASURE_NETWORKS"

// measureRemedy is what to do when an engine cannot be measured: the node takes the other one, and measures at each start.
const measureRemedy = "set models.device to the engine that is to be used, and nothing is measured"

// measureLimit bounds a measurement: half a minute on a slow processor.
const measureLimit = 3 * time.Minute

// errand is what a measuring process is told and what it answers.
type errand struct {
	Dir     string  `json:"dir"`
	Options Options `json:"options"`
	Ms      float64 `json:"ms"`
	Error   string  `json:"error"`
}

// measureElsewhere times one engine in a process of its own: a process takes one library of ONNX Runtime, and here it may become another
// one. What the engine does wrong is a *DeviceError with its name.
func measureElsewhere(dir string, opt Options) (ms float64, err error) {
	program := "/proc/self/exe" // also when the file was replaced
	if _, err := os.Stat(program); err != nil {
		if program, err = os.Executable(); err != nil {
			return 0, fmt.Errorf("measure the networks: %w", err)
		}
	}
	task, err := json.Marshal(errand{Dir: dir, Options: opt})
	if err != nil {
		return 0, fmt.Errorf("measure the networks: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), measureLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program)
	cmd.Args = []string{"measure-networks"} // in lists of processes
	cmd.Env = append(os.Environ(), measureVariable+"="+string(task))
	var words bytes.Buffer
	cmd.Stderr = &words
	out, err := cmd.Output()
	var answer errand
	if err == nil {
		err = json.Unmarshal(out, &answer)
	}
	switch {
	case err != nil:
		return 0, fmt.Errorf("measure the networks: %w: %.300s", err, words.Bytes())
	case answer.Error != "":
		return 0, &DeviceError{Device: opt.Device, Kind: DeviceFailed, Text: "measured: " + answer.Error, Remedy: measureRemedy}
	case !plausible(answer.Ms):
		return 0, fmt.Errorf("measure the networks: %v ms by %s", answer.Ms, opt.Device)
	}
	return answer.Ms, nil
}
