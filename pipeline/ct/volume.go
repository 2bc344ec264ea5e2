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
	// LungShare is the share of air-filled, lung-like pixels of the body in this slice, 0..1.
	LungShare float64
	HU        []int16 // Rows*Columns, within AirHU and MaxHU
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

// PixelArea is the area of one pixel in mm2.
func (v *Volume) PixelArea() float64 { return v.RowSpacing * v.ColumnSpacing }
