package chest

import "math"

// Blocks divide the slices of a stack into squares of some mm, by whole pixels: a mean over a block has little noise, and a study
// costs some milliseconds. What a slice has beyond the last whole block is not looked at.
type Blocks struct {
	Rows, Columns int     // blocks of a slice
	High, Wide    int     // pixels of a block
	RowMM, ColMM  float64 // sides of a block
	width         int     // pixels of a row
}

const (
	// A block is a part of the picture, since small patients are scanned with a small field of view, and no more than mostBlock.
	blockPart  = 1.0 / 128
	leastBlock = 1.0 // mm
	mostBlock  = 3.0
)

// BlocksOf chooses the blocks of slices.
func BlocksOf(rows, columns int, rowMM, columnMM float64) Blocks {
	side := max(float64(rows)*rowMM, float64(columns)*columnMM) * blockPart
	side = min(max(side, leastBlock), mostBlock)
	pixels := func(mm float64, most int) int { return min(max(1, int(math.Round(side/mm))), most) }
	b := Blocks{High: pixels(rowMM, rows), Wide: pixels(columnMM, columns), width: columns}
	b.Rows, b.Columns = rows/b.High, columns/b.Wide
	b.RowMM, b.ColMM = float64(b.High)*rowMM, float64(b.Wide)*columnMM
	return b
}

// Means are the mean Hounsfield units of each block of a slice, row by row.
func (b Blocks) Means(hu []int16) []int16 {
	means := make([]int16, b.Rows*b.Columns)
	sums := make([]int32, b.Columns)
	n := int32(b.High * b.Wide)
	for r := range b.Rows {
		clear(sums)
		for y := range b.High {
			row := hu[(r*b.High+y)*b.width:]
			for c := range sums {
				var sum int32
				for _, v := range row[c*b.Wide : (c+1)*b.Wide] {
					sum += int32(v)
				}
				sums[c] += sum
			}
		}
		for c, sum := range sums {
			means[r*b.Columns+c] = int16(sum / n)
		}
	}
	return means
}

// At is the block of a pixel. Beyond the last whole block it is the last.
func (b *Blocks) At(row, column int) int {
	return min(row/b.High, b.Rows-1)*b.Columns + min(column/b.Wide, b.Columns-1)
}
