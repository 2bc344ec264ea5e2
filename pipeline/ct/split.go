package ct

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// group is slices that can be one volume, and what sets them apart from other slices of their series.
type group struct {
	headers []Header
	marks   []Mark
}

// Mark is an element that tells a stack from other slices of its series.
type Mark struct {
	Element string   // name and tag
	Own     string   // its value in the stack, "" where that may be anything somebody typed
	Others  []string // its values in the other slices, each once, two at most
	Slices  int      // the other slices
}

// String says what is different.
func (m Mark) String() string {
	others := fmt.Sprintf("%d other slices of the series", m.Slices)
	if m.Slices == 1 {
		others = "one other slice of the series"
	}
	if m.Own == "" && strings.Join(m.Others, "") == "" {
		return fmt.Sprintf("%s is not that of %s", m.Element, others)
	}
	shown := func(v string) string {
		if v == "" {
			return "absent"
		}
		return printable(v)
	}
	var values []string
	for _, v := range m.Others {
		values = append(values, shown(v))
	}
	return fmt.Sprintf("%s is %s, and %s in %s", m.Element, shown(m.Own), strings.Join(values, " or "), others)
}

// split sorts slices into groups that can be one volume.
//
// Slices that differ in study, patient, series, matrix, pixel spacing or direction are never in one volume. Slices of one such group
// that differ in anything else are apart only where the two sets lie over each other: then they are two pictures of the same
// place, and stacking them would interleave two volumes; see apart. Where they lie one after the other they are one scan (step and
// shoot counts an acquisition per step; head protocols change the thickness on the way).
func split(headers []Header) []group {
	var out []group
	for _, series := range partition(headers, seriesKey) {
		groups := []group{{headers: series}}
		for _, d := range grids {
			groups = divideAll(groups, d.element, d.parts, d.value)
		}
		for _, g := range groups {
			out = append(out, apart(g)...)
		}
	}
	return out
}

// grids are what slices of one volume share.
var grids = []struct {
	element string
	parts   func([]Header) [][]Header
	value   func(*Header) string
}{
	{"Rows (0028,0010) by Columns (0028,0011)", byMatrix, func(h *Header) string { return fmt.Sprintf("%d x %d", h.Rows, h.Columns) }},
	{"PixelSpacing (0028,0030)", bySpacing, func(h *Header) string { return decimalText(h.PixelSpacingDS, h.PixelSpacing[:]) }},
	{"ImageOrientationPatient (0020,0037)", byDirection, func(h *Header) string { return decimalText(h.OrientationDS, h.Orientation[:]) }},
	{"FrameOfReferenceUID (0020,0052)", byFrame, func(h *Header) string { return h.FrameOfReferenceUID }},
}

func seriesKey(h *Header) string {
	return fmt.Sprintf("%q", []string{h.StudyInstanceUID, h.PatientID, h.IssuerOfPatientID, h.SeriesInstanceUID})
}

// decimalText is the text of numbers as it stands in the file, or what it would be.
func decimalText(raw string, values []float64) string {
	if raw != "" {
		return raw
	}
	var all []string
	for _, v := range values {
		all = append(all, strconv.FormatFloat(v, 'f', -1, 64))
	}
	return strings.Join(all, `\`)
}

func divideAll(groups []group, element string, divide func([]Header) [][]Header, value func(*Header) string) []group {
	var out []group
	for _, g := range groups {
		out = append(out, g.divided(element, divide(g.headers), value)...)
	}
	return out
}

// divided makes a group of each of the parts, marked with what is different in the others. value may be nil.
func (g group) divided(element string, parts [][]Header, value func(*Header) string) []group {
	if len(parts) == 1 {
		return []group{g}
	}
	text := func(p []Header) string {
		if value == nil {
			return ""
		}
		return value(&p[0])
	}
	var out []group
	for i, p := range parts {
		m := Mark{Element: element, Own: text(p), Slices: len(g.headers) - len(p)}
		for k, q := range parts {
			if v := text(q); k != i && len(m.Others) < 2 && !slices.Contains(m.Others, v) {
				m.Others = append(m.Others, v)
			}
		}
		out = append(out, group{p, append(slices.Clone(g.marks), m)})
	}
	return out
}

func byMatrix(headers []Header) [][]Header {
	return partition(headers, func(h *Header) string { return fmt.Sprint(h.Rows, h.Columns) })
}

// bySpacing groups slices whose fields of view differ by less than a pixel: the same spacing is written as 0.78125, 0.7812 and 0.78, and
// no protocol asks for another field of view by so little.
func bySpacing(headers []Header) [][]Header {
	side := float64(max(headers[0].Rows, headers[0].Columns)) // of all, see byMatrix
	var keys [2]map[float64]float64
	for k := range keys {
		keys[k] = alikeValues(headers, func(h *Header) float64 { return h.PixelSpacing[k] },
			func(low, mm float64) bool { return (mm-low)*side < low })
	}
	return partition(headers, func(h *Header) string { return fmt.Sprint(keys[0][h.PixelSpacing[0]], keys[1][h.PixelSpacing[1]]) })
}

// alikeValues gives each value the lowest of its group. A group reaches from its lowest up as far as same says, so that no rounding cuts
// through alike values.
func alikeValues(headers []Header, value func(*Header) float64, same func(low, v float64) bool) map[float64]float64 {
	var all []float64
	for i := range headers {
		all = append(all, value(&headers[i]))
	}
	slices.Sort(all)
	low := map[float64]float64{}
	for i, v := range all {
		if i == 0 || !same(low[all[i-1]], v) {
			low[v] = v
		} else {
			low[v] = low[all[i-1]]
		}
	}
	return low
}

// sameDirection is how far each component of a direction may lie from the usual one of a stack, a quarter of a degree: a millimetre at the
// edge of the body, less than a slice. Gantries tilt by half a degree or more.
const sameDirection = 0.0044

// byDirection groups slices whose rows and columns run alike: those around the median direction, then those around the median of the
// rest. Where that is nobody's direction, the first slice's counts.
func byDirection(headers []Header) [][]Header {
	var out [][]Header
	for rest := headers; len(rest) > 0; {
		usual := medianDirection(rest)
		like, unlike := near(rest, &usual)
		if len(like) == 0 {
			like, unlike = near(rest, &rest[0].Orientation)
		}
		out, rest = append(out, like), unlike
	}
	return out
}

func medianDirection(headers []Header) (m [6]float64) {
	all := make([]float64, len(headers))
	for k := range m {
		for i := range headers {
			all[i] = headers[i].Orientation[k]
		}
		slices.Sort(all)
		m[k] = all[(len(all)-1)/2]
	}
	return m
}

func near(headers []Header, d *[6]float64) (like, unlike []Header) {
	for i := range headers {
		if alike(&headers[i].Orientation, d) {
			like = append(like, headers[i])
		} else {
			unlike = append(unlike, headers[i])
		}
	}
	return like, unlike
}

func alike(a, b *[6]float64) bool {
	for i := range a {
		if math.Abs(a[i]-b[i]) > sameDirection {
			return false
		}
	}
	return true
}

// byFrame groups slices by frame of reference where that means something: each has a stack, and the stacks do not continue each other.
// A UID that is left out in some slices, or made up for each, does not.
func byFrame(headers []Header) [][]Header {
	named := slices.DeleteFunc(slices.Clone(headers), func(h Header) bool { return h.FrameOfReferenceUID == "" })
	frames := partition(named, func(h *Header) string { return h.FrameOfReferenceUID })
	one := [][]Header{headers}
	if len(frames) < 2 {
		return one
	}
	n := headers[0].Normal()
	beside := 0 // slices of frames that have no stack
	for _, f := range frames {
		if !stackLike(f, n, takenAgain+1) {
			beside += len(f)
		}
	}
	if float64(beside) > mostShared*float64(len(named)) || !overlap(frames, n) && continuous(headers, frames, n) {
		return one
	}
	return partition(headers, func(h *Header) string { return h.FrameOfReferenceUID })
}

// continuous tells whether parts that lie one after the other are one stack in steps and in place.
func continuous(headers []Header, parts [][]Header, n [3]float64) bool {
	st := newStack(headers, n)
	part := map[string]int{}
	for i, p := range parts {
		for k := range p {
			part[p[k].FrameOfReferenceUID] = i
		}
	}
	for i := 1; i < len(st.headers); i++ {
		a, b := &st.headers[i-1], &st.headers[i]
		if a.FrameOfReferenceUID == "" || b.FrameOfReferenceUID == "" || part[a.FrameOfReferenceUID] == part[b.FrameOfReferenceUID] {
			continue
		}
		step := st.positions[i] - st.positions[i-1]
		if st.afterGap[i] || step < st.closest/gapFactor || inPlane(a, b, n) > maxShift+step*maxLean {
			return false
		}
	}
	return true
}

// maxLean is how far planes may move in their plane for each mm along the normal: that of the steepest gantry that is read.
const maxLean = 0.6

// inPlane is the distance of two slices' places within their plane, in mm.
func inPlane(a, b *Header, n [3]float64) float64 {
	d := [3]float64{b.Position[0] - a.Position[0], b.Position[1] - a.Position[1], b.Position[2] - a.Position[2]}
	along := dot(d, n)
	return norm([3]float64{d[0] - along*n[0], d[1] - along*n[1], d[2] - along*n[2]})
}

// mostShared is the part of a scan's slices that may lie where another part of it lies, too: ranges that overlap a little, a slice
// that was taken again. Reconstructions of one scan share nearly all. A part of which most lies within another one is no range
// of its own either, unless it is as short as what is taken again.
const (
	mostShared = 0.1
	takenAgain = 2
)

// overlap reports whether the sets cover the same stretch along the normal n rather than follow each other. A copy of a slice in
// another set covers nothing.
func overlap(parts [][]Header, n [3]float64) bool {
	type span struct{ lo, hi float64 }
	spans := make([]span, len(parts))
	type place struct {
		part int
		at   float64
	}
	holders := map[[32]byte][]place{} // of slices with these pixels
	copied := func(h *Header, at float64, part int) bool {
		return slices.ContainsFunc(holders[h.Pixels], func(p place) bool { return p.part == part && math.Abs(p.at-at) < samePlane })
	}
	for i, p := range parts {
		s := span{math.Inf(1), math.Inf(-1)}
		for j := range p {
			at := dot(p[j].Position, n)
			s.lo, s.hi = math.Min(s.lo, at), math.Max(s.hi, at)
			if p[j].Pixels != unknownPixels {
				holders[p[j].Pixels] = append(holders[p[j].Pixels], place{i, at})
			}
		}
		spans[i] = s
	}
	all, shared := 0, 0
	for i, p := range parts {
		within, before := 0, 0 // slices that lie in the stretch of another part, of an earlier one
		for j := range p {
			at := dot(p[j].Position, n)
			for k, s := range spans {
				if k != i && at > s.lo-samePlane && at < s.hi+samePlane && !copied(&p[j], at, k) {
					within++
					if k < i {
						before++
					}
					break
				}
			}
		}
		if len(p) > takenAgain && 2*within > len(p) {
			return true
		}
		all += len(p)
		shared += before
	}
	return float64(shared) > mostShared*float64(all)
}

// partition groups headers by key, groups in the order of their first header.
func partition(headers []Header, key func(*Header) string) [][]Header {
	at := map[string]int{}
	var out [][]Header
	for i := range headers {
		k := key(&headers[i])
		j, ok := at[k]
		if !ok {
			j = len(out)
			at[k] = j
			out = append(out, nil)
		}
		out[j] = append(out[j], headers[i])
	}
	return out
}
