package sc

import (
	"fmt"
	"strings"

	"jcsnode/dicomout/object"
)

// Result is what became of a study.
type Result int

// The outcomes. A study is not processed until something else is said.
const (
	NotProcessed Result = iota
	Negative
	Positive
)

func (o Result) String() string {
	switch o {
	case Positive:
		return "POSITIVE"
	case Negative:
		return "NEGATIVE"
	}
	return "NOT PROCESSED"
}

// Basis is how the study was decided: by the count of positive slices or by the length that they stand for.
type Basis struct {
	// Rule that decided: "count" or "length".
	Rule string
	// Text is the decision in one sentence; "" lets the page write its own.
	Text string
	// The study is positive when more than Threshold slices are, or slices of more than ThresholdMM (0 turns that rule off).
	PositiveSlices, Threshold int
	PositiveMM, ThresholdMM   float64
	// OperatingPoint is the probability from which on a slice is positive.
	OperatingPoint float64
	// SmoothMM is the length in mm over which probabilities were smoothed before they were counted, 0 if they were not: the page says
	// so, and how many slices would be positive by themselves.
	SmoothMM         float64
	UnsmoothedSlices int
	UnsmoothedMM     float64
}

// Measures are volumes of the study in mL.
type Measures struct {
	// Segmented tells whether lesions were looked for; if not, only the lungs were measured.
	Segmented bool
	LesionML  float64
	// OutsideML is the part of LesionML that lies in neither lung, which LungShare leaves out.
	OutsideML float64
	// OffLungs counts outlines that reach no lung and were left out of all else.
	OffLungs int
	// Specks counts outlines in the lungs that are too small for a lesion and were left out as well.
	Specks int
	// Lesions counts the connected lesions in space.
	Lesions int
	// Right and Left are the patient's lungs; zero when they were not told apart.
	Right, Left Lung
	// LungML is the volume of both lungs, lesions included; 0 when no lung was found.
	LungML float64
	// LungsCut tells that the field of view cuts a lung: volumes and shares are of the part in it.
	LungsCut bool
	// LungShare is the share of LungML that is lesion, 0..1; negative when it was not measured.
	LungShare float64
}

// Share is LungShare, negative also where there is no lung to take a share of.
func (m Measures) Share() float64 {
	if !(m.LungML > 0) {
		return -1
	}
	return m.LungShare
}

// Lung is one lung: its volume, and that of the lesions in it, in mL.
type Lung struct{ VolumeML, LesionML float64 }

// share is the share of the lung that is lesion, negative without a lung.
func (l Lung) share() float64 {
	if !(l.VolumeML > 0) {
		return -1
	}
	return l.LesionML / l.VolumeML
}

// Facing tells how the series lies, so that the page shows it in the usual way: apex above base, the patient's right at the
// left, front up. Transposed slices have rows that run from front to back; the flips come after that.
type Facing struct{ ApexFirst, Transposed, FlipRows, FlipColumns bool }

// Page is what the summary of a study shows.
type Page struct {
	Outcome Result
	// Reason and Remedy say why a study was not processed and what to do.
	Reason, Remedy string
	// Limits are sentences about what limits the result: how sure it is, and what of the chest was not
	// read; the weightiest first; none as a rule.
	Limits   []string
	Decision Basis
	Measures Measures
	// Slices are those of the chosen series by position rising; empty if there is no volume.
	Slices []Picture
	// Facing is that of the slices; the zero value is the usual way.
	Facing Facing
	// Activation returns the activation of a slice, 0..Scale.Max, Rows x Columns, or nil. The field may be nil.
	Activation func(i int) []float32
	Scale      Scale
	Models     []object.Model
	// Software is the program's version.
	Software string
}

// check makes sure that the slices can be drawn.
func (g *Page) check() error {
	for i := range g.Slices {
		if err := g.Slices[i].check(); err != nil {
			return err
		}
		if s, first := &g.Slices[i], &g.Slices[0]; s.Rows != first.Rows || s.Columns != first.Columns {
			return fmt.Errorf("%s: %d x %d pixels in a series of %d x %d", s.Label, s.Rows, s.Columns, first.Rows, first.Columns)
		}
	}
	return nil
}

// sentence is the decision in words.
func (g *Page) sentence() string {
	d := g.Decision
	if d.Text != "" { // it may begin with the outcome, which stands above it
		return strings.TrimPrefix(d.Text, strings.ToLower(g.Outcome.String())+": ")
	}
	if d.SmoothMM > 0 {
		return fmt.Sprintf("Positive slices cover %s of the patient; by themselves, not smoothed, %d slices would be positive, %s.",
			formatLength(d.PositiveMM), d.UnsmoothedSlices, formatLength(d.UnsmoothedMM))
	}
	if d.Rule == "length" {
		return fmt.Sprintf("Positive slices cover %s of the patient; a study is positive above %s.",
			formatLength(d.PositiveMM), formatLength(d.ThresholdMM))
	}
	return fmt.Sprintf("%d of %d slices are positive; a study is positive above %d.", d.PositiveSlices, len(g.Slices), d.Threshold)
}
