package ct

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"jcsnode/dataset"
)

// One scan stays one stack, however its slices spell what is the same; what parts a series is named with both values.
func TestSelect_Tolerance(t *testing.T) {
	byTurns := func(i int, a, b string) string {
		if i%2 == 0 {
			return a
		}
		return b
	}
	spacing := func(a, b float64) func(h *Header, i int) {
		return func(h *Header, i int) {
			h.PixelSpacing = [2]float64{a, a}
			if i%2 == 1 {
				h.PixelSpacing = [2]float64{b, b}
			}
			h.PixelSpacingDS = fmt.Sprintf(`%g\%g`, h.PixelSpacing[0], h.PixelSpacing[1])
		}
	}
	tilt := func(degrees func(i int) float64) func(h *Header, i int) {
		return func(h *Header, i int) {
			s, c := math.Sincos(degrees(i) * math.Pi / 180)
			h.Orientation = [6]float64{1, 0, 0, 0, c, s}
		}
	}
	tests := []struct {
		name   string
		change func(h *Header, i int)
		slices int    // of the stack that is read, of 60
		note   string // of the stack
	}{
		{"spacing with four and five digits", spacing(0.7812, 0.78125), 60, ""},
		{"spacing with two and five digits", spacing(0.78, 0.78125), 60, ""},
		{"spacing of a field of view that is 1 mm wider", spacing(400.0/512, 401.0/512), 30,
			`PixelSpacing (0028,0030) is 0.78125\0.78125, and 0.783203125\0.783203125 in 30 other slices`},
		{"spacing of another field of view", spacing(0.7, 0.9), 30, "PixelSpacing (0028,0030)"},
		{"directions that jitter", tilt(func(i int) float64 { return 0.2 * float64(i%3-1) }), 60, ""},
		{"two directions half a degree apart",
			tilt(func(i int) float64 { return 0.5 * float64(i%2) }), 30, "ImageOrientationPatient (0020,0037)"},
		{"directions of seven digits",
			func(h *Header, i int) { h.Orientation[1], h.Orientation[3] = 1e-7*float64(i%5), -1e-7*float64(i%5) }, 60, ""},
		{"places that jitter in the plane",
			func(h *Header, i int) { h.Position[0] += 0.3 * float64(i%4); h.Position[1] -= 0.4 * float64(i%3) }, 60, ""},
		{"thickness that is measured", func(h *Header, i int) { h.SliceThickness = 2 + 0.01*float64(i%7) }, 60, ""},
		{"a frame of reference in each slice", func(h *Header, i int) { h.FrameOfReferenceUID = fmt.Sprint("1.9.", i) },
			60, "FrameOfReferenceUID (0020,0052) changes from slice to slice of one stack (1.9.0, 1.9.1)"},
		{"a frame of reference in each pair",
			func(h *Header, i int) { h.FrameOfReferenceUID = fmt.Sprint("1.9.", i/2) }, 60, "FrameOfReferenceUID (0020,0052) changes"},
		{"a frame of reference in every second slice",
			func(h *Header, i int) { h.FrameOfReferenceUID = byTurns(i, "1.9", "") }, 60, "absent or empty in 30 of 60 slices"},
		{"a frame of reference in one slice", func(h *Header, i int) {
			if i != 17 {
				h.FrameOfReferenceUID = ""
			}
		}, 60, "absent or empty in 59 of 60 slices"},
		{"another frame of reference in one slice", func(h *Header, i int) {
			if i == 17 {
				h.FrameOfReferenceUID = "1.8"
			}
		}, 60, "changes from slice to slice"},
		{"another frame of reference from the middle on, in step",
			func(h *Header, i int) { h.FrameOfReferenceUID = fmt.Sprint("1.9.", i/30) }, 60, "changes from slice to slice"},
		{"another frame of reference behind a gap", func(h *Header, i int) {
			h.FrameOfReferenceUID = fmt.Sprint("1.9.", i/31)
			h.Position[2] += 50 * float64(i/31)
		}, 31, "FrameOfReferenceUID (0020,0052) is 1.9.0, and 1.9.1 in 29 other slices"},
		{"another frame of reference, and moved aside", func(h *Header, i int) {
			h.FrameOfReferenceUID = fmt.Sprint("1.9.", i/31)
			h.Position[0] += 60 * float64(i/31)
		}, 31, "FrameOfReferenceUID (0020,0052)"},
		{"frames of reference by turns", func(h *Header, i int) { h.FrameOfReferenceUID = byTurns(i, "1.8", "1.9") },
			30, "FrameOfReferenceUID (0020,0052) is 1.8, and 1.9"},
		{"a height of the table for each slice", func(h *Header, i int) { say(h, dataset.TableHeight, fmt.Sprint(150+i%4)) }, 60, ""},
		{"a matrix by turns", func(h *Header, i int) { h.Columns = 512 - 256*(i%2) }, 30,
			"Rows (0028,0010) by Columns (0028,0011) is 512 x 256, and 512 x 512 in 30 other slices"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			headers := planes("1.1", steps(0, 4, 60)...)
			for i := range headers {
				tt.change(&headers[i], i)
			}
			sel := Select(headers)
			if sel.Refusal != nil {
				t.Fatal(sel.Refusal)
			}
			if len(sel.Chosen.Headers) != tt.slices {
				t.Errorf("%s was chosen, want %d slices", sel.Chosen.Name, tt.slices)
			}
			if notes := strings.Join(sel.Chosen.Notes, "\n"); !strings.Contains(notes, tt.note) {
				t.Errorf("notes %q, want one with %q", notes, tt.note)
			}
			if whole := tt.slices == 60; whole != (len(sel.Chosen.Marks) == 0) {
				t.Errorf("marks %v of %d slices", sel.Chosen.Marks, tt.slices)
			}
		})
	}
}

// A series that falls into pieces too small to read says by which element, and with which values.
func TestSelect_RefusalNamesWhatParts(t *testing.T) {
	headers := planes("1.1", 0, 4)
	headers[1].PixelSpacing, headers[1].PixelSpacingDS = [2]float64{0.9, 0.9}, `0.9\0.9`
	sel := Select(headers)
	const want = `PixelSpacing (0028,0030) is 0.7\0.7, and 0.9\0.9 in one other slice of the series`
	if sel.Refusal == nil || sel.Refusal.Code != CodeTooFewSlices || !strings.Contains(sel.Refusal.Text, want) {
		t.Errorf("%+v, want %s with %q", sel.Refusal, CodeTooFewSlices, want)
	}
}

func TestSelect_SeriesForEachSlice(t *testing.T) {
	headers := planes("1.1", steps(0, 4, 60)...)
	for i := range headers {
		headers[i].SeriesInstanceUID = fmt.Sprint("1.1.", i)
	}
	sel := Select(headers)
	if sel.Refusal == nil || !strings.Contains(sel.Refusal.Text, "SeriesInstanceUID (0020,000E) is another in each of 60 slices") {
		t.Errorf("%+v", sel.Refusal)
	}
}
