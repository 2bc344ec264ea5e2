package ct

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// planes are headers of one series at the given z, in that order.
func planes(series string, z ...float64) []Header {
	var out []Header
	for i, at := range z {
		n, acquisition := i+1, 1
		out = append(out, Header{
			Path: fmt.Sprintf("%s/%d", series, i), SOPClassUID: ctImageStorage, SOPInstanceUID: fmt.Sprintf("%s.%d", series, i+1),
			StudyInstanceUID: "1.2", SeriesInstanceUID: series, FrameOfReferenceUID: "1.9", PatientID: "P", Modality: "CT",
			ImageType: []string{"ORIGINAL", "PRIMARY", "AXIAL"}, InstanceNumber: &n, AcquisitionNumber: &acquisition, Frames: 1,
			Rows: 512, Columns: 512, Position: [3]float64{0, 0, at},
			Orientation: [6]float64{1, 0, 0, 0, 1, 0}, PixelSpacing: [2]float64{0.7, 0.7},
			SliceThickness: 2, Slope: 1, Intercept: -1024,
		})
	}
	return out
}

// steps is n numbers from start, step apart.
func steps(start, step float64, n int) []float64 {
	var out []float64
	for i := range n {
		out = append(out, start+step*float64(i))
	}
	return out
}

func change(headers []Header, f func(*Header)) []Header {
	for i := range headers {
		f(&headers[i])
	}
	return headers
}

func TestSelect_ChoosesOneStack(t *testing.T) {
	concat := func(lists ...[]Header) []Header {
		var out []Header
		for _, l := range lists {
			out = append(out, l...)
		}
		return out
	}
	kernel := func(name string, headers []Header) []Header {
		return change(headers, func(h *Header) { h.Kernel = name })
	}
	acquisition := func(n int, headers []Header) []Header {
		return change(headers, func(h *Header) { h.AcquisitionNumber = &n; h.SOPInstanceUID += fmt.Sprint(".", n) })
	}
	whole := steps(0, 1, 300)
	tests := []struct {
		name    string
		headers []Header
		chosen  string // series
		slices  int
		reason  string
		refused int // stacks beside it
	}{
		{"one", planes("1.1", whole...), "1.1", 300, "only stack", 0},
		{"lung kernel", concat(kernel("B30f", planes("1.1", whole...)), kernel("B70f", planes("1.2", whole...))), "1.2", 300, "kernel", 1},
		{"lung by description", concat(planes("1.1", whole...),
			change(planes("1.2", whole...), func(h *Header) { h.SeriesDescription = "Thorax LUNG 1.0" })), "1.2", 300, "kernel", 1},
		{"thin before lung kernel", concat(kernel("LUNG", planes("1.1", steps(0, 5, 60)...)),
			kernel("STANDARD", planes("1.2", steps(0, 1.25, 240)...))), "1.2", 240, "closer", 1},
		{"coverage before thin",
			concat(planes("1.1", steps(0, 0.6, 100)...), planes("1.2", steps(0, 5, 60)...)), "1.2", 60, "covers more", 1},
		{"chest of a small adult beside a trunk", concat(kernel("B30f", planes("1.1", steps(0, 5, 90)...)),
			kernel("B70f", planes("1.2", steps(200, 1, 242)...))), "1.2", 242, "closer", 1},
		{"half a chest beside a whole one", concat(kernel("B30f", planes("1.1", steps(0, 5, 60)...)),
			kernel("B70f", planes("1.2", steps(0, 1, 160)...))), "1.1", 60, "covers more", 1},
		{"a head beside it", concat(change(planes("1.1", steps(0, 1, 400)...), func(h *Header) { h.BodyPart = "HEAD" }),
			planes("1.2", steps(0, 5, 60)...)), "1.2", 60, "another part of the body", 1},
		{"derived beside it",
			concat(change(planes("1.1", whole...), func(h *Header) { h.ImageType = []string{"DERIVED", "PRIMARY", "AXIAL"} }),
				planes("1.2", whole...)), "1.2", 300, "original", 1},
		{"equal", concat(planes("1.1", whole...), planes("1.2", whole...)), "1.1", 300, "equal stacks", 1},
		{"two acquisitions at one place",
			concat(acquisition(1, planes("1.1", whole...)), acquisition(2, planes("1.1", whole...))), "1.1", 300, "acquisition 1", 1},
		{"two acquisitions between each other", concat(acquisition(1, planes("1.1", steps(0, 4, 50)...)),
			acquisition(2, planes("1.1", steps(2, 4, 50)...))), "1.1", 50, "acquisition", 1},
		{"an acquisition for each step of the table", concat(acquisition(1, planes("1.1", steps(0, 5, 4)...)),
			acquisition(2, planes("1.1", steps(20, 5, 4)...)), acquisition(3, planes("1.1", steps(40, 5, 4)...))), "1.1", 12, "only", 0},
		{"two acquisitions that overlap by some slices", concat(acquisition(1, planes("1.1", steps(0, 4, 40)...)),
			otherUIDs(acquisition(2, planes("1.1", steps(37*4, 4, 40)...)))), "1.1", 77, "only", 0},
		{"a slice taken again between two acquisitions", concat(acquisition(1, planes("1.1", steps(0, 4, 30)...)),
			otherUIDs(acquisition(2, planes("1.1", steps(29*4, 4, 40)...)))), "1.1", 69, "only", 0},
		{"an acquisition for each slice, one taken again", concat(eachAcquired(planes("1.1", steps(0, 10, 30)...)),
			otherUIDs(acquisition(31, planes("1.1", 110)))), "1.1", 30, "only", 0},
		{"a short acquisition within another", concat(acquisition(1, planes("1.1", steps(0, 2, 150)...)),
			otherUIDs(acquisition(2, planes("1.1", steps(101, 10, 8)...)))), "1.1", 150, "covers more", 1},
		{"two kernels in one series", concat(kernel("B20f", planes("1.1", whole...)),
			change(kernel("B60f", planes("1.1", whole...)), func(h *Header) { h.SOPInstanceUID += ".9" })), "1.1", 300, "kernel", 1},
		{"two frames of reference in one series", concat(planes("1.1", steps(0, 2, 100)...), change(planes("1.1", steps(1, 2, 101)...),
			func(h *Header) { h.FrameOfReferenceUID = "1.8"; h.SOPInstanceUID += ".9" })), "1.1", 101, "more slices", 1},
		{"two directions in one series",
			concat(planes("1.1", steps(0, 2, 100)...), change(planes("1.1", steps(0, 2, 120)...), func(h *Header) {
				h.Orientation = [6]float64{1, 0, 0, 0, 0.966, -0.259}
				h.SOPInstanceUID += ".9"
			})), "1.1", 120, "slices", 1},
		{"two matrices in one series", concat(planes("1.1", steps(0, 2, 100)...), change(planes("1.1", steps(0, 2, 90)...),
			func(h *Header) { h.Rows = 256; h.SOPInstanceUID += ".9" })), "1.1", 100, "slices", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sel := Select(tt.headers)
			if sel.Refusal != nil {
				t.Fatal(sel.Refusal)
			}
			if sel.Chosen.SeriesInstanceUID != tt.chosen ||
				len(sel.Chosen.Headers) != tt.slices || !strings.Contains(sel.Reason, tt.reason) {
				t.Errorf("chosen %s of %s because %q; want %d slices of %s because of %q",
					sel.Chosen.Name, sel.Chosen.SeriesInstanceUID, sel.Reason, tt.slices, tt.chosen, tt.reason)
			}
			if len(sel.Refused) != tt.refused || len(sel.Candidates) != tt.refused+1 {
				t.Errorf("%d stacks refused, %d candidates, want %d and %d: %+v",
					len(sel.Refused), len(sel.Candidates), tt.refused, tt.refused+1, sel.Refused)
			}
			if got := len(sel.Chosen.Headers) + len(sel.Dropped); got != len(tt.headers) {
				t.Errorf("%d slices chosen and %d dropped of %d", len(sel.Chosen.Headers), len(sel.Dropped), len(tt.headers))
			}
		})
	}
}

func otherUIDs(headers []Header) []Header {
	return change(headers, func(h *Header) { h.SOPInstanceUID += ".9" })
}

func eachAcquired(headers []Header) []Header {
	for i := range headers {
		headers[i].AcquisitionNumber = &i
	}
	return headers
}

func TestSelect_MeasuresGeometry(t *testing.T) {
	tests := []struct {
		name     string
		headers  []Header
		spacing  float64
		length   float64
		missing  []int // planes in each gap
		repeated int
		note     string
	}{
		{"even", planes("1.1", steps(10, 2.5, 80)...), 2.5, 200, nil, 0, ""},
		{"from above", planes("1.1", steps(10, -2.5, 80)...), 2.5, 200, nil, 0, ""},
		{"one missing", planes("1.1", append(steps(0, 2, 50), steps(102, 2, 49)...)...), 2, 198, []int{1}, 0, "about 1 missing"},
		{"two gaps", planes("1.1", append(append(steps(0, 2, 30), steps(64, 2, 30)...), steps(130, 2, 30)...)...),
			2, 180, []int{2, 3}, 0, "gap of"},
		{"a gap at the end of three", planes("1.1", 0, 4, 12), 4, 12, []int{1}, 0, "gap of 8.0 mm"},
		{"a plane twice", planes("1.1", 0, 4, 4, 8, 12), 4, 16, nil, 1, "each position is used once"},
		{"a plane twice by rounding", planes("1.1", 0, 4, 4.01, 8, 12), 4, 16, nil, 1, "each position is used once"},
		{"jitter", planes("1.1", 0, 1.001, 1.999, 3.001, 3.999, 5), 1, 6, nil, 0, ""},
		{"one slice beside the others", func() []Header {
			h := planes("1.1", steps(0, 2, 50)...)
			h[20].Position[0] += 5
			return h
		}(), 2, 100, nil, 0, "shifted against each other in their plane by up to 5.0 mm"},
		{"uneven", planes("1.1", 0, 2, 4.4, 6.4, 8.8), 2.2, 11, nil, 0, "steps between planes differ"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sel := Select(tt.headers)
			if sel.Refusal != nil {
				t.Fatal(sel.Refusal)
			}
			s := sel.Chosen
			var missing []int
			for _, g := range s.Gaps {
				missing = append(missing, g.Missing)
			}
			approx := cmpopts.EquateApprox(0, 1e-6)
			if d := cmp.Diff([]any{tt.spacing, tt.length, tt.missing}, []any{s.Spacing, s.Length, missing}, approx); d != "" {
				t.Errorf("spacing, length, missing planes (-want +got):\n%s", d)
			}
			if len(sel.Dropped) != tt.repeated {
				t.Errorf("%d dropped, want %d", len(sel.Dropped), tt.repeated)
			}
			if !strings.Contains(strings.Join(s.Notes, "\n"), tt.note) {
				t.Errorf("notes %q, want one with %q", s.Notes, tt.note)
			}
			for i := 1; i < len(s.Positions); i++ {
				if s.Positions[i] <= s.Positions[i-1] {
					t.Errorf("position %v after %v", s.Positions[i], s.Positions[i-1])
				}
			}
		})
	}
}

// In a tilted stack lengths are those along the normal, for every tilt.
func TestSelect_TiltedStack(t *testing.T) {
	headers := change(planes("1.1", steps(0, 4, 50)...), func(h *Header) {
		h.Orientation = [6]float64{1, 0, 0, 0, 0.9659258, -0.2588190}
	})
	s := Select(headers).Chosen
	if s == nil || s.Spacing < 3.8637 || s.Spacing > 3.8638 {
		t.Fatalf("series %+v, want planes 4 mm * cos 15 degrees apart", s)
	}
}

func TestSelect_Refuses(t *testing.T) {
	refused := planes("1.1", 0, 2, 4)
	for i := range refused {
		refused[i].Refusal = refuse(CodeLocalizer, "a localizer", "")
	}
	two := planes("1.1", steps(0, 2, 50)...)
	two[7].PatientID = "Q"
	shared := change(planes("1.1", steps(0, 2, 50)...), func(h *Header) { h.SOPInstanceUID = "1.1.1" })
	tests := []struct {
		name    string
		headers []Header
		code    string
	}{
		{"nothing", nil, CodeNothingUsable},
		{"one slice", planes("1.1", 0), CodeTooFewSlices},
		{"two thin slices", planes("1.1", 0, 1), CodeTooFewSlices},
		{"far apart", planes("1.1", 0, 30, 60), CodeTooFarApart},
		{"one plane often", planes("1.1", 1, 1, 1, 1), CodeTooFewSlices},
		{"all refused", refused, CodeLocalizer},
		{"two patients in one series", two, CodeTwoPatients},
		{"one UID for all", shared, CodeSharedUID},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sel := Select(tt.headers)
			if sel.Chosen != nil || sel.Refusal == nil || sel.Refusal.Code != tt.code || sel.Refusal.Text == "" {
				t.Fatalf("chosen %v, refusal %+v, want %s", sel.Chosen != nil, sel.Refusal, tt.code)
			}
			if len(sel.Dropped) != len(tt.headers) && tt.name != "all refused" {
				t.Errorf("%d of %d instances have an outcome", len(sel.Dropped), len(tt.headers))
			}
			if len(tt.headers) > 0 && len(sel.Refused) != 1 {
				t.Errorf("refused %+v, want one series", sel.Refused)
			}
		})
	}
}

// A slice that came twice is used once; a shared UID takes no other slice along.
func TestSelect_SameInstanceTwice(t *testing.T) {
	headers := planes("1.1", steps(0, 2, 50)...)
	again := headers[10]
	again.Path, again.Order = "0", 1 // corrected; its name says nothing about when it came
	sel := Select(append(headers, again))
	if sel.Refusal != nil || len(sel.Chosen.Headers) != 50 {
		t.Fatalf("refusal %v, want 50 slices", sel.Refusal)
	}
	if len(sel.Dropped) != 1 || sel.Dropped[0].Path != headers[10].Path || sel.Dropped[0].Refusal.Code != CodeRepeated {
		t.Errorf("dropped %+v, want the copy that came first, %s, as repeated", sel.Dropped, headers[10].Path)
	}
	elsewhere := headers[20]
	elsewhere.Path, elsewhere.Position[2] = "y", 999
	sel = Select(append(headers, elsewhere))
	if sel.Refusal != nil || len(sel.Chosen.Headers) != 49 || len(sel.Chosen.Gaps) != 1 {
		t.Fatalf("refusal %v, want 49 slices with a gap", sel.Refusal)
	}
	for _, d := range sel.Dropped {
		if d.Refusal.Code != CodeSharedUID {
			t.Errorf("dropped %+v, want %s", d, CodeSharedUID)
		}
	}
}

// A department corrects whose study it is and sends it again, as it has to: under the same UIDs.
func TestSelect_PatientCorrected(t *testing.T) {
	wrong, right := planes("1.1", steps(0, 2, 50)...), planes("1.1", steps(0, 2, 50)...)
	change(right, func(h *Header) { h.PatientID, h.Order = "Q", 1 })
	sel := Select(append(wrong, right...))
	if sel.Refusal != nil || len(sel.Chosen.Headers) != 50 || len(sel.Dropped) != 50 {
		t.Fatalf("refusal %v, %d dropped; want 50 slices of 100", sel.Refusal, len(sel.Dropped))
	}
	for _, h := range sel.Chosen.Headers {
		if h.PatientID != "Q" {
			t.Fatalf("a slice of patient %s", h.PatientID)
		}
	}
	notes := strings.Join(sel.Notes, "\n")
	if !strings.Contains(notes, "50 slices came again under another PatientID") || strings.Contains(notes, "2 patients") {
		t.Errorf("notes %q", sel.Notes)
	}

	// Sent again in part, it is of two patients.
	if sel = Select(append(wrong, right[:20]...)); sel.Refusal == nil || sel.Refusal.Code != CodeTwoPatients {
		t.Errorf("corrected in part: %+v, want %s", sel.Refusal, CodeTwoPatients)
	}
}

func TestSelect_TwoPatientsInOneStudy(t *testing.T) {
	a, b := planes("1.1", steps(0, 2, 50)...), planes("1.2", steps(0, 2, 60)...)
	change(b, func(h *Header) { h.PatientID = "Q" })
	sel := Select(append(a, b...))
	if sel.Refusal != nil || sel.Chosen.SeriesInstanceUID != "1.2" {
		t.Fatalf("chosen %v, want 1.2", sel.Chosen)
	}
	if sel.Patients != 2 || !strings.Contains(strings.Join(sel.Notes, "\n"), "2 patients") {
		t.Errorf("notes %q, want one about 2 patients", sel.Notes)
	}
	for _, h := range sel.Chosen.Headers {
		if h.PatientID != "Q" {
			t.Errorf("a slice of patient %s", h.PatientID)
		}
	}
}

// After refusals on decoding the next candidate is chosen, and every series and
// instance still has one outcome.
func TestSelection_Choose(t *testing.T) {
	headers := append(planes("1.1", steps(0, 1, 300)...), planes("1.2", steps(0, 5, 60)...)...)
	sel := Select(headers)
	r := SeriesRefusal{"1.1", *refuse(CodeNoLungs, "no lungs found", "")}
	o := sel.Choose([]SeriesRefusal{r})
	if o.Chosen == nil || o.Chosen.SeriesInstanceUID != "1.2" || !strings.Contains(o.Reason, "no lungs found") {
		t.Fatalf("outcome %+v, want 1.2 since 1.1 has no lungs", o)
	}
	if d := cmp.Diff([]SeriesRefusal{r}, o.Refused); d != "" {
		t.Errorf("refused (-want +got):\n%s", d)
	}
	if len(o.Unread) != 0 {
		t.Errorf("%d stacks unread, want none: both were read", len(o.Unread))
	}
	broken := sel.Choose([]SeriesRefusal{{"1.1", *refuse(CodeBrokenPixelData, "no slice could be decoded", "")}})
	if len(broken.Unread) != 1 {
		t.Errorf("%d stacks unread, want the broken one", len(broken.Unread))
	}
	if first := sel.Choose(nil); len(first.Unread) != 1 || first.Unread[0].SeriesInstanceUID != "1.2" {
		t.Errorf("stacks unread beside the first: %v, want 1.2", first.Unread)
	}
	if len(o.Dropped) != 300 {
		t.Errorf("%d instances dropped, want 300", len(o.Dropped))
	}
	o = sel.Choose([]SeriesRefusal{r, {"1.2", *refuse(CodeNoLungs, "no lungs found", "")}})
	if o.Chosen != nil || len(o.Refused) != 2 || len(o.Dropped) != 360 {
		t.Errorf("chosen %v, %d refused, %d dropped; want none, 2 and 360", o.Chosen, len(o.Refused), len(o.Dropped))
	}
}

func TestKernelClass(t *testing.T) {
	tests := []struct {
		kernel, description string
		want                int
	}{
		{"B70s", "", kernelLung}, {"B60f", "", kernelLung},
		{"I70f\\3", "", kernelLung}, {"Bl57d", "", kernelLung}, {"Br59", "", kernelLung},
		{"B20s", "", kernelSoft}, {"D40s", "", kernelSoft}, {"Br40d", "", kernelSoft}, {"B30f", "", kernelSoft},
		{"FC51", "", kernelLung}, {"FC08", "", kernelSoft}, {"FC18-H", "", kernelSoft},
		{"LUNG", "", kernelLung}, {"BONEPLUS", "", kernelLung}, {"STANDARD", "", kernelSoft}, {"B_SHARP_C", "", kernelLung},
		{"YC", "", kernelLung}, {"", "", kernelUnknown}, {"", "Lunge 1.0", kernelLung},
		{"PHANTOM", "", kernelUnknown}, {"99", "", kernelUnknown},
	}
	for _, tt := range tests {
		if got := kernelClass(tt.kernel, tt.description); got != tt.want {
			t.Errorf("kernel %q, description %q: class %d, want %d", tt.kernel, tt.description, got, tt.want)
		}
	}
}

func TestToHU_Clamps(t *testing.T) {
	got := toHU([]int32{0, 1000, 5000, -3000, 31743, 63536}, 1, -1024)
	if d := cmp.Diff([]int16{-1024, -24, 3071, -1024, 3071, -1024}, got); d != "" {
		t.Errorf("slope 1 (-want +got):\n%s", d)
	}
	got = toHU([]int32{0, 3, 100000, -2000000000, 2000000000}, 0.5, 10.2)
	if d := cmp.Diff([]int16{10, 12, -1024, -1024, -1024}, got); d != "" {
		t.Errorf("slope 0.5 (-want +got):\n%s", d)
	}
	got = toHU([]int32{2000000000, -2000000000}, 1, 100000)
	if d := cmp.Diff([]int16{-1024, -1024}, got); d != "" {
		t.Errorf("far beyond (-want +got):\n%s", d)
	}
}
