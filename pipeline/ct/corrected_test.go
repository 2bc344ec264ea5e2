package ct

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"jcsnode/dataset"
)

// coming is some slices that come together.
type coming struct {
	series, uids string // Series Instance UID, and what SOP Instance UIDs begin with
	patient      string
	from, to     int // planes
	picture      int // what is in the pixels, beside the plane
	change       func(e elements)
	kernel       string
}

// arrive writes the slices, one group after the other, and reads their headers in the order in which they came.
func arrive(t *testing.T, groups ...coming) []Header {
	t.Helper()
	dir := t.TempDir()
	var all []Header
	for g, c := range groups {
		for plane := c.from; plane < c.to; plane++ {
			e := slice()
			e[dataset.SeriesInstanceUID] = value("UI", c.series)
			e[dataset.SOPInstanceUID] = value("UI", fmt.Sprintf("%s.%d", c.uids, plane+1))
			e[dataset.PatientID] = value("LO", c.patient)
			e[dataset.InstanceNumber] = value("IS", fmt.Sprint(plane+1))
			e[dataset.ImagePositionPatient] = value("DS", fmt.Sprintf(`-100.5\-200\%d`, 2*plane))
			if c.kernel != "" {
				e[dataset.ConvolutionKernel] = value("SH", c.kernel)
			}
			pixels := make([]byte, 2*64*64)
			for i := range 64 * 64 {
				if c.picture >= 0 {
					binary.LittleEndian.PutUint16(pixels[2*i:], uint16(i%1000+plane+100*c.picture))
				}
			}
			e[dataset.PixelDataTag] = element{"OW", string(pixels)}
			if c.change != nil {
				c.change(e)
			}
			path := filepath.Join(dir, fmt.Sprintf("%d-%d", g, plane))
			if err := os.WriteFile(path, e.file(), 0o600); err != nil {
				t.Fatal(err)
			}
			headers := ReadFile(OpenPath, path)
			for i := range headers {
				headers[i].Order = len(all)
			}
			all = append(all, headers...)
		}
	}
	return all
}

func TestCorrect(t *testing.T) {
	name := func(name string) func(elements) {
		return func(e elements) { e[dataset.PatientName] = value("PN", name) }
	}
	issuer := func(issuer string) func(elements) {
		return func(e elements) { e[dataset.IssuerOfPatientID] = value("LO", issuer) }
	}
	wrong := coming{series: "1.1", uids: "1.1", patient: "WRONG", to: 20}
	right := coming{series: "1.5", uids: "1.5", patient: "RIGHT", to: 20}
	with := func(c coming, f func(*coming)) coming { f(&c); return c }
	for _, c := range []struct {
		name     string
		came     []coming
		series   string // chosen; "": refused
		patient  string
		slices   int
		moved    int
		patients int
		says     string // in the refusal of the study
	}{
		{"nothing corrected", []coming{wrong}, "1.1", "WRONG", 20, 0, 0, ""},
		{"new series and instances", []coming{wrong, right}, "1.5", "RIGHT", 20, 20, 0, ""},
		{"new UIDs that sort before the old ones",
			[]coming{wrong, with(right, func(c *coming) { c.series, c.uids = "1.0", "1.0" })}, "1.0", "RIGHT", 20, 20, 0, ""},
		{"new instances of the same series",
			[]coming{wrong, with(right, func(c *coming) { c.series = "1.1" })}, "1.1", "RIGHT", 20, 20, 0, ""},
		{"the same UIDs", []coming{wrong, with(right, func(c *coming) { c.series, c.uids = "1.1", "1.1" })}, "1.1", "RIGHT", 20, 20, 0, ""},
		{"more slices than before", []coming{with(wrong, func(c *coming) { c.to = 10 }), right}, "1.5", "RIGHT", 20, 10, 0, ""},
		{"the issuer alone", []coming{with(wrong, func(c *coming) { c.patient, c.change = "4711", issuer("A") }),
			with(right, func(c *coming) { c.patient, c.change = "4711", issuer("B") })}, "1.5", "4711", 20, 20, 0, ""},
		{"an issuer that was absent", []coming{with(wrong, func(c *coming) { c.patient = "4711" }),
			with(right, func(c *coming) { c.patient, c.change = "4711", issuer("B") })}, "1.5", "4711", 20, 0, 0, ""},
		{"no patient at first", []coming{with(wrong, func(c *coming) { c.patient = "" }), right}, "1.5", "RIGHT", 20, 20, 0, ""},
		{"the name, new instances", []coming{with(right, func(c *coming) { c.change = name("A^B") }),
			with(right, func(c *coming) { c.uids, c.change = "1.4", name("A^C") })}, "1.5", "RIGHT", 20, 0, 0, ""},
		{"the birth date, new series", []coming{with(right, func(c *coming) { c.series, c.uids = "1.1", "1.1" }),
			with(right, func(c *coming) {
				c.change = func(e elements) { e[dataset.PatientBirthDate] = value("DA", "19500101") }
			})}, "1.5", "RIGHT", 20, 0, 0, ""},
		{"the accession number, new series", []coming{with(right, func(c *coming) { c.series, c.uids = "1.1", "1.1" }),
			with(right, func(c *coming) { c.change = func(e elements) { e[dataset.AccessionNumber] = value("SH", "A2") } })},
			"1.5", "RIGHT", 20, 0, 0, ""},
		{"the same patient sent twice",
			[]coming{with(right, func(c *coming) { c.series, c.uids = "1.1", "1.1" }), right}, "1.1", "RIGHT", 20, 0, 0, ""},
		{"corrected, and back",
			[]coming{wrong, right, with(wrong, func(c *coming) { c.series, c.uids = "1.3", "1.3" })}, "1.3", "WRONG", 20, 40, 0, ""},

		{"half of it, new UIDs", []coming{wrong, with(right, func(c *coming) { c.to = 10 })},
			"", "", 0, 0, 2, "10 of 20 slices came again under another patient"},
		{"half of it, the same UIDs", []coming{wrong, with(right, func(c *coming) { c.series, c.uids, c.to = "1.1", "1.1", 10 })},
			"", "", 0, 0, 2, "10 of 20 slices came again under another patient"},
		{"half of it, then the rest", []coming{wrong, with(right, func(c *coming) { c.to = 10 }),
			with(right, func(c *coming) { c.from = 10 })}, "1.5", "RIGHT", 20, 20, 0, ""},
		{"half of it, then all in a new series", []coming{wrong, with(right, func(c *coming) { c.to = 10 }),
			with(right, func(c *coming) { c.series, c.uids = "1.6", "1.6" })}, "1.6", "RIGHT", 20, 20, 0, ""},
		{"one of two series",
			[]coming{wrong, with(wrong, func(c *coming) { c.series, c.uids, c.picture, c.kernel = "1.2", "1.2", 5, "B80f" }), right},
			"1.5", "RIGHT", 20, 20, 2, ""},
		{"the second half came for another patient", []coming{with(wrong, func(c *coming) { c.to = 10 }),
			with(wrong, func(c *coming) { c.from, c.patient = 10, "RIGHT" })}, "", "", 0, 0, 2, "slices of 2 patients"},
		{"and then all for that one", []coming{with(wrong, func(c *coming) { c.to = 10 }),
			with(wrong, func(c *coming) { c.from, c.patient = 10, "RIGHT" }), right}, "1.5", "RIGHT", 20, 10, 0, ""},

		{"other pictures in the same planes",
			[]coming{wrong, with(right, func(c *coming) { c.picture = 3 })}, "1.1", "WRONG", 20, 0, 2, ""},
		{"nothing in the planes of two patients", []coming{with(wrong, func(c *coming) { c.picture = -1 }),
			with(right, func(c *coming) { c.picture = -1 })}, "1.1", "WRONG", 20, 0, 2, ""},
		{"two patients in one series",
			[]coming{wrong, with(right, func(c *coming) { c.series, c.picture = "1.1", 3 })}, "", "", 0, 0, 2, "slices of 2 patients"},
	} {
		t.Run(c.name, func(t *testing.T) {
			headers := arrive(t, c.came...)
			moved, err := Correct(t.Context(), OpenPath, headers)
			if err != nil {
				t.Fatal(err)
			}
			sel := Select(headers)
			if moved != c.moved || sel.Patients != c.patients {
				t.Errorf("%d slices moved, %d patients, want %d and %d", moved, sel.Patients, c.moved, c.patients)
			}
			if c.series == "" {
				code := CodeTwoPatients
				if strings.Contains(c.says, "came again") {
					code = CodePartCorrected
				}
				if sel.Refusal == nil || sel.Refusal.Code != code ||
					!strings.Contains(sel.Refusal.Text, c.says) || sel.Refusal.Remedy == "" {
					t.Errorf("refusal %+v, want %s with %q and a remedy", sel.Refusal, code, c.says)
				}
				return
			}
			if sel.Refusal != nil {
				t.Fatal(sel.Refusal)
			}
			if sel.Chosen.SeriesInstanceUID != c.series || len(sel.Chosen.Headers) != c.slices {
				t.Errorf("chosen %d slices of series %s, want %d of %s",
					len(sel.Chosen.Headers), sel.Chosen.SeriesInstanceUID, c.slices, c.series)
			}
			last := len(c.came) - 1
			for _, h := range sel.Chosen.Headers {
				if h.PatientID != c.patient {
					t.Fatalf("a slice of patient %s", h.PatientID)
				}
				if c.came[last].series == c.series && !strings.HasPrefix(h.SOPInstanceUID, c.came[last].uids+".") {
					t.Fatalf("slice %s, want one that came last", h.SOPInstanceUID)
				}
			}
		})
	}
}

// What came under two patients at the same time is nobody's until somebody sends it again.
func TestCorrect_AtTheSameTime(t *testing.T) {
	headers := arrive(t, coming{series: "1.1", uids: "1.1", patient: "WRONG", to: 20},
		coming{series: "1.5", uids: "1.5", patient: "RIGHT", to: 20})
	for i := range headers { // in turns
		headers[i].Order = 2*(i%20) + (i/20+i)%2
	}
	if _, err := Correct(t.Context(), OpenPath, headers); err != nil {
		t.Fatal(err)
	}
	sel := Select(headers)
	if sel.Refusal == nil || sel.Refusal.Code != CodeTwoPatients || !strings.Contains(sel.Refusal.Text, "at the same time") {
		t.Fatalf("refusal %+v", sel.Refusal)
	}
	again := arrive(t, coming{series: "1.6", uids: "1.6", patient: "RIGHT", to: 20})
	for i := range headers {
		headers[i].Refusal = nil
	}
	for i := range again {
		again[i].Order += 1000
	}
	headers = append(headers, again...)
	if _, err := Correct(t.Context(), OpenPath, headers); err != nil {
		t.Fatal(err)
	}
	if sel := Select(headers); sel.Refusal != nil || sel.Chosen.Headers[0].PatientID != "RIGHT" {
		t.Errorf("the advice was followed: %+v", sel.Refusal)
	}
}

// PS3.5 6.2: leading and trailing spaces mean nothing, so that these are one patient; 6.2.1 for names.
func TestReadPatient_ComparesText(t *testing.T) {
	read := func(change func(e elements)) Header {
		e := slice()
		e[dataset.PatientID], e[dataset.PatientName] = value("LO", "4711"), value("PN", "Meyer^Anna")
		change(e)
		return e.headers(t)[0]
	}
	put := func(tag dataset.Tag, vr, v string) func(elements) {
		return func(e elements) { e[tag] = element{vr, v} }
	}
	plain := read(func(elements) {})
	for name, c := range map[string]struct {
		change func(elements)
		same   bool
	}{
		"leading space":            {put(dataset.PatientID, "LO", " 4711"), true},
		"trailing spaces":          {put(dataset.PatientID, "LO", "4711    "), true},
		"NULs":                     {put(dataset.PatientID, "LO", "4711\x00\x00"), true},
		"both":                     {put(dataset.PatientID, "LO", "  4711 \x00"), true},
		"a space within":           {put(dataset.PatientID, "LO", "47 11"), false},
		"another case":             {put(dataset.PatientID, "LO", "4711a"), false},
		"empty issuer":             {put(dataset.IssuerOfPatientID, "LO", ""), true},
		"padded empty issuer":      {put(dataset.IssuerOfPatientID, "LO", "  "), true},
		"issuer of NULs":           {put(dataset.IssuerOfPatientID, "LO", "\x00\x00"), true},
		"an issuer":                {put(dataset.IssuerOfPatientID, "LO", "A"), false},
		"ID of unknown VR":         {put(dataset.PatientID, "UN", "4711"), true},
		"name with trailing ^":     {put(dataset.PatientName, "PN", "Meyer^Anna^^^"), true},
		"name with trailing = ":    {put(dataset.PatientName, "PN", "Meyer^Anna=="), true},
		"name with spaces":         {put(dataset.PatientName, "PN", " Meyer ^ Anna  "), true},
		"name of another case":     {put(dataset.PatientName, "PN", "MEYER^ANNA"), false},
		"name with another prefix": {put(dataset.PatientName, "PN", "Meyer^Anna^^Dr."), false},
	} {
		got := read(c.change)
		if same := got.patient() == plain.patient() && got.Person == plain.Person; same != c.same {
			t.Errorf("%s: same %v, want %v: %q %+v", name, same, c.same, got.patient(), got.Person)
		}
	}

	// One text in two character sets is one; texts that their character set cannot explain are not.
	charset := func(set, id string) Header {
		return read(func(e elements) {
			e[dataset.SpecificCharacterSet], e[dataset.PatientID] = value("CS", set), value("LO", id)
		})
	}
	if a, b := charset("ISO_IR 100", "M\xfc1"), charset("ISO_IR 192", "Mü1"); a.patient() != b.patient() {
		t.Errorf("%q and %q are two patients", a.PatientID, b.PatientID)
	}
	if a, b := charset("", "M\xfc1"), charset("", "M\xe41"); a.patient() == b.patient() {
		t.Errorf("%q and %q are one patient", a.PatientID, b.PatientID)
	}
}

// A patient without an issuer is nobody else's than one with it, unless there are several.
func TestSelect_IssuerInSomeSlices(t *testing.T) {
	headers := planes("1.1", steps(0, 2, 30)...)
	change(headers[:10], func(h *Header) { h.IssuerOfPatientID = "A" })
	if sel := Select(headers); sel.Refusal != nil || sel.Patients != 0 || len(sel.Chosen.Headers) != 30 {
		t.Errorf("issuer in 10 of 30 slices: %+v, %d patients", sel.Refusal, sel.Patients)
	}
	change(headers[20:], func(h *Header) { h.IssuerOfPatientID = "B" })
	if sel := Select(headers); sel.Refusal == nil || sel.Refusal.Code != CodeTwoPatients {
		t.Errorf("two issuers: %+v", sel.Refusal)
	}
}
