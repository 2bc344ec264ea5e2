package lung_test

import (
	"fmt"

	"jcsnode/pipeline/lung"
)

// Lesions are measured against a lung mask; both are masks on the grid of the
// slices.
func ExampleMeasure() {
	grid := lung.Grid{Rows: 1, Columns: 4, RowSpacing: 10, ColumnSpacing: 10, Extents: []float64{10}}
	hu := [][]int16{{-850, -600, -850, -850}}
	lungs := [][]byte{{lung.Right, lung.Right, lung.Left, lung.Left}}
	lesions := [][]byte{{0, 1, 0, 0}}
	m, err := lung.Measure(hu, lesions, lungs, grid)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.0f mL of %.0f mL, %.0f %% of the right lung, %d component\n",
		m.LesionML, m.Lungs.Total(), 100*m.RightShare, len(m.Components))
	// Output: 1 mL of 4 mL, 50 % of the right lung, 1 component
}
