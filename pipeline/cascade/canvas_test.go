package cascade

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"jcsnode/pipeline/ct"
)

func views() []ct.View {
	var out []ct.View
	for i := range 8 {
		out = append(out, ct.View{Transpose: i&1 != 0, FlipRows: i&2 != 0, FlipColumns: i&4 != 0})
	}
	return out
}

func TestCanvas_IsPhysicallySquare(t *testing.T) {
	tests := []struct {
		name           string
		view           ct.View
		rows, columns  int
		rowMM, colMM   float64
		wantH, wantW   int
		wantTop, wantL int
	}{
		{"square pixels, square matrix", ct.View{}, 512, 512, 0.7, 0.7, 512, 512, 0, 0},
		{"half the columns of twice the width", ct.View{}, 512, 256, 0.748, 1.496, 512, 256, 0, 0},
		{"wide", ct.View{}, 400, 512, 0.7, 0.7, 512, 512, 56, 0},
		{"tall", ct.View{}, 512, 300, 0.7, 0.7, 512, 512, 0, 106},
		{"wide, transposed", ct.View{Transpose: true}, 400, 512, 0.7, 0.7, 512, 512, 0, 56},
		{"square matrix of tall pixels", ct.View{}, 256, 256, 1, 0.5, 256, 512, 0, 128},
		{"the same, transposed", ct.View{Transpose: true}, 256, 256, 1, 0.5, 512, 256, 128, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCanvas(tt.view, tt.rows, tt.columns, tt.rowMM, tt.colMM)
			if c.height != tt.wantH || c.width != tt.wantW || c.top != tt.wantTop || c.left != tt.wantL {
				t.Errorf("canvas %d x %d with the slice at %d, %d; want %d x %d at %d, %d",
					c.height, c.width, c.top, c.left, tt.wantH, tt.wantW, tt.wantTop, tt.wantL)
			}
		})
	}
}

// What is drawn comes back at the same pixel of the slice, through every
// orientation and padding.
func TestCanvas_MaskUndoesDraw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		view := rapid.SampledFrom(views()).Draw(t, "view")
		rows, columns := rapid.IntRange(1, 12).Draw(t, "rows"), rapid.IntRange(1, 12).Draw(t, "columns")
		c := newCanvas(view, rows, columns, rapid.Float64Range(0.3, 2).Draw(t, "rowMM"), rapid.Float64Range(0.3, 2).Draw(t, "colMM"))
		hu := make([]int16, rows*columns)
		want := make([]byte, len(hu))
		for i := range hu {
			if rapid.Bool().Draw(t, "lesion") {
				hu[i], want[i] = 100, 1
			}
		}
		picture := make([]float32, c.height*c.width)
		c.draw(picture, hu)
		probability := make([]float32, len(picture))
		for i, v := range picture {
			if v == 100 {
				probability[i] = 1
			} else if v != 0 && v != ct.AirHU {
				t.Fatalf("the picture holds %v, which is not in the slice", v)
			}
		}
		if mask := c.mask(probability, 0.5); fmt.Sprint(mask) != fmt.Sprint(want) {
			t.Fatalf("view %+v: mask %v, want %v", view, mask, want)
		}
	})
}

// The usual picture has the patient's right on the left and front up, whatever
// the orientation of the slice.
func TestCanvas_ShowsUsualOrientation(t *testing.T) {
	// A 2 x 2 slice, whose pixels are named by where they are in the patient.
	const rightFront, leftFront, rightBack, leftBack = 1, 2, 3, 4
	tests := []struct {
		name        string
		orientation [6]float64
		slice       []int16
	}{
		{"supine", [6]float64{1, 0, 0, 0, 1, 0}, []int16{rightFront, leftFront, rightBack, leftBack}},
		{"prone", [6]float64{-1, 0, 0, 0, -1, 0}, []int16{leftBack, rightBack, leftFront, rightFront}},
		{"mirrored columns", [6]float64{-1, 0, 0, 0, 1, 0}, []int16{leftFront, rightFront, leftBack, rightBack}},
		{"mirrored rows", [6]float64{1, 0, 0, 0, -1, 0}, []int16{rightBack, leftBack, rightFront, leftFront}},
		{"rows to the back, columns to the left", [6]float64{0, 1, 0, 1, 0, 0}, []int16{rightFront, rightBack, leftFront, leftBack}},
		{"decubitus", [6]float64{0, 1, 0, -1, 0, 0}, []int16{leftFront, leftBack, rightFront, rightBack}},
		{"other decubitus", [6]float64{0, -1, 0, 1, 0, 0}, []int16{rightBack, rightFront, leftBack, leftFront}},
		{"rows to the front, columns to the right", [6]float64{0, -1, 0, -1, 0, 0}, []int16{leftBack, leftFront, rightBack, rightFront}},
		{"tilted", [6]float64{1, 0, 0, 0, 0.966, -0.259}, []int16{rightFront, leftFront, rightBack, leftBack}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCanvas(ct.ViewOf(tt.orientation), 2, 2, 1, 1)
			picture := make([]float32, 4)
			c.draw(picture, tt.slice)
			if got, want := fmt.Sprint(picture), fmt.Sprint([]float32{rightFront, leftFront, rightBack, leftBack}); got != want {
				t.Errorf("picture %v, want %v", got, want)
			}
		})
	}
}

func TestActivation_AtCellCentresAndBetween(t *testing.T) {
	a := &Activation{Rows: 2, Columns: 2, Values: []float32{0, 1, 2, 3}, canvas: newCanvas(ct.View{}, 4, 4, 1, 1)}
	got := a.At(4, 4)
	// Cell centres lie at 1 and 3 of 4 pixels; pixel centres at 0.5, 1.5, 2.5, 3.5.
	want := []float32{
		0, 0.25, 0.75, 1,
		0.5, 0.75, 1.25, 1.5,
		1.5, 1.75, 2.25, 2.5,
		2, 2.25, 2.75, 3,
	}
	for i := range want {
		if math.Abs(float64(got[i]-want[i])) > 1e-6 {
			t.Fatalf("pixel %d is %v, want %v; all: %v", i, got[i], want[i], got)
		}
	}
}

// A map that is 1 where the picture shows one pixel is largest at that pixel of
// the slice, for every orientation, padding and pixel shape.
func TestActivation_ComesBackToItsPixel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		view := rapid.SampledFrom(views()).Draw(t, "view")
		rows, columns := rapid.IntRange(2, 12).Draw(t, "rows"), rapid.IntRange(2, 12).Draw(t, "columns")
		c := newCanvas(view, rows, columns, rapid.Float64Range(0.4, 2).Draw(t, "rowMM"), rapid.Float64Range(0.4, 2).Draw(t, "colMM"))
		marked := rapid.IntRange(0, rows*columns-1).Draw(t, "pixel")
		hu := make([]int16, rows*columns)
		hu[marked] = 100
		picture := make([]float32, c.height*c.width)
		c.draw(picture, hu)
		values := make([]float32, len(picture)) // a map as fine as the picture
		for i, v := range picture {
			if v == 100 {
				values[i] = 1
			}
		}
		a := &Activation{Rows: c.height, Columns: c.width, Values: values, canvas: c}
		best := 0
		at := a.At(rows, columns)
		for i, v := range at {
			if v > at[best] {
				best = i
			}
		}
		if best != marked {
			t.Fatalf("view %+v, %d x %d: largest at pixel %d, want %d", view, rows, columns, best, marked)
		}
	})
}

// At takes the map apart into rows and columns; pixel by pixel it is the same to the last bit, in every view.
func TestActivation_IsWhatEachPixelIs(t *testing.T) {
	pixel := func(a *Activation, rows, columns, r, k int) float32 {
		c := &a.canvas
		y, x := (float64(r)+0.5)/float64(rows), (float64(k)+0.5)/float64(columns)
		if c.view.Transpose {
			y, x = x, y
		}
		if c.view.FlipRows {
			y = 1 - y
		}
		if c.view.FlipColumns {
			x = 1 - x
		}
		y = (float64(c.top)+y*float64(c.vRows))/float64(c.height)*float64(a.Rows) - 0.5
		x = (float64(c.left)+x*float64(c.vCols))/float64(c.width)*float64(a.Columns) - 0.5
		y, x = min(max(y, 0), float64(a.Rows-1)), min(max(x, 0), float64(a.Columns-1))
		y0, x0 := int(y), int(x)
		y1, x1 := min(y0+1, a.Rows-1), min(x0+1, a.Columns-1)
		fy, fx := float32(y-float64(y0)), float32(x-float64(x0))
		top := a.Values[y0*a.Columns+x0]*(1-fx) + a.Values[y0*a.Columns+x1]*fx
		bottom := a.Values[y1*a.Columns+x0]*(1-fx) + a.Values[y1*a.Columns+x1]*fx
		return top*(1-fy) + bottom*fy
	}
	for _, view := range views() {
		for _, spacing := range [][2]float64{{0.7, 0.7}, {0.5, 1.1}, {1.3, 0.4}} {
			const rows, columns = 23, 41
			canvas := newCanvas(view, rows, columns, spacing[0], spacing[1])
			a := &Activation{Rows: 5, Columns: 7, Values: make([]float32, 35), canvas: canvas}
			for i := range a.Values {
				a.Values[i] = float32(math.Sqrt(float64(i)))
			}
			for i, got := range a.At(rows, columns) {
				if want := pixel(a, rows, columns, i/columns, i%columns); got != want {
					t.Fatalf("view %+v, spacing %v, pixel %d: %v, want %v", view, spacing, i, got, want)
				}
			}
		}
	}
}
