package pipeline

import (
	"fmt"
	"strings"

	"jcsnode/pipeline/ct"
)

// Limits is what limits the meaning of a result: parts of the chest that it says nothing about, though a reader may think so. The
// zero value is a whole chest. Oddities without such a part are Notes.
type Limits struct {
	// ReadMM of StackMM were read, since MissingSlices are missing inside the stack.
	ReadMM, StackMM float64
	MissingSlices   int
	// Short tells that the stack of StackMM is shorter than a chest.
	Short bool
	// GoesOn tells that the lungs go on in a stack that was not read.
	GoesOn bool
	// EndsInLungs tells that the lungs go on beyond a stack that is long enough for a chest, though none of the study shows them there.
	EndsInLungs bool
	// Defects counts images of the series that cannot be read; those that only make a gap are 0.
	Defects int
	// Others tells what sets slices of the same series apart that were not read, Lesser what was read for want of slices as the scanner
	// made them.
	Others, Lesser string
	// Patients counts those whose slices share the study, if there are several.
	Patients int
	// Moved counts slices that came first under another patient, under whom an earlier result may be.
	Moved int
	// Differ tells that the slices disagree in the patient's name, birth date or sex, or in issuer or accession number.
	Differ bool
}

// Limits looks at what was read and what was left out. Without a volume there is no result to limit.
func (x *Examination) Limits() Limits {
	if x.Volume == nil {
		return Limits{}
	}
	read := x.Volume.Length()
	missing, mm := x.Volume.Missing()
	l := Limits{MissingSlices: missing, Short: read+mm < ct.WholeChest, Lesser: x.Chosen.Lesser, Patients: x.Patients, Moved: x.Moved,
		Differ: x.differ()}
	var others []string
	for _, m := range x.Chosen.Marks {
		others = append(others, m.String())
	}
	l.Others = strings.Join(others, "; ")
	if l.MissingSlices > 0 || l.Short {
		l.ReadMM, l.StackMM = read, read+mm
	}
	for _, s := range x.Unread {
		l.GoesOn = l.GoesOn || x.Volume.GoesOnIn(s)
	}
	l.EndsInLungs = !l.GoesOn && !l.Short && x.Volume.EndsInLungs()
	defects := 0
	for _, d := range x.Dropped {
		if d.SeriesInstanceUID == x.Chosen.SeriesInstanceUID && ct.Defect(d.Refusal.Code) {
			defects++
		}
	}
	if defects > missing { // some lie at an end of the stack, where no gap tells of them
		l.Defects = defects
	}
	return l
}

// Sentences says the limits to who reads the result, the weightiest first; none for a whole chest.
func (l Limits) Sentences() []string {
	var all []string
	if l.GoesOn {
		all = append(all, "Parts of the chest may be unread: the lungs go on in another stack, which was not read.")
	}
	if l.EndsInLungs {
		all = append(all, "Parts of the chest may be missing: the stack ends within the lungs.")
	}
	if l.MissingSlices > 0 {
		digits := 0
		if l.StackMM-l.ReadMM < 2 { // whole numbers may read alike
			digits = 1
		}
		all = append(all, fmt.Sprintf("Only %.*f of %.*f mm of the stack was read: %s missing.", digits, l.ReadMM, digits, l.StackMM,
			count(l.MissingSlices, "slice is", "slices are")))
	}
	if l.Short {
		all = append(all, fmt.Sprintf(
			"The stack is %.0f mm long, shorter than a chest: the result speaks only about that part.",
			l.StackMM))
	}
	if l.Defects > 0 {
		all = append(all, fmt.Sprintf(
			"Parts of the chest may be unread: %s damaged or incomplete.",
			count(l.Defects, "image of the series is", "images of the series are")))
	}
	if l.Lesser != "" {
		all = append(all, fmt.Sprintf("No slices as the scanner made them: %s was read.", l.Lesser))
	}
	if l.Others != "" {
		all = append(all, fmt.Sprintf("Other slices of the series were not read: in those read %s.", l.Others))
	}
	if l.Patients > 0 {
		all = append(all, fmt.Sprintf(
			"Slices of %d patients share this study; those of one were read. "+
				"Send each patient's under a Study Instance UID of its own.",
			l.Patients))
	}
	if l.Moved > 0 {
		all = append(all, fmt.Sprintf(
			"Corrected: %s first under another patient. The result is of the patient under whom they came last.",
			count(l.Moved, "slice came", "slices came")))
	}
	if l.Differ {
		all = append(all, "The slices differ in the patient's name, birth date or sex, or in issuer or accession number: "+
			"the last that came counts.")
	}
	return all
}

// count writes a number before the word that goes with it.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
