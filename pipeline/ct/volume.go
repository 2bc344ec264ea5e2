package ct

import "math"

// Volume is a stack of axial slices in Hounsfield units.
type Volume struct {
	Rows, Columns int
	RowSpacing    float64 // mm between rows
	ColumnSpacing float64 // mm between columns
	SliceSpacing  float64 // mm between neighbouring planes, measured along the normal, gaps left out; the mean where it changes on the way
	Normal        [3]float64
	View          View    // from the slices' grid to the usual picture
	Slices        []Slice // by position along the normal, rising

	Gaps []Gap // where planes are missing

	// Notes are what an operator should know about the volume: gaps, duplicates
	// left out, a tilted gantry, a short stack.
	Notes []string
	// Dropped are slices of the series that turned out broken when decoded.
	Dropped []InstanceRefusal
}

// Slice is one plane of a Volume.
type Slice struct {
	Header   Header
	Position float64 // mm along the normal
	// Extent is the length of patient along the normal that the slice stands for:
	// half way to its neighbours, but never across a gap.
	Extent float64
	// AfterGap: the plane below is missing, or there is none.
	AfterGap bool
	// LungShare is the share of the body in this slice that is lung, 0..1, coarsely (chest.Plane).
	LungShare float64
	// BeyondLungs: the slice lies above or below the lungs and shows nothing of them.
	BeyondLungs bool
	HU          []int16 // Rows*Columns, within AirHU and MaxHU

	means    []int16 // over blocks, until the lungs are found
	gasShare float64 // of the body
}

// Range of Hounsfield units kept: what lies outside (padding, metal) is clamped.
const (
	AirHU = -1024
	MaxHU = 3071
)

// Length is the length of patient along the normal that the slices stand for.
func (v *Volume) Length() float64 {
	var mm float64
	for i := range v.Slices {
		mm += v.Slices[i].Extent
	}
	return mm
}

// How much a step between planes may differ from their mean, relatively or in mm, for one distance to stand for all: positions are
// rounded to 0.1 mm by some scanners.
const (
	evenStep      = 0.05
	evenRoundedMM = 0.1
)

// EvenSpacing is SliceSpacing if it is the distance of all neighbouring planes, and 0 if that changes, so that no single number can
// say it.
func (v *Volume) EvenSpacing() float64 {
	for i := 1; i < len(v.Slices); i++ {
		if v.Slices[i].AfterGap {
			continue
		}
		d := v.Slices[i].Position - v.Slices[i-1].Position
		if math.Abs(d-v.SliceSpacing) > max(evenStep*v.SliceSpacing, evenRoundedMM+1e-6) {
			return 0
		}
	}
	return v.SliceSpacing
}

// Missing is what the gaps of the volume lack: planes, and the length of patient that nobody has looked at, in mm.
func (v *Volume) Missing() (planes int, mm float64) {
	for _, g := range v.Gaps {
		planes += g.Missing
		mm += (g.To - g.From) * float64(g.Missing) / float64(g.Missing+1)
	}
	return planes, mm
}

// reachBeyond is how far in mm a stack must reach beyond another to hold more of the patient: reconstructions of one scan end apart
// by a thick slice.
const reachBeyond = 10

// GoesOnIn tells whether s holds a part of the lungs that the volume lacks: the volume ends within the lungs, and s reaches beyond
// that end. The abdomen behind a whole chest is no such part. Frames of reference are not compared, since a wrong doubt costs a look.
func (v *Volume) GoesOnIn(s *Series) bool {
	low, high := math.Inf(1), math.Inf(-1)
	for i := range s.Headers {
		at := dot(s.Headers[i].Position, v.Normal)
		low, high = min(low, at), max(high, at)
	}
	first, last := &v.Slices[0], &v.Slices[len(v.Slices)-1]
	_, lungs := v.lungShares()
	return first.LungShare >= lungs && low < first.Position-reachBeyond ||
		last.LungShare >= lungs && high > last.Position+reachBeyond
}

// EndsInLungs tells whether the first or the last slice holds at least half as much lung as any: a scan of a chest ends above and
// below the lungs, and one of which a part never came does not.
func (v *Volume) EndsInLungs() bool {
	most, lungs := v.lungShares()
	ends := max(v.Slices[0].LungShare, v.Slices[len(v.Slices)-1].LungShare)
	return ends >= lungs && ends >= most/2
}

// lungShares are the largest share of lung in a slice, and that of one plainly within the lungs: less where disease leaves less.
func (v *Volume) lungShares() (most, within float64) {
	for i := range v.Slices {
		most = max(most, v.Slices[i].LungShare)
	}
	return most, min(plainLungs, max(most/2, seenLungs))
}

// PixelArea is the area of one pixel in mm2.
func (v *Volume) PixelArea() float64 { return v.RowSpacing * v.ColumnSpacing }
