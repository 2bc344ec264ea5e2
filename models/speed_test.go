package models

import (
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSpeed_Gains(t *testing.T) {
	for _, c := range []struct {
		own, openVINO float64
		want          bool
	}{{300, 100, true}, {120, 100, true}, {119, 100, false}, {100, 100, false}, {100, 200, false}} {
		if got := (speed{c.own, c.openVINO}).gains(); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// Both engines are timed in turns, each with its least, until one of them calculates wrongly.
func TestInTurns(t *testing.T) {
	wrong := func(device string) error { return &DeviceError{Device: device, Kind: DeviceFailed, Text: "wrong"} }
	for _, c := range []struct {
		name   string
		times  []any // in the order of the calls
		want   speed
		blames string
	}{
		{"least of each", []any{300.0, 120.0, 310.0, 100.0}, speed{300, 100}, ""},
		{"own kernels are wrong", []any{wrong(DeviceCPU)}, speed{}, DeviceCPU},
		{"OpenVINO is wrong the second time", []any{300.0, 120.0, 310.0, wrong(DeviceOpenVINO)}, speed{}, DeviceOpenVINO},
	} {
		t.Run(c.name, func(t *testing.T) {
			var asked []string
			got, err := inTurns(func(device string) (float64, error) {
				now := c.times[len(asked)]
				asked = append(asked, device)
				if err, failed := now.(error); failed {
					return 0, err
				}
				return now.(float64), nil
			})
			var blamed *DeviceError
			if got != c.want || (err == nil) != (c.blames == "") || err != nil && !(errors.As(err, &blamed) && blamed.Device == c.blames) {
				t.Errorf("%+v, %v, want %+v, %s", got, err, c.want, c.blames)
			}
			order := []string{DeviceCPU, DeviceOpenVINO, DeviceCPU, DeviceOpenVINO}
			if len(asked) != len(c.times) || !slices.Equal(asked, order[:len(asked)]) {
				t.Errorf("timed %v", asked)
			}
		})
	}
}

// What is quick and wrong is not measured.
func TestTime_WantsTheAnswer(t *testing.T) {
	r, err := Open(networks(t, "classifier.onnx", "segmenter.onnx"), Options{Device: DeviceCPU}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p := pair{r.classifier, r.segmenter}
	want, err := p.answer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if took, err := p.time(2, want); err != nil || took <= 0 {
		t.Errorf("%v, %v", took, err)
	}
	want.probability += 0.2
	if _, err := p.time(2, want); err == nil || !strings.Contains(err.Error(), "give a probability") {
		t.Errorf("error %v", err)
	}
}

func TestStopwatch_MeasuresOnce(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "speed")
	count := 0
	measure := func() (speed, error) { count++; return speed{Own: 100 + float64(count), OpenVINO: 50}, nil }
	w := stopwatch{
		folder:  folder,
		of:      measured{Processor: "a", Threads: 2, Networks: []string{"x", "y"}, Libraries: []string{"l 1 2"}},
		measure: measure,
	}
	began := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	expect := func(step string, w stopwatch, wantCount int, wantAt time.Time) {
		t.Helper()
		s, at, err := w.time(began.Add(time.Duration(wantCount) * time.Hour))
		if err != nil || count != wantCount || !s.plausible() || !at.Equal(wantAt) {
			t.Errorf("%s: %+v of %v (%v), measured %d times, want %d, %v", step, s, at, err, count, wantCount, wantAt)
		}
	}
	first := began.Add(time.Hour)
	count = 0
	if s, at, err := w.time(first); err != nil || s.Own != 101 || !at.Equal(first) {
		t.Fatalf("%+v %v %v", s, at, err)
	}
	if s, at, err := w.time(began.Add(5 * time.Hour)); err != nil || s.Own != 101 || !at.Equal(first) || count != 1 {
		t.Errorf("again: %+v %v %v, measured %d times", s, at, err, count)
	}
	for n, change := range []func(*measured){
		func(m *measured) { m.Processor = "b" }, func(m *measured) { m.Threads = 1 }, func(m *measured) { m.Networks = []string{"x", "z"} },
		func(m *measured) { m.Libraries = []string{"l 1 3"} }, func(m *measured) { m.Method = 2 }, func(m *measured) { m.Workers = 7 },
	} {
		other := w
		change(&other.of)
		expect("another machine", other, n+2, began.Add(time.Duration(n+2)*time.Hour))
	}
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(files) != 7 {
		t.Fatalf("%v, %v", files, err)
	}
	// What is damaged, or was written for something else, or by somebody who dreams, is measured again.
	var path string
	for _, p := range files {
		if text, _ := os.ReadFile(p); strings.Contains(string(text), `"processor": "a"`) &&
			strings.Contains(string(text), `"own_ms": 101`) {
			path = p
		}
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "{", string(good[:len(good)/2]),
		strings.Replace(string(good), "101", "-101", 1), strings.Replace(string(good), "101", "1e300", 1),
		strings.Replace(string(good), `"a"`, `"b"`, 1), "null", "[]",
		strings.Replace(string(good), `"openvino_ms": 50`, `"openvino_ms": "50"`, 1)} {
		if text == string(good) {
			t.Fatal("nothing was changed")
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		expect(text, w, count+1, began.Add(time.Duration(count+1)*time.Hour))
	}
	// What is forgotten is measured again; what is not there can be forgotten, too.
	for range 2 {
		if err := w.forget(); err != nil {
			t.Error(err)
		}
	}
	expect("forgotten", w, count+1, began.Add(time.Duration(count+1)*time.Hour))
	// A measurement that fails leaves nothing behind.
	w.of.Processor, w.measure = "c", func() (speed, error) { return speed{}, errors.New("no OpenVINO") }
	if _, _, err := w.time(began); err == nil || !strings.Contains(err.Error(), "no OpenVINO") {
		t.Errorf("error %v", err)
	}
	if after, _ := os.ReadDir(folder); len(after) != len(files) {
		t.Errorf("left behind: %v", after)
	}
}

// Without a place to keep it nothing is measured: the engine, and with it the UIDs of objects, would change from start to start.
func TestStopwatch_NowhereToKeep(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	w := stopwatch{folder: filepath.Join(file, "speed"), measure: func() (speed, error) { t.Error("measured"); return speed{}, nil }}
	if _, _, err := w.time(time.Now()); err == nil || !strings.Contains(err.Error(), "set models.device") {
		t.Errorf("error %v", err)
	}
}

func TestProcessor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cpuinfo")
	text := "processor\t: 0\nmodel name\t: AMD EPYC\ncpu MHz\t\t: 2596.1\n" +
		"flags\t\t: fpu avx512_vnni\n\nprocessor\t: 1\nmodel name\t: other\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := processor(path); got != "AMD EPYC; fpu avx512_vnni" {
		t.Errorf("%q", got)
	}
	if got := processor("/nowhere"); got == "" {
		t.Error("nothing")
	}
}

// TestOpenVINO_Auto measures really, in a process of its own, and keeps what it measured.
func TestOpenVINO_Auto(t *testing.T) {
	if !withOpenVINO(t) {
		return
	}
	library, err := Find("", DeviceOpenVINO)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(LibraryEnv, library)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	log, text := logTo()
	r, err := Open(".", Options{Threads: 1}, log)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(cacheFolder(), "speed", "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("kept %v (%v):\n%s", files, err, text)
	}
	kept, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var found record
	if err := json.Unmarshal(kept, &found); err != nil || !found.plausible() {
		t.Fatalf("kept %s (%v)", kept, err)
	}
	t.Logf("%+v: %s", found.speed, r.Device())
	if want := map[bool]string{true: DeviceOpenVINO, false: DeviceCPU}[found.gains()]; !strings.HasPrefix(r.Engine(), want) {
		t.Errorf("engine %s, want %s: %+v", r.Engine(), want, found.speed)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	// What is kept decides, whatever would be measured now.
	for engine, s := range map[string]speed{DeviceCPU: {100, 99}, DeviceOpenVINO: {300, 100}} {
		found.speed = s
		changed, err := json.Marshal(found)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(files[0], changed, 0o644); err != nil {
			t.Fatal(err)
		}
		r, err := Open(".", Options{Threads: 1}, log)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(r.Engine(), engine) { // float32 kernels on AMX
			t.Errorf("kept %+v: engine %s", s, r.Engine())
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}
