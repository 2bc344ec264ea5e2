package main

import (
	"fmt"
	"sync"

	"jcsnode/phantom/alter"
	"jcsnode/pipeline/ct"
	"jcsnode/pipeline/lung"
)

// scan is a stack with the lungs that are right for it.
type scan struct {
	name         string
	scan         alter.Scan
	alone, prone func() alter.Patient // the scan without its table, and turned over
	lungs        alter.Scan           // above 0 is lung; of radiologists, or the node's own in the scan as it is
	drawn        bool                 // by radiologists
	crop         bool                 // cut to the lungs, so that tables and fields of view cannot be changed
}

// result is what one change made of a volume.
type result struct {
	group, change, scan string
	volume, right, dice float64 // mL; right is what it should be
}

// off is by how much the volume is wrong, relatively.
func (r result) off() float64 { return r.volume/r.right - 1 }

// change makes another scan of a scan; the same is done to its lungs where it moves or cuts them.
type change struct {
	group, name          string
	make                 func(s scan) alter.Scan
	lungs                func(s alter.Scan) alter.Scan // nil: they stay
	transposed, mirrored bool
	crops                bool // can be done to crops
}

func measure(s scan) ([]result, error) {
	var out []result
	s.alone, s.prone = sync.OnceValue(s.scan.Patient), sync.OnceValue(func() alter.Patient { return s.scan.Half().Patient() })
	for _, c := range changes() {
		if s.crop && !c.crops {
			continue
		}
		altered, lungs := c.make(s), s.lungs
		if c.lungs != nil {
			lungs = c.lungs(lungs)
		}
		mask, v, err := lung.Mask(altered.HU, lung.Grid{Rows: altered.Rows, Columns: altered.Columns, RowSpacing: altered.RowMM,
			ColumnSpacing: altered.ColMM, Extents: altered.Extents, Transposed: c.transposed, Mirrored: c.mirrored})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		r := result{group: c.group, change: c.name, scan: s.name, volume: v.Total()}
		both, ours := 0.0, 0.0
		for z := range mask {
			ml := lungs.RowMM * lungs.ColMM * lungs.Extents[z] / 1000
			for i, m := range mask[z] {
				if lungs.HU[z][i] > 0 {
					r.right += ml
				}
				if m != lung.None {
					ours += ml
					if lungs.HU[z][i] > 0 {
						both += ml
					}
				}
			}
		}
		r.dice = 2 * both / (ours + r.right)
		if r.right > 0 {
			out = append(out, r)
		}
	}
	return out, nil
}

const (
	groupDrawn   = "as it is"
	groupTable   = "another table"
	groupArms    = "arms down"
	groupPlace   = "patient moved"
	groupTurned  = "prone, decubitus"
	groupView    = "field of view cut"
	groupPadding = "padding"
	groupNoise   = "noise"
	groupMatrix  = "coarser matrix"
	groupThin    = "fewer slices"
	groupDense   = "other density of the lungs"
)

// changes are all that is tried.
func changes() []change {
	out := []change{{group: groupDrawn, name: "as it is", make: func(s scan) alter.Scan { return s.scan }, crops: true}}
	add := func(c change) { out = append(out, c) }
	for _, t := range alter.Tables() {
		add(change{group: groupTable, name: t.Name, make: func(s scan) alter.Scan { return s.alone().On(t) }})
	}
	tables := alter.Tables()
	add(change{group: groupArms, name: "arms down", make: func(s scan) alter.Scan { return s.alone().ArmsDown() }})
	add(change{group: groupArms, name: "arms down, " + tables[5].Name, make: func(s scan) alter.Scan {
		return s.alone().ArmsDown().Patient().On(tables[5])
	}})
	for _, by := range [][2]float64{{-40, 0}, {40, 0}, {0, -30}, {25, 25}} {
		moved := func(s alter.Scan) alter.Scan { return s.Shifted(by[0], by[1]) }
		add(change{group: groupPlace, name: fmt.Sprintf("by %.0f, %.0f mm", by[0], by[1]), lungs: moved,
			make: func(s scan) alter.Scan { return moved(s.scan) }})
	}
	quarter, half := alter.Scan.Quarter, alter.Scan.Half
	add(change{group: groupTurned, name: "on the side",
		make: func(s scan) alter.Scan { return s.alone().On(tables[0]).Quarter() }, lungs: quarter, transposed: true})
	add(change{group: groupTurned, name: "on the side, head first told wrongly",
		make: func(s scan) alter.Scan { return s.alone().On(tables[6]).Quarter() }, lungs: quarter})
	add(change{group: groupTurned, name: "prone",
		make: func(s scan) alter.Scan { return s.prone().On(tables[1]) }, lungs: half, mirrored: true})
	add(change{group: groupTurned, name: "prone on a curved table",
		make: func(s scan) alter.Scan { return s.prone().On(tables[8]) }, lungs: half, mirrored: true})
	for _, v := range [][3]float64{{320, 0, 0}, {280, 0, 0}, {250, 0, 0}, {250, 30, 10}, {220, -50, 0}, {180, 70, 10}} {
		cut := func(s alter.Scan) alter.Scan { return s.FieldOfView(v[0], v[1], v[2]) }
		add(change{group: groupView, name: fmt.Sprintf("%.0f mm at %.0f, %.0f", v[0], v[1], v[2]),
			make: func(s scan) alter.Scan { return cut(s.scan) }, lungs: cut})
	}
	for _, value := range []int16{0, -500, 40, 2000, 3071, -1024} {
		cut := func(s alter.Scan) alter.Scan { return s.Padded(0) }
		add(change{group: groupPadding, name: fmt.Sprintf("%d HU", value), lungs: cut, make: func(s scan) alter.Scan {
			out := s.scan.Padded(value)
			for _, hu := range out.HU {
				stored := make([]int32, len(hu))
				for i, v := range hu {
					stored[i] = int32(v)
				}
				ct.ClearPadding(hu, stored, &ct.Header{Rows: out.Rows, Columns: out.Columns, Slope: 1})
			}
			return out
		}})
	}
	for _, sd := range []float64{25, 50, 100} {
		add(change{group: groupNoise, name: fmt.Sprintf("%.0f HU", sd),
			make: func(s scan) alter.Scan { return s.scan.Noisy(sd) }, crops: true})
	}
	for _, n := range []int{256, 128} {
		coarse := func(s alter.Scan) alter.Scan { return s.Matrix(n) }
		add(change{group: groupMatrix, name: fmt.Sprintf("%d pixels", n),
			make: func(s scan) alter.Scan { return coarse(s.scan) }, lungs: func(s alter.Scan) alter.Scan {
				return majority(coarse(s))
			}})
	}
	for _, n := range []int{2, 4} {
		thin := func(s alter.Scan) alter.Scan { return s.Thinned(n) }
		add(change{group: groupThin, name: fmt.Sprintf("every slice of %d", n),
			make: func(s scan) alter.Scan { return thin(s.scan) }, lungs: thin, crops: true})
	}
	for _, mean := range []float64{-945, -920, -750, -650} {
		add(change{group: groupDense, name: fmt.Sprintf("%.0f HU", mean), crops: true, make: func(s scan) alter.Scan {
			mask := make([][]byte, len(s.lungs.HU))
			for z, hu := range s.lungs.HU {
				mask[z] = make([]byte, len(hu))
				for i, v := range hu {
					if v > 0 {
						mask[z][i] = 1
					}
				}
			}
			return s.scan.Lungs(mask, mean)
		}})
	}
	return out
}

// majority is lung where more than half of a pixel is, for lungs of 1000.
func majority(s alter.Scan) alter.Scan {
	for _, hu := range s.HU {
		for i, v := range hu {
			hu[i] = max(0, v-500)
		}
	}
	return s
}
