package lung

import "fmt"

// Values of a lung mask. Right and Left are the patient's.
const (
	None  = 0
	Right = 1
	Left  = 2
)

// Grid is the geometry of a stack of slices.
type Grid struct {
	Rows, Columns             int
	RowSpacing, ColumnSpacing float64 // mm between rows, between columns
	// Extents are the mm of patient along the stack that each slice stands for;
	// volumes are areas times extents.
	Extents []float64
	// AfterGap marks slices whose neighbour below is missing (the first one too):
	// nothing is connected across. Nil: only before the first.
	AfterGap []bool
	// Transposed: the patient's left and right lie along rows instead of columns.
	Transposed bool
	// Mirrored: the patient's left lies towards lower columns (rows, if Transposed)
	// instead of higher ones, as in a prone picture.
	Mirrored bool
}

func (g *Grid) pixelArea() float64 { return g.RowSpacing * g.ColumnSpacing }

// across is the number of pixels across the patient.
func (g *Grid) across() int {
	if g.Transposed {
		return g.Rows
	}
	return g.Columns
}

func (g *Grid) gap(slice int) bool {
	return slice == 0 || g.AfterGap != nil && g.AfterGap[slice]
}

// check makes sure that n slices of the given lengths fit the grid, so that the
// rest of the package can index without asking.
func (g *Grid) check(n int, length func(int) int) error {
	if g.Rows < 1 || g.Columns < 1 || !(g.RowSpacing > 0) || !(g.ColumnSpacing > 0) {
		return fmt.Errorf("lung: grid of %d x %d pixels of %v x %v mm", g.Rows, g.Columns, g.RowSpacing, g.ColumnSpacing)
	}
	if len(g.Extents) != n || g.AfterGap != nil && len(g.AfterGap) != n {
		return fmt.Errorf("lung: %d slices, but %d extents and %d gap marks", n, len(g.Extents), len(g.AfterGap))
	}
	for i := range n {
		if l := length(i); l != g.Rows*g.Columns {
			return fmt.Errorf("lung: slice %d has %d pixels, the grid %d", i, l, g.Rows*g.Columns)
		}
	}
	return nil
}

func errSlices(got, want int) error {
	return fmt.Errorf("lung: %d slices beside %d", got, want)
}

// checkMask is check for a mask of which slices may be nil.
func (g *Grid) checkMask(mask [][]byte) error {
	return g.check(len(mask), func(i int) int {
		if mask[i] == nil {
			return g.Rows * g.Columns
		}
		return len(mask[i])
	})
}
