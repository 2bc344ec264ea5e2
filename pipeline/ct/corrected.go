package ct

import (
	"context"
	"fmt"
	"math"
	"slices"

	"jcsnode/guard"
)

// Correct finds slices that came again since what they say of patient or order was corrected, be it under UIDs of their own: same
// plane, same pixels, another patient, name, birth date, sex or accession number. Where all slices of a set came again, later, the
// earlier ones get a Refusal. Where only some came again under another patient, or nobody can say which came last, all
// of them are refused: whose they are is not known. So is what else a patient has in the study from whom slices were taken. Pixels are
// decoded only where slices of one plane differ in patient or order. It returns how many slices came again under another patient; the
// error is that of ctx or of the machine.
func Correct(ctx context.Context, open Opener, headers []Header) (moved int, err error) {
	shareIssuers(headers)
	c := correction{open: open, headers: headers, taken: map[patientOfStudy]bool{}, kept: map[patientOfStudy]bool{}}
	for _, p := range c.pairs() {
		if err := c.compare(ctx, p); err != nil {
			return 0, fmt.Errorf("compare copies of slices: %w", err)
		}
	}
	return c.settle(), nil
}

// batch is what came of a series for one patient with one order, as indices into headers.
type batch struct {
	key    batchKey
	slices []int
}

type batchKey struct {
	study, series string
	patient       patient
	person        Person
}

type patientOfStudy struct {
	study   string
	patient patient
}

// pair is two batches with slices in the same planes.
type pair struct {
	a, b   *batch
	common [][2]int // a slice of a, and the one of b in its plane
}

// copies is what comparing a pair found.
type copies struct {
	a, b           *batch
	same           [][2]int // of pair.common, those of one picture
	aFirst, bFirst bool     // every slice of the one came before its copy
}

// mostCopies bounds how many slices of one plane are compared, in the order of the headers: no correction is sent so often.
const mostCopies = 64

type correction struct {
	open        Opener
	headers     []Header
	batches     []*batch
	found       []copies
	taken, kept map[patientOfStudy]bool // from whom slices were taken, and who has them now
}

// plane tells slices apart that lie elsewhere or on another grid; lengths are rounded to 0.01 mm, directions to what is one direction.
type plane struct {
	study                 string
	rows, columns, frames int
	at                    [11]int
}

func planeOf(h *Header) plane {
	p := plane{study: h.StudyInstanceUID, rows: h.Rows, columns: h.Columns, frames: h.Frames}
	for i, v := range h.Position {
		p.at[i] = int(math.Round(v / 0.01))
	}
	for i, v := range h.Orientation {
		p.at[3+i] = int(math.Round(v / sameDirection))
	}
	for i, v := range h.PixelSpacing {
		p.at[9+i] = int(math.Round(v / 0.001))
	}
	return p
}

// pairs lists the batches of one study that have planes in common, in a fixed order.
func (c *correction) pairs() []*pair {
	byKey := map[batchKey]*batch{}
	planes := map[plane][]int{}
	var order []plane
	batches := make([]*batch, len(c.headers))
	for i := range c.headers {
		h := &c.headers[i]
		if h.Refusal != nil {
			continue
		}
		k := batchKey{h.StudyInstanceUID, h.SeriesInstanceUID, h.patient(), h.Person}
		if byKey[k] == nil {
			byKey[k] = &batch{key: k}
			c.batches = append(c.batches, byKey[k])
		}
		batches[i] = byKey[k]
		byKey[k].slices = append(byKey[k].slices, i)
		p := planeOf(h)
		if planes[p] == nil {
			order = append(order, p)
		}
		planes[p] = append(planes[p], i)
	}
	var pairs []*pair
	known := map[[2]*batch]*pair{}
	for _, p := range order {
		here := planes[p][max(0, len(planes[p])-mostCopies):]
		for at, i := range here {
			for _, k := range here[at+1:] {
				a, b := batches[i], batches[k]
				if a.key.patient == b.key.patient && a.key.person == b.key.person {
					continue // another kernel, or sent twice: nothing is corrected
				}
				common := [2]int{i, k}
				if known[[2]*batch{a, b}] == nil && known[[2]*batch{b, a}] != nil {
					a, b, common = b, a, [2]int{k, i}
				}
				q := known[[2]*batch{a, b}]
				if q == nil {
					q = &pair{a: a, b: b}
					known[[2]*batch{a, b}] = q
					pairs = append(pairs, q)
				}
				q.common = append(q.common, common)
			}
		}
	}
	return pairs
}

// compare decodes what two batches have in common. A slice in the middle is asked first: two pictures of one plane mostly differ.
func (c *correction) compare(ctx context.Context, p *pair) error {
	found := copies{a: p.a, b: p.b, aFirst: true, bFirst: true}
	shown := false // something that only copies have in common
	middle := len(p.common) / 2
	order := append([][2]int{p.common[middle]}, slices.Delete(slices.Clone(p.common), middle, middle+1)...)
	for at, common := range order {
		if err := ctx.Err(); err != nil {
			return err
		}
		a, b := &c.headers[common[0]], &c.headers[common[1]]
		same, blank, err := samePicture(c.open, a, b)
		if err != nil {
			return err
		}
		shown = shown || same && !blank
		if !same {
			if at == 0 {
				return nil
			}
			continue
		}
		found.same = append(found.same, common)
		found.aFirst = found.aFirst && a.Order < b.Order
		found.bFirst = found.bFirst && b.Order < a.Order
	}
	if shown {
		c.found = append(c.found, found)
	}
	return nil
}

// samePicture tells whether two slices of one plane have the same Hounsfield units, and whether they show nothing, as those of two
// patients may. Under one SOP Instance UID they are one slice.
func samePicture(open Opener, a, b *Header) (same, blank bool, err error) {
	if a.SOPInstanceUID == b.SOPInstanceUID && a.Frame == b.Frame {
		return true, false, nil
	}
	var hu [2][]int16
	for i, h := range []*Header{a, b} {
		err := guard.Call(func() error {
			f, err := open(h.Path)
			if err != nil {
				return nil // it says so when it is read
			}
			defer f.Close()
			hu[i] = decode(f, h).hu
			return nil
		})
		if err != nil {
			return false, false, err
		}
	}
	blank = !slices.ContainsFunc(hu[0], func(v int16) bool { return v != hu[0][0] })
	return hu[0] != nil && slices.Equal(hu[0], hu[1]), blank, nil
}

// settle refuses what came again, and what nobody can tell whose it is.
func (c *correction) settle() (moved int) {
	later := c.later()
	replaced := map[*batch]bool{}
	for _, b := range c.batches {
		replaced[b] = len(later[b]) == len(b.slices)
	}
	for _, b := range c.batches {
		if replaced[b] {
			moved += c.replace(b, later[b], replaced)
		}
	}
	for _, f := range c.found {
		a, b := f.a, f.b
		if a.key.patient == b.key.patient || replaced[a] || replaced[b] {
			continue
		}
		r := *refuse(CodeTwoPatients, "the same slices came under two patients (PatientID (0010,0020) with its issuer) at the same time",
			"send the slices of the right patient again under new Series and SOP Instance UIDs")
		if f.aFirst != f.bFirst {
			if f.bFirst {
				a, b = b, a
			}
			r = *refuse(CodePartCorrected, fmt.Sprintf(
				"%d of %d slices came again under another patient (PatientID (0010,0020) with its issuer), the others did not",
				len(later[a]), len(a.slices)), remedyPatient)
		}
		c.refuse(a, r)
		c.refuse(b, r)
	}
	for i := range c.headers {
		h := &c.headers[i]
		whose := patientOfStudy{h.StudyInstanceUID, h.patient()}
		if h.Refusal == nil && c.taken[whose] && !c.kept[whose] {
			h.Refusal = refuse(CodePartCorrected,
				"other slices of the study came again under another patient (PatientID (0010,0020) with its issuer), these did not",
				remedyPatient)
		}
	}
	return moved
}

// remedyPatient works whether the UIDs stay or not, and whatever came before.
const remedyPatient = "send all slices of the study again with the right patient; the copies that come last count"

// later finds the newest later copy of each slice that has one, by batch, then slice.
func (c *correction) later() map[*batch]map[int]*batch {
	newest := map[int]int{} // of a slice, the order of its newest copy
	later := map[*batch]map[int]*batch{}
	for _, f := range c.found {
		if f.aFirst == f.bFirst {
			continue
		}
		old, again, at := f.a, f.b, 0
		if f.bFirst {
			old, again, at = f.b, f.a, 1
		}
		if later[old] == nil {
			later[old] = map[int]*batch{}
		}
		for _, common := range f.same {
			if order := c.headers[common[1-at]].Order; later[old][common[at]] == nil || order > newest[common[at]] {
				later[old][common[at]], newest[common[at]] = again, order
			}
		}
	}
	return later
}

// replace refuses the slices of a batch that all came again, and returns how many of them under another patient.
func (c *correction) replace(old *batch, later map[int]*batch, replaced map[*batch]bool) (moved int) {
	for _, again := range later {
		if again.key.patient != old.key.patient {
			moved++
			c.taken[patientOfStudy{old.key.study, old.key.patient}] = true
		}
		if !replaced[again] {
			c.kept[patientOfStudy{again.key.study, again.key.patient}] = true
		}
	}
	what := "with another name, birth date, sex, issuer or accession number"
	if moved > 0 {
		what = "under another patient (PatientID (0010,0020) with its issuer)"
	}
	c.refuse(old, *refuse(CodeCorrected, "the slice came again "+what+", and the copy that came last was used", ""))
	return moved
}

func (c *correction) refuse(b *batch, r Refusal) {
	for _, i := range b.slices {
		if c.headers[i].Refusal == nil {
			c.headers[i].Refusal = &r
		}
	}
}
