package cascade

import (
	"math"

	"jcsnode/pipeline/ct"
)

// canvas is the picture that the networks get: a slice turned to the usual
// orientation and padded with air to a physically square field. It has the
// pixels of the slice, none are made up or lost; the graph of a network resizes
// the square to its own input.
type canvas struct {
	view          ct.View
	rows, columns int // of the slice
	vRows, vCols  int // of the slice in the usual orientation
	top, left     int // where it lies on the canvas
	height, width int // of the canvas
}

// newCanvas lays out slices of rows x columns pixels with the given distances
// between rows and columns in mm. The patient stays in the middle.
func newCanvas(view ct.View, rows, columns int, rowSpacing, columnSpacing float64) canvas {
	c := canvas{view: view, rows: rows, columns: columns}
	c.vRows, c.vCols = view.Size(rows, columns)
	down, across := rowSpacing, columnSpacing // mm between canvas rows, columns
	if view.Transpose {
		down, across = across, down
	}
	c.height, c.width = c.vRows, c.vCols
	high, wide := float64(c.vRows)*down, float64(c.vCols)*across
	if high < wide {
		c.height = max(c.vRows, int(math.Round(wide/down)))
	} else {
		c.width = max(c.vCols, int(math.Round(high/across)))
	}
	c.top, c.left = (c.height-c.vRows)/2, (c.width-c.vCols)/2
	return c
}

// draw fills dst (height*width) with the slice and air around it.
func (c *canvas) draw(dst []float32, hu []int16) {
	if c.height != c.vRows || c.width != c.vCols {
		for i := range dst {
			dst[i] = ct.AirHU
		}
	}
	for r := range c.vRows {
		out := dst[(c.top+r)*c.width+c.left:]
		for k := range c.vCols {
			sr, sc := c.view.Source(r, k, c.vRows, c.vCols)
			out[k] = float32(hu[sr*c.columns+sc])
		}
	}
}

// mask returns the pixels of the slice, 0 or 1, whose probability on the canvas
// reaches the operating point.
func (c *canvas) mask(probability []float32, operatingPoint float64) []byte {
	out := make([]byte, c.rows*c.columns)
	for r := range c.vRows {
		in := probability[(c.top+r)*c.width+c.left:]
		for k := range c.vCols {
			if float64(in[k]) >= operatingPoint {
				sr, sc := c.view.Source(r, k, c.vRows, c.vCols)
				out[sr*c.columns+sc] = 1
			}
		}
	}
	return out
}

// Activation is the activation map of a slice as the network gave it, with the
// way back to the grid of the slice.
type Activation struct {
	Rows, Columns int       // of Values
	Values        []float32 // over the canvas
	canvas        canvas
}

// At returns the map on a grid of rows x columns over the slice (its own size
// gives a value for each pixel), bilinear between the centres of the map's
// cells; beyond the outermost centres the nearest value holds.
func (a *Activation) At(rows, columns int) []float32 {
	c := &a.canvas
	down, across := rows, columns // pixels of the slice along the map's axes
	if c.view.Transpose {
		down, across = across, down
	}
	ys := places(down, c.view.FlipRows, c.top, c.vRows, c.height, a.Rows)
	xs := places(across, c.view.FlipColumns, c.left, c.vCols, c.width, a.Columns)
	lines := make([]float32, 0, a.Rows*across) // the rows of the map, as wide as the slice
	for y := range a.Rows {
		cells := a.Values[y*a.Columns : (y+1)*a.Columns]
		for _, x := range xs {
			lines = append(lines, cells[x.low]*(1-x.weight)+cells[x.high]*x.weight)
		}
	}
	out := make([]float32, rows*columns)
	for i, y := range ys {
		low, high := lines[y.low*across:][:across], lines[y.high*across:][:across]
		under, over := 1-y.weight, y.weight
		if c.view.Transpose {
			for k := range low {
				out[k*columns+i] = low[k]*under + high[k]*over
			}
			continue
		}
		row := out[i*columns:][:across]
		for k := range row {
			row[k] = low[k]*under + high[k]*over
		}
	}
	return out
}

// place is where a pixel of the slice lies between two cells of a map, along one axis.
type place struct {
	low, high int
	weight    float32 // of high
}

// places follows the centres of n pixels of a slice, which is pixels long on the canvas and begins at start, to the cells of a map
// over the canvas of length pixels.
func places(n int, flip bool, start, pixels, length, cells int) []place {
	out := make([]place, n)
	for i := range out {
		at := (float64(i) + 0.5) / float64(n)
		if flip {
			at = 1 - at
		}
		at = (float64(start) + at*float64(pixels)) / float64(length)
		at = min(max(at*float64(cells)-0.5, 0), float64(cells-1))
		low := int(at)
		out[i] = place{low, min(low+1, cells-1), float32(at - float64(low))}
	}
	return out
}
