package ct

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Rules are the limits that a stack of slices must meet to be read.
type Rules struct {
	MinSlices int     // planes; two are the least that have a measurable distance
	MinLength float64 // mm of patient that the planes stand for
	MaxStep   float64 // mm, usual distance of planes
}

// DefaultRules are deliberately low: a short stack is read and its Notes say
// that it is short. Two planes are needed to measure a distance, and under 5 mm
// of patient there is no lesion to tell from noise.
func DefaultRules() Rules {
	return Rules{MinSlices: 2, MinLength: 5, MaxStep: singlePictures}
}

// WholeChest is the length in mm under which a stack cannot hold the lungs of
// an adult (about 250 mm) or a child, so that a negative result speaks only
// about a part.
const WholeChest = 120

// Series is one stack of parallel planes of one series, sorted by position
// along their normal, rising, each position once.
type Series struct {
	StudyInstanceUID, SeriesInstanceUID, FrameOfReferenceUID string

	Name      string // for operators: series number, kernel, slices; no patient data
	Headers   []Header
	Positions []float64 // mm along Normal
	Normal    [3]float64
	Spacing   float64 // mm between neighbouring planes, gaps left out; their mean where it changes on the way
	Length    float64 // mm of patient that the planes stand for
	Gaps      []Gap
	Marks     []Mark // what sets it apart from other slices of its series
	Lesser    string // what it is, if it is read only for want of slices as the scanner made them
	Notes     []string

	closest, widest float64 // mm between planes where they are closest together and furthest apart, not counting jitter

	rules   Rules
	lasting []string // Notes without those about gaps, which a broken slice changes
}

// build makes a Series of slices that belong together, and returns the slices
// left out because their position was taken.
func (rules Rules) build(g group) (*Series, []Header, *Refusal) {
	h := &g.headers[0]
	n := h.Normal()
	st := newStack(g.headers, n)
	s := &Series{
		StudyInstanceUID: h.StudyInstanceUID, SeriesInstanceUID: h.SeriesInstanceUID,
		Headers: st.headers, Positions: st.positions, Normal: n, Spacing: st.spacing, Length: st.length(),
		Gaps: st.gaps, Marks: g.marks, closest: st.closest, widest: st.widest, rules: rules, lasting: st.notes(n),
	}
	s.Name = nameOf(s)
	r := rules.check(st, s.Name)
	if r == nil && isMixed(g.headers, n) {
		r = mixed(g.headers, n, s.Name)
	}
	if r == nil {
		s.Lesser, r = slabs(st, s.Name)
	}
	if r != nil {
		for _, m := range g.marks {
			r.Text += "; " + m.String()
		}
		return nil, nil, r
	}
	if h.Lesser != "" {
		s.Lesser = h.Lesser
	}
	if s.Lesser != "" {
		s.lasting = append(s.lasting, s.Lesser+": read for want of slices as the scanner made them")
	}
	for _, m := range g.marks {
		s.lasting = append(s.lasting, "the series holds more than this stack: "+m.String())
	}
	if s.Length < WholeChest {
		s.lasting = append(s.lasting,
			fmt.Sprintf("the slices stand for %.0f mm of the patient, less than a chest: a result speaks only about them", s.Length))
	}
	if h.PatientID == "" {
		s.lasting = append(s.lasting, "PatientID (0010,0020) is absent or empty: results can be found by the study only")
	}
	var note string
	if s.FrameOfReferenceUID, note = frameOf(g.headers); note != "" {
		s.lasting = append(s.lasting, note)
	}
	s.lasting = append(s.lasting, flagsOf(s.Headers)...)
	s.Notes = append(st.gapNotes(), s.lasting...)
	return s, st.repeated, nil
}

// mixed refuses slices of several scans that no element tells apart.
func mixed(headers []Header, n [3]float64, name string) *Refusal {
	pictures := picturesOn(headers, n)
	several, most := 0, 0
	for _, count := range pictures {
		if count > 1 {
			several++
		}
		most = max(most, count)
	}
	return refuse(CodeMixed, fmt.Sprintf("%s mixes scans: at %d of %d positions lie up to %d different slices, and no element, "+
		"from AcquisitionNumber (0020,0012), AcquisitionTime (0008,0032) and "+
		"TemporalPositionIdentifier (0020,0100) to InstanceNumber (0020,0013), "+
		"tells whole scans apart", name, several, len(pictures), most), separateScans)
}

const separateScans = "send each scan as a series of its own, or only the one to be read"

// frameOf is the frame of reference of the slices, "" where they have none, or each another.
func frameOf(headers []Header) (uid, note string) {
	var all []string
	empty := 0
	for i := range headers {
		switch u := headers[i].FrameOfReferenceUID; {
		case u == "":
			empty++
		case !slices.Contains(all, u):
			all = append(all, u)
		}
		if len(all) > 2 {
			break
		}
	}
	switch {
	case len(all) == 0:
		return "", "FrameOfReferenceUID (0020,0052) is absent or empty: results match the slices by reference, not by position"
	case len(all) > 1:
		return "", fmt.Sprintf("FrameOfReferenceUID (0020,0052) changes from slice to slice of one stack (%s, %s): "+
			"results match the slices by reference, not by position", printable(all[0]), printable(all[1]))
	case empty > 0:
		return all[0],
			fmt.Sprintf("FrameOfReferenceUID (0020,0052) is absent or empty in %d of %d slices, which lie in one stack with the others",
				empty, len(headers))
	}
	return all[0], ""
}

// check applies the rules to a measured stack.
func (rules Rules) check(st *stack, name string) *Refusal {
	switch {
	case len(st.headers) < rules.MinSlices:
		return refuse(CodeTooFewSlices, fmt.Sprintf("%s has too few usable slices (at least %d are needed)", name, rules.MinSlices),
			"send the whole axial series")
	case st.spacing > rules.MaxStep:
		return refuse(CodeTooFarApart,
			fmt.Sprintf("the planes of %s are %.1f mm apart (at most %.1f mm can be read)", name, st.spacing, rules.MaxStep),
			"send the whole axial series")
	case st.length() < rules.MinLength:
		return refuse(CodeTooFewSlices, fmt.Sprintf("the slices of %s stand for %.1f mm of the patient (at least %.1f mm are needed)",
			name, st.length(), rules.MinLength),
			"send the whole axial series")
	}
	return nil
}

// flagsOf joins the flags of slices, each once with its count.
func flagsOf(headers []Header) []string {
	count := map[string]int{}
	var order []string
	for i := range headers {
		for _, f := range headers[i].Flags {
			if count[f] == 0 {
				order = append(order, f)
			}
			count[f]++
		}
	}
	for i, f := range order {
		order[i] = fmt.Sprintf("%s (%d slices)", f, count[f])
	}
	return order
}

func nameOf(s *Series) string {
	h := &s.Headers[0]
	var b strings.Builder
	b.WriteString("series")
	if h.SeriesNumber != nil {
		fmt.Fprintf(&b, " %d", *h.SeriesNumber)
	}
	b.WriteString(" (")
	if h.Kernel != "" {
		fmt.Fprintf(&b, "kernel %s, ", printable(h.Kernel))
	}
	fmt.Fprintf(&b, "%d slices", len(s.Headers))
	hundredths := func(mm float64) string { return strconv.FormatFloat(math.Round(mm*100)/100, 'f', -1, 64) }
	switch {
	case s.closest < s.widest:
		fmt.Fprintf(&b, " every %s to %s mm", hundredths(s.closest), hundredths(s.widest))
	case s.Spacing > 0:
		fmt.Fprintf(&b, " every %s mm", hundredths(s.Spacing))
	}
	b.WriteString(")")
	return b.String()
}

// printable keeps text of a header that is shown to operators short and free of
// control characters.
func printable(s string) string {
	out := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0xFFFD {
			return '?'
		}
		return r
	}, s)
	if len(out) > 32 {
		out = out[:32]
	}
	return out
}
