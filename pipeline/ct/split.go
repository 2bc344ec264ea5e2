package ct

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// split sorts slices into groups that can be one volume.
//
// Slices that differ in study, patient, series, frame of reference, direction,
// matrix or pixel spacing are never in one volume. Slices of one such group that
// differ in kernel, image type, thickness or acquisition are apart only where
// the two sets lie over each other: then they are two pictures of the same
// place, and stacking them would interleave two volumes. Where they lie one after
// the other they are one scan (step and shoot counts an acquisition per step;
// head protocols change the thickness on the way).
func split(headers []Header) [][]Header {
	var out [][]Header
	for _, group := range partition(headers, rigidKey) {
		for _, parallel := range byDirection(group) {
			out = append(out, splitOverlaps(parallel, separators)...)
		}
	}
	return out
}

// sameDirection is how much each component of a direction may differ within one
// stack, about 0.1 degree: directions are written with four to seven digits.
const sameDirection = 0.002

// byDirection groups slices whose rows and columns run alike.
func byDirection(headers []Header) [][]Header {
	var out [][]Header
next:
	for i := range headers {
		for j := range out {
			if alike(&out[j][0].Orientation, &headers[i].Orientation) {
				out[j] = append(out[j], headers[i])
				continue next
			}
		}
		out = append(out, []Header{headers[i]})
	}
	return out
}

func alike(a, b *[6]float64) bool {
	for i := range a {
		if math.Abs(a[i]-b[i]) > sameDirection {
			return false
		}
	}
	return true
}

// rigidKey is equal for slices that can share a grid. The spacing is compared to
// 0.1 micrometre.
func rigidKey(h *Header) string {
	var b strings.Builder
	for _, s := range []string{h.StudyInstanceUID, h.PatientID, h.IssuerOfPatientID, h.SeriesInstanceUID, h.FrameOfReferenceUID} {
		fmt.Fprintf(&b, "%q", s)
	}
	fmt.Fprintf(&b, "|%d|%d|%d|%d", h.Rows, h.Columns, int(math.Round(h.PixelSpacing[0]*1e4)), int(math.Round(h.PixelSpacing[1]*1e4)))
	return b.String()
}

// separators are tried in this order.
var separators = []func([]Header) [][]Header{
	by(func(h *Header) string { return h.Kernel }),
	by(func(h *Header) string { return strings.Join(h.ImageType, `\`) }),
	byThickness,
	by(func(h *Header) string { return h.Phase }),
	by(func(h *Header) string {
		if h.AcquisitionNumber == nil {
			return ""
		}
		return fmt.Sprint(*h.AcquisitionNumber)
	}),
}

func by(key func(*Header) string) func([]Header) [][]Header {
	return func(headers []Header) [][]Header { return partition(headers, key) }
}

// Thicknesses that differ by less, in mm or relatively, are one: some scanners write what they measured, others round.
const (
	sameThickness     = 0.1
	sameThicknessPart = 0.02
)

// byThickness groups headers of one thickness. A group reaches from the thinnest up, so that no rounding cuts through alike values.
func byThickness(headers []Header) [][]Header {
	var all []float64
	for i := range headers {
		all = append(all, headers[i].SliceThickness)
	}
	slices.Sort(all)
	group := map[float64]string{}
	var thinnest float64
	for i, mm := range all {
		if i == 0 || mm-thinnest > max(sameThickness, sameThicknessPart*mm)-1e-6 {
			thinnest = mm
		}
		group[mm] = fmt.Sprint(thinnest)
	}
	return partition(headers, func(h *Header) string { return group[h.SliceThickness] })
}

func splitOverlaps(group []Header, seps []func([]Header) [][]Header) [][]Header {
	if len(seps) == 0 {
		return [][]Header{group}
	}
	parts := seps[0](group)
	if len(parts) == 1 || !overlap(parts, group[0].Normal()) {
		return splitOverlaps(group, seps[1:])
	}
	var out [][]Header
	for _, p := range parts {
		out = append(out, splitOverlaps(p, seps[1:])...)
	}
	return out
}

// mostShared is the part of a scan's slices that may lie where another part of it lies, too: ranges that overlap a little, a slice
// that was taken again. Reconstructions of one scan share nearly all. A part of which most lies within another one is no range
// of its own either, unless it is as short as what is taken again.
const (
	mostShared = 0.1
	takenAgain = 2
)

// overlap reports whether the sets cover the same stretch along the normal n rather than follow each other.
func overlap(parts [][]Header, n [3]float64) bool {
	type span struct{ lo, hi float64 }
	spans := make([]span, len(parts))
	for i, p := range parts {
		s := span{math.Inf(1), math.Inf(-1)}
		for j := range p {
			at := dot(p[j].Position, n)
			s.lo, s.hi = math.Min(s.lo, at), math.Max(s.hi, at)
		}
		spans[i] = s
	}
	all, shared := 0, 0
	for i, p := range parts {
		within, before := 0, 0 // slices that lie in the stretch of another part, of an earlier one
		for j := range p {
			at := dot(p[j].Position, n)
			for k, s := range spans {
				if k != i && at > s.lo-samePlane && at < s.hi+samePlane {
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
