package pipeline

import (
	"slices"
	"testing"

	"jcsnode/ledger"
	"jcsnode/pipeline/ct"
)

// stack is an examination of n slices that stand for 4 mm each, all with lungs, but for the ends of one of 200 mm or more.
func stack(n int) *Examination {
	x := &Examination{Chosen: &ct.Series{SeriesInstanceUID: "1.1"}, Volume: &ct.Volume{Normal: [3]float64{0, 0, 1}, SliceSpacing: 4}}
	for i := range n {
		x.Volume.Slices = append(x.Volume.Slices, ct.Slice{Position: float64(4 * i), Extent: 4, LungShare: 0.2})
	}
	if n >= 50 {
		x.Volume.Slices[0].LungShare, x.Volume.Slices[n-1].LungShare = 0.01, 0.05
	}
	return x
}

func TestLimits(t *testing.T) {
	other := func(from, to float64) *ct.Series {
		return &ct.Series{Headers: []ct.Header{{Position: [3]float64{0, 0, from}}, {Position: [3]float64{0, 0, to}}}}
	}
	refused := func(n int, series, code string) []ct.InstanceRefusal {
		return slices.Repeat([]ct.InstanceRefusal{{SeriesInstanceUID: series, Refusal: ct.Refusal{Code: code}}}, n)
	}
	const goesOn = "Parts of the chest may be unread: the lungs go on in another stack, which was not read."
	const ends = "Parts of the chest may be missing: the stack ends within the lungs."
	for _, c := range []struct {
		name   string
		slices int
		change func(x *Examination)
		want   []string
	}{
		{"a whole chest", 75, func(*Examination) {}, nil},
		{"not read", 75, func(x *Examination) { x.Volume, x.Patients = nil, 2 }, nil},
		{"a gap", 65, func(x *Examination) { x.Volume.Gaps = []ct.Gap{{From: 100, To: 152, Missing: 12}} },
			[]string{"Only 260 of 308 mm of the stack was read: 12 slices are missing."}},
		{"two gaps", 50, func(x *Examination) {
			x.Volume.Gaps = []ct.Gap{{From: 20, To: 28, Missing: 1}, {From: 60, To: 72, Missing: 2}}
		},
			[]string{"Only 200 of 212 mm of the stack was read: 3 slices are missing."}},
		{"a thin slice", 75, func(x *Examination) { x.Volume.Gaps = []ct.Gap{{From: 100, To: 103, Missing: 1}} },
			[]string{"Only 300.0 of 301.5 mm of the stack was read: 1 slice is missing."}},
		{"short", 20, func(*Examination) {},
			[]string{"The stack is 80 mm long, shorter than a chest: the result speaks only about that part."}},
		{"short only for its gap", 20, func(x *Examination) { x.Volume.Gaps = []ct.Gap{{From: 40, To: 244, Missing: 50}} },
			[]string{ends, "Only 80 of 280 mm of the stack was read: 50 slices are missing."}},
		{"lungs below in another stack", 40, func(x *Examination) { x.Unread = []*ct.Series{other(0, 100), other(-140, 8)} },
			[]string{goesOn}},
		{"lungs above in another stack", 40, func(x *Examination) { x.Unread = []*ct.Series{other(150, 300)} },
			[]string{goesOn}},
		{"another stack that ends a thick slice later", 40, func(x *Examination) { x.Unread = []*ct.Series{other(-5, 165)} },
			[]string{ends}},
		{"the abdomen in another stack", 40, func(x *Examination) {
			x.Volume.Slices[0].LungShare, x.Unread = 0, []*ct.Series{other(-300, 100)}
		}, []string{ends}},
		{"the lower half never came", 40, func(x *Examination) { x.Volume.Slices[39].LungShare = 0.01 }, []string{ends}},
		{"the lower half of severe disease never came", 40, func(x *Examination) {
			for i := range x.Volume.Slices {
				x.Volume.Slices[i].LungShare = 0.05
			}
		}, []string{ends}},
		{"bases in the last slice", 75, func(x *Examination) { x.Volume.Slices[0].LungShare = 0.09 }, nil},
		{"damaged images", 75, func(x *Examination) { x.Dropped = refused(4, "1.1", ct.CodeBrokenPixelData) },
			[]string{"Parts of the chest may be unread: 4 images of the series are damaged or incomplete."}},
		{"damaged images that make a gap", 65, func(x *Examination) {
			x.Volume.Gaps, x.Dropped = []ct.Gap{{From: 100, To: 152, Missing: 12}}, refused(12, "1.1", ct.CodeMissingRescale)
		}, []string{"Only 260 of 308 mm of the stack was read: 12 slices are missing."}},
		{"nothing lost", 75, func(x *Examination) {
			x.Dropped = slices.Concat(
				refused(9, "1.1", ct.CodeRepeated),
				refused(9, "1.1", ct.CodeFarFromLungs),
				refused(9, "1.2", ct.CodeBrokenPixelData))
		}, nil},
		{"another phase in the series", 75, func(x *Examination) {
			x.Chosen.Marks = []ct.Mark{{Element: "TemporalPositionIdentifier (0020,0100)", Own: "1", Others: []string{"2"}, Slices: 77}}
		}, []string{"Other slices of the series were not read: " +
			"in those read TemporalPositionIdentifier (0020,0100) is 1, and 2 in 77 other slices of the series."}},
		{"nothing original", 75, func(x *Examination) { x.Chosen.Lesser = "a monoenergetic image of 70 keV" },
			[]string{"No slices as the scanner made them: a monoenergetic image of 70 keV was read."}},
		{"two patients", 75, func(x *Examination) { x.Patients = 2 },
			[]string{"Slices of 2 patients share this study; those of one were read. " +
				"Send each patient's under a Study Instance UID of its own."}},
		{"corrected", 75, func(x *Examination) { x.Moved = 75 },
			[]string{"Corrected: 75 slices came first under another patient. The result is of the patient under whom they came last."}},
		{"another name in one slice", 75, func(x *Examination) { x.Volume.Slices[5].Header.Person.Name = "B^A" },
			[]string{"The slices differ in the patient's name, birth date or sex, or in issuer or accession number: " +
				"the last that came counts."}},
		{"several", 20, func(x *Examination) {
			x.Volume.Gaps, x.Unread, x.Patients = []ct.Gap{{From: 40, To: 48, Missing: 1}}, []*ct.Series{other(100, 300)}, 3
		}, []string{goesOn, "Only 80 of 84 mm of the stack was read: 1 slice is missing.",
			"The stack is 84 mm long, shorter than a chest: the result speaks only about that part.",
			"Slices of 3 patients share this study; those of one were read. Send each patient's under a Study Instance UID of its own."}},
	} {
		x := stack(c.slices)
		c.change(x)
		if got := x.Limits().Sentences(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// The same slices under other limits are another result: late slices of a second stack would change nothing else.
func TestInputDigest_CoversLimits(t *testing.T) {
	whole, shared, phases := stack(75), stack(75), stack(75)
	shared.Patients = 2
	phases.Chosen.Marks = []ct.Mark{{Element: "KVP (0018,0060)", Own: "80", Others: []string{"140"}, Slices: 75}}
	if whole.InputDigest() == shared.InputDigest() {
		t.Error("a study that two patients share has the digest of another")
	}
	if whole.InputDigest() == phases.InputDigest() {
		t.Error("a study of which one phase was read has the digest of another")
	}
}

// The ledger takes back earlier results, and takes instances for new, by these words.
func TestCodePartCorrected(t *testing.T) {
	if ct.CodePartCorrected != ledger.ReasonPartCorrected || ct.CodeCorrected != ledger.ReasonCorrected {
		t.Errorf("%s and %s here, %s and %s in the ledger",
			ct.CodePartCorrected, ct.CodeCorrected, ledger.ReasonPartCorrected, ledger.ReasonCorrected)
	}
}

// Objects are of the patient of the slice that came last, whatever lies first.
func TestExamination_Source(t *testing.T) {
	x := stack(75)
	for i := range x.Volume.Slices {
		x.Volume.Slices[i].Header.Order = i
	}
	if got := x.Source(); got != &x.Volume.Slices[0].Header {
		t.Errorf("slice %d of one patient, want the first", got.Order)
	}
	x.Volume.Slices[30].Header.Order, x.Volume.Slices[30].Header.Person.Name = 99, "B^A"
	x.Volume.Slices[20].Header.Person.Name = "B^A"
	if got := x.Source(); got.Order != 20 {
		t.Errorf("slice %d, want the first that says what the last says", got.Order)
	}
	refusal := func(code string) *ct.Refusal { return &ct.Refusal{Code: code} }
	x = &Examination{Refusal: refusal(ct.CodeNothingUsable), Headers: []ct.Header{
		{Order: 0, Refusal: refusal(ct.CodeUnreadable)},
		{Order: 1, Refusal: refusal(ct.CodeNotOurs)},
	}}
	if got := x.Source(); got == nil || got.Order != 1 {
		t.Errorf("%+v, want what can be read", got)
	}
	x.Headers = append(x.Headers,
		ct.Header{Order: 2, PatientID: "A", Refusal: refusal(ct.CodeBadGeometry)},
		ct.Header{Order: 3, PatientID: "B", Refusal: refusal(ct.CodeBadGeometry)})
	if got := x.Source(); got.Order != 3 {
		t.Errorf("header %d, want the slice that came last", got.Order)
	}
	x.Headers = x.Headers[:1]
	if x.Source() != nil {
		t.Error("nothing can be read, and something speaks")
	}
}
