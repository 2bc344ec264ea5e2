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
	out := make([]float32, rows*columns)
	// Pixel centre (r, k) of the slice -> canvas -> map, in units of cells.
	toMap := func(r, k int) (y, x float64) {
		y = (float64(r) + 0.5) / float64(rows)
		x = (float64(k) + 0.5) / float64(columns)
		if c.view.Transpose {
			y, x = x, y
		}
		if c.view.FlipRows {
			y = 1 - y
		}
		if c.view.FlipColumns {
			x = 1 - x
		}
		y = (float64(c.top) + y*float64(c.vRows)) / float64(c.height)
		x = (float64(c.left) + x*float64(c.vCols)) / float64(c.width)
		return y*float64(a.Rows) - 0.5, x*float64(a.Columns) - 0.5
	}
	for r := range rows {
		for k := range columns {
			y, x := toMap(r, k)
			out[r*columns+k] = a.bilinear(y, x)
		}
	}
	return out
}

func (a *Activation) bilinear(y, x float64) float32 {
	y = math.Min(math.Max(y, 0), float64(a.Rows-1))
	x = math.Min(math.Max(x, 0), float64(a.Columns-1))
	y0, x0 := int(y), int(x)
	y1, x1 := min(y0+1, a.Rows-1), min(x0+1, a.Columns-1)
	fy, fx := float32(y-float64(y0)), float32(x-float64(x0))
	top := a.Values[y0*a.Columns+x0]*(1-fx) + a.Values[y0*a.Columns+x1]*fx
	bottom := a.Values[y1*a.Columns+x0]*(1-fx) + a.Values[y1*a.Columns+x1]*fx
	return top*(1-fy) + bottom*fy
}
