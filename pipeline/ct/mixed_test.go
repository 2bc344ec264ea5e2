package ct

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"

	"jcsnode/dataset"
	"jcsnode/phantom"
)

func compared(t *testing.T, lists ...[]Header) []Header {
	t.Helper()
	var all []Header
	for _, l := range lists {
		all = append(all, l...)
	}
	if err := ComparePixels(context.Background(), OpenPath, all); err != nil {
		t.Fatal(err)
	}
	return all
}

// Two scans in one series are told by their pixels, copies of one are none.
func TestLoad_ScansOfOneSeries(t *testing.T) {
	const step = 8
	raised := func(headers []Header, mm float64) []Header {
		return change(slices.Clone(headers), func(h *Header) { h.Position[2] += mm })
	}
	again := func(headers []Header) []Header {
		return change(slices.Clone(headers), func(h *Header) { h.SOPInstanceUID += ".1" })
	}
	a := phantomChest(t)
	b := upwards(again(raised(a, 3*step))) // another breath
	tests := []struct {
		name    string
		headers []Header
		slices  int
		code    string
	}{
		{"one", a, 30, ""},
		{"sent twice", append(again(a), a...), 30, ""},
		{"a third sent twice", append(again(a[10:20]), a...), 30, ""},
		{"two at the same planes", slices.Concat(b, a), 0, CodeMixed},
		{"two half a step apart", slices.Concat(raised(b, step/2), a), 0, CodeMixed},
		{"two at the same planes with a time each",
			append(change(slices.Clone(b), func(h *Header) { say(h, dataset.AcquisitionTime, "100500") }),
				change(slices.Clone(a), func(h *Header) { say(h, dataset.AcquisitionTime, "100000") })...), 30, ""},
		{"two half a step apart with numbers", countedUp(slices.Concat(upwards(a), raised(b, step/2))), 30, ""},
		{"a slice taken again", append(again(b[:1]), a...), 30, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			headers := compared(t, tt.headers)
			v, _, err := loadBest(headers)
			var r *Refusal
			switch {
			case tt.code != "":
				if !errors.As(err, &r) || r.Code != tt.code {
					t.Fatalf("error %v, want %s", err, tt.code)
				}
				return
			case err != nil:
				t.Fatal(err)
			case len(v.Slices) != tt.slices:
				t.Fatalf("%d slices, want %d: %q", len(v.Slices), tt.slices, v.Notes)
			}
			rand.New(rand.NewPCG(3, 4)).Shuffle(len(headers), func(i, j int) { headers[i], headers[j] = headers[j], headers[i] })
			w, _, err := loadBest(headers)
			if err != nil {
				t.Fatal(err)
			}
			for i := range v.Slices {
				if w.Slices[i].Header.SOPInstanceUID != v.Slices[i].Header.SOPInstanceUID {
					t.Fatalf("slice %d is another in another order of the headers", i)
				}
			}
		})
	}
}

func upwards(headers []Header) []Header {
	out := slices.Clone(headers)
	sort.Slice(out, func(i, j int) bool { return out[i].Position[2] < out[j].Position[2] })
	return out
}

func countedUp(headers []Header) []Header {
	for i := range headers {
		headers[i].InstanceNumber = integerOf(i + 1)
	}
	return headers
}

// Three pictures without lungs are too few for a verdict, and that is what is said.
func TestLoad_TooFewToTell(t *testing.T) {
	dir := t.TempDir()
	if err := phantom.Write(context.Background(), dir, phantom.Options{Slices: 25, Spacing: 20, Rows: 128, Columns: 128}); err != nil {
		t.Fatal(err)
	}
	headers := readFolder(t, dir)
	var some []Header
	for i, z := range []float64{0, 5, 50} {
		h := headers[0] // far above the lungs, or below
		h.SliceThickness = 5
		h.SOPInstanceUID, h.Position[2] = fmt.Sprint("1.5.", i), z
		some = append(some, h)
	}
	if _, _, err := loadBest(some); err == nil || !strings.Contains(err.Error(), "3 slices, 5 to 45 mm apart, are too few to judge") {
		t.Errorf("error %v", err)
	}
	if _, _, err := loadBest([]Header{some[0], some[2]}); err == nil || !strings.Contains(err.Error(), "50.0 mm apart") {
		t.Errorf("error %v", err)
	}
}

// A real chest is one scan, and two with another breath between its planes, which nothing tells apart.
func TestLoad_RealScanInterleaved(t *testing.T) {
	a := change(readFolder(t, dataDir(t, "ct", "normal_001")),
		func(h *Header) { h.Values, h.InstanceNumber, h.AcquisitionNumber = nil, nil, nil })
	if _, _, err := loadBest(a); err != nil {
		t.Fatal(err)
	}
	for _, slicesOff := range []float64{2, 3, 6} {
		b := change(slices.Clone(a), func(h *Header) { h.SOPInstanceUID += ".1"; h.Position[2] += 4*slicesOff + 2 })
		var r *Refusal
		if _, _, err := loadBest(slices.Concat(a, b)); !errors.As(err, &r) || r.Code != CodeMixed {
			t.Errorf("another breath, %g mm off: %v, want %s", 4*slicesOff, err, CodeMixed)
		}
	}
}
