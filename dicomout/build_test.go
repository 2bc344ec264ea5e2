package dicomout_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"jcsnode/dicomout"
	"jcsnode/dicomout/object"
	"jcsnode/dicomout/object/objecttest"
	"jcsnode/dicomout/sc"
	"jcsnode/dicomout/seg"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// usual is the profile of a destination that asks for nothing special.
func usual() dicomout.Profile {
	return dicomout.Profile{
		Summary:            true,
		Segmentation:       true,
		Activation:         true,
		Outline:            true,
		LabelMapBackground: true,
		NotProcessed:       true,
	}
}

// options are those of a site with one destination, whose profile is the usual one but for the change.
func options(change func(p *dicomout.Profile)) dicomout.Options {
	p := usual()
	change(&p)
	return dicomout.Options{Kinds: dicomout.Kinds(p), Geometry: true, Workers: 1}
}

// positiveReport is a study with the geometry and the header of a scanner (n slices), and made-up findings: the middle
// third is positive, with a disc as lesion.
func positiveReport(t testing.TB, n int) dicomout.Study {
	t.Helper()
	s := objecttest.Chest(t)
	s.Slices = s.Slices[40 : 40+n]
	s.Models = []object.Model{
		{Name: "JCS classifier", Version: "0.1", SHA256: strings.Repeat("1", 64), Status: "untrained"},
		{Name: "JCS segmenter", Version: "0.2", SHA256: strings.Repeat("2", 64), Status: object.StatusTrained},
	}
	r := dicomout.Study{
		Shared:  s,
		Outcome: sc.Positive,
		Decision: sc.Basis{
			Rule: "count", PositiveSlices: n / 3, Threshold: 2, PositiveMM: float64(n/3) * 2, ThresholdMM: 0, OperatingPoint: 0.5,
		},
		Measures: sc.Measures{
			Segmented: true, LesionML: 40, Lesions: 1, LungML: 4000, LungShare: 0.01,
			Right: sc.Lung{VolumeML: 2200, LesionML: 40}, Left: sc.Lung{VolumeML: 1800},
		},
		Scale:        sc.Scale{Max: 2, Text: "study maximum"},
		Segmentation: seg.Input{Model: s.Models[1], Threshold: 0.5, Window: [2]float64{-1350, 150}, SpacingBetweenSlices: 2},
		Options:      options(func(*dicomout.Profile) {}),
	}
	for i, sl := range s.Slices {
		f := dicomout.SliceFindings{HU: make([]int16, sl.Rows*sl.Columns), Probability: 0.1}
		if i >= n/3 && i < n/3*2 {
			f.Probability, f.Positive, f.Mask = 0.9, true, make([]byte, len(f.HU))
		}
		for at := range f.HU {
			d := math.Hypot(float64(at/sl.Columns-sl.Rows/2), float64(at%sl.Columns-sl.Columns/3))
			f.HU[at] = int16(-1000 + 10*min(d, 100))
			if f.Mask != nil && d < 40 {
				f.Mask[at] = 1
				f.LesionAreaMM2 += 0.56
			}
		}
		r.Slices = append(r.Slices, f)
	}
	r.Activation = func(i int) []float32 {
		sl := s.Slices[i]
		a := make([]float32, sl.Rows*sl.Columns)
		for at := range a {
			a[at] = float32(2 * math.Exp(-math.Abs(float64(at%sl.Columns-sl.Columns/3))/60))
		}
		return a
	}
	return r
}

// built is what Build handed out.
type built struct {
	object  *object.Object
	preview image.Image
}

func build(t testing.TB, r dicomout.Study) []built {
	t.Helper()
	var all []built
	err := dicomout.Build(t.Context(), r, func(o *object.Object, preview image.Image) error {
		all = append(all, built{o, preview})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// kinds counts objects of the same kind in a row: "summary 1, seg 1".
func kinds(all []built) string {
	var text []string
	for i := 0; i < len(all); {
		n := i
		for n < len(all) && all[n].object.Kind == all[i].object.Kind {
			n++
		}
		text = append(text, fmt.Sprintf("%s %d", all[i].object.Kind, n-i))
		i = n
	}
	return strings.Join(text, ", ")
}

func TestBuild_MakesWhatTheOutcomeAsksFor(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(r *dicomout.Study)
		want   string
	}{
		{"positive", func(*dicomout.Study) {}, "summary 1, seg 1, activation 3, outline 3"},
		{"positive, several workers", func(r *dicomout.Study) { r.Options.Workers = 5 }, "summary 1, seg 1, activation 3, outline 3"},
		{"positive, no lesion found", func(r *dicomout.Study) {
			for i := range r.Slices {
				clear(r.Slices[i].Mask)
				r.Slices[i].LesionAreaMM2 = 0
			}
		}, "summary 1, activation 3"},
		{"positive, one slice not segmented",
			func(r *dicomout.Study) { r.Slices[4].Mask = nil }, "summary 1, seg 1, activation 3, outline 2"},
		{"positive, no activation", func(r *dicomout.Study) { r.Activation = nil }, "summary 1, seg 1, outline 3"},
		{"positive, summary only", func(r *dicomout.Study) { r.Options.Kinds = []object.Kind{object.Summary} }, "summary 1"},
		{"positive, all off", func(r *dicomout.Study) { r.Options.Kinds = nil }, ""},
		{"positive, frames of one instance", func(r *dicomout.Study) {
			for i := range r.Shared.Slices {
				r.Shared.Slices[i].SOPInstanceUID, r.Shared.Slices[i].InstanceNumber = r.Shared.Slices[0].SOPInstanceUID, 1
				r.Shared.Slices[i].Frame = i + 1
			}
		}, "summary 1, seg 1, activation 3, outline 3"},
		{"negative", func(r *dicomout.Study) { r.Outcome = sc.Negative }, "summary 1"},
		{"not processed", func(r *dicomout.Study) {
			r.Outcome, r.Reason, r.Remedy, r.Slices, r.Shared.Slices = sc.NotProcessed, "No axial series.", "Send it.", nil, nil
		}, "summary 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := positiveReport(t, 9)
			c.change(&r)
			all := build(t, r)
			if got := kinds(all); got != c.want {
				t.Fatalf("made %q, want %q", got, c.want)
			}
			uids := map[string]bool{}
			for _, b := range all {
				if uids[b.object.SOPInstanceUID] {
					t.Errorf("UID %s twice", b.object.SOPInstanceUID)
				}
				uids[b.object.SOPInstanceUID] = true
				if b.preview == nil {
					t.Errorf("%s has no preview", b.object.Title)
				}
			}
		})
	}
}

func TestBuild_SameBytesEveryTime(t *testing.T) {
	r := positiveReport(t, 9)
	first := build(t, r)
	for _, workers := range []int{1, 3} {
		r.Options.Workers = workers
		second := build(t, r)
		if len(first) != len(second) {
			t.Fatalf("%d objects, then %d", len(first), len(second))
		}
		for i := range first {
			if !bytes.Equal(first[i].object.File, second[i].object.File) {
				t.Errorf("%d workers: %s differs", workers, first[i].object.Title)
			}
		}
	}
}

func TestBuild_StopsWhenEmitFails(t *testing.T) {
	r := positiveReport(t, 9)
	r.Options.Workers = 3
	full := errors.New("disk full")
	calls := 0
	err := dicomout.Build(t.Context(), r, func(*object.Object, image.Image) error {
		calls++
		if calls == 3 {
			return full
		}
		return nil
	})
	if !errors.Is(err, full) || calls != 3 {
		t.Errorf("error %v after %d calls, want %v after 3", err, calls, full)
	}
	if !strings.Contains(err.Error(), r.Shared.StudyInstanceUID) {
		t.Errorf("error %q does not name the study", err)
	}
}

func TestBuild_StopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	err := dicomout.Build(ctx, positiveReport(t, 9), func(*object.Object, image.Image) error {
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

// TestBuild_KeepsFewObjects lets emit be slower than the workers, who must wait for it.
func TestBuild_KeepsFewObjects(t *testing.T) {
	r := positiveReport(t, 60)
	r.Options = dicomout.Options{Kinds: []object.Kind{object.Activation}, Workers: 2}
	var started atomic.Int64
	inner := r.Activation
	r.Activation = func(i int) []float32 {
		started.Add(1)
		return inner(i)
	}
	emitted := int64(0)
	err := dicomout.Build(t.Context(), r, func(*object.Object, image.Image) error {
		for range 1000 { // until the workers have done what they may
			runtime.Gosched()
		}
		if ahead := started.Load() - emitted; ahead > 4 {
			t.Errorf("%d objects begun before number %d was sent", ahead, emitted+1)
		}
		emitted++
		return nil
	})
	if err != nil || emitted != 20 {
		t.Errorf("%d objects, %v", emitted, err)
	}
}

func TestBuild_RefusesWhatDoesNotFit(t *testing.T) {
	for name, spoil := range map[string]func(r *dicomout.Study){
		"no study":         func(r *dicomout.Study) { r.Shared = nil },
		"no findings":      func(r *dicomout.Study) { r.Slices = nil },
		"missing finding":  func(r *dicomout.Study) { r.Slices = r.Slices[1:] },
		"no HU":            func(r *dicomout.Study) { r.Slices[2].HU = nil },
		"broken spacing":   func(r *dicomout.Study) { r.Shared.Slices[2].PixelSpacingDS = "0,7" },
		"short mask":       func(r *dicomout.Study) { r.Slices[4].Mask = r.Slices[4].Mask[1:] },
		"short activation": func(r *dicomout.Study) { r.Activation = func(int) []float32 { return make([]float32, 7) } },
	} {
		r := positiveReport(t, 9)
		spoil(&r)
		if err := dicomout.Build(t.Context(), r, func(*object.Object, image.Image) error { return nil }); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func BenchmarkBuild_Study(b *testing.B) {
	r := positiveReport(b, 60)
	objects := 0
	for b.Loop() {
		if err := dicomout.Build(b.Context(), r, func(*object.Object, image.Image) error { objects++; return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(objects), "ms/object")
}

// A slice gets a picture where there is something to see; a study whose lesions are all small gets one all the same.
func TestBuild_OutlinesOfWhatCanBeSeen(t *testing.T) {
	for _, tt := range []struct {
		name  string
		areas []float64 // mm2 of lesion of the slices
		want  int
	}{
		{"two pixels of colour", []float64{1, 300, 24.9}, 1},
		{"all can be seen", []float64{25, 300, 60}, 3},
		{"none can", []float64{3, 9, 4}, 1},
		{"two alike", []float64{9, 9, 4}, 2},
		{"none at all", []float64{0, 0, 0}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := positiveReport(t, 9)
			for i := range r.Slices {
				s := &r.Slices[i]
				s.Mask, s.LesionAreaMM2 = nil, 0
				if i < len(tt.areas) {
					s.Mask, s.LesionAreaMM2 = make([]byte, len(s.HU)), tt.areas[i]
					if tt.areas[i] > 0 {
						s.Mask[0] = 1
					}
				}
			}
			n := 0
			for _, b := range build(t, r) {
				if b.object.Kind == object.Outline.Name {
					n++
				}
			}
			if n != tt.want {
				t.Errorf("%d outlines, want %d", n, tt.want)
			}
		})
	}
}
