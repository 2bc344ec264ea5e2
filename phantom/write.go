package phantom

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"
)

// Options say which phantom. The zero value is a study of 60 slices, 5 mm apart,
// without lesions.
type Options struct {
	Slices  int     // 0 is 60
	Spacing float64 // mm between slices, which are as thick; 0 is 5
	Lesions bool    // ground-glass opacities at the back of both lungs, over about 170 mm
	Seed    uint64  // another seed is another patient

	// Rows and Columns of the slices, 0 is 512. The longer side covers 390 mm; pixels are square.
	Rows, Columns int
	// FeetFirst is a patient who went in feet first and is seen from the head, as some scanners write it: columns run to the
	// patient's right, the normal of the slices points to the feet, and instance numbers rise to the head.
	FeetFirst bool
	// Uneven moves every second slice towards the head by this share of Spacing, under 0.5.
	Uneven float64

	// Time is that of study and series; zero is noon of 1 January 2024. It is the same
	// for every call, since the same options give the same files.
	Time time.Time
}

// Limits of Options.
const (
	maxSlices  = 2000
	minSpacing = 0.25
	maxSpacing = 20.0
	minMatrix  = 64
	maxMatrix  = 2048
	maxUneven  = 0.5
)

func (o Options) filled() (Options, error) {
	if o.Slices == 0 {
		o.Slices = 60
	}
	if o.Spacing == 0 {
		o.Spacing = 5
	}
	if o.Rows == 0 {
		o.Rows = matrix
	}
	if o.Columns == 0 {
		o.Columns = matrix
	}
	if o.Time.IsZero() {
		o.Time = time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)
	}
	if o.Slices < 1 || o.Slices > maxSlices {
		return o, fmt.Errorf("phantom: %d slices, must be 1 to %d", o.Slices, maxSlices)
	}
	if !(o.Spacing >= minSpacing && o.Spacing <= maxSpacing) {
		return o, fmt.Errorf("phantom: %v mm between slices, must be %v to %v", o.Spacing, minSpacing, maxSpacing)
	}
	if min(o.Rows, o.Columns) < minMatrix || max(o.Rows, o.Columns) > maxMatrix {
		return o, fmt.Errorf("phantom: slices of %d x %d pixels, must be %d to %d", o.Rows, o.Columns, minMatrix, maxMatrix)
	}
	if !(o.Uneven >= 0 && o.Uneven < maxUneven) {
		return o, fmt.Errorf("phantom: slices moved by %v of their distance, must be 0 or more and under %v", o.Uneven, maxUneven)
	}
	return o, nil
}

// grid is the pixels of the slices in the usual orientation.
func (o Options) grid() grid {
	return grid{o.Rows, o.Columns, fieldOfView / float64(max(o.Rows, o.Columns))}
}

// height is the z of slice i, the lowest first. The stack is centred on the lungs.
func (o Options) height(i int) float64 {
	return lungHeight/2 + (float64(i)-float64(o.Slices-1)/2+float64(i%2)*o.Uneven)*o.Spacing
}

// number is the instance number of slice i.
func (o Options) number(i int) int {
	if o.FeetFirst {
		return i + 1
	}
	return o.Slices - i
}

// draw draws slice i.
func (o Options) draw(m *model, i int) []int16 {
	return m.render(o.grid(), o.height(i), o.Spacing, rand.New(rand.NewPCG(o.Seed, uint64(o.Slices-i)<<8|3)))
}

// Slices draws a study in Hounsfield units, the lowest slice first, with the patient's left at high columns, and returns the side of a
// pixel in mm.
func Slices(opt Options) ([][]int16, float64, error) {
	opt, err := opt.filled()
	if err != nil {
		return nil, 0, err
	}
	m := newModel(opt.Seed, opt.Lesions)
	hu := make([][]int16, opt.Slices)
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range hu {
		g.Go(func() error { hu[i] = opt.draw(m, i); return nil })
	}
	return hu, opt.grid().pixel, g.Wait()
}

// Write draws a study and writes it into dir, which is made if need be, one file
// for each slice: IM0001.dcm is the most cranial one, or the lowest if the patient
// lies feet first. Files of that name are replaced.
func Write(ctx context.Context, dir string, opt Options) error {
	opt, err := opt.filled()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("phantom: %w", err)
	}
	m := newModel(opt.Seed, opt.Lesions)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range opt.Slices {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			number := opt.number(i)
			path := filepath.Join(dir, fmt.Sprintf("IM%04d.dcm", number))
			if err := writeFile(path, func(w io.Writer) error {
				return encode(w, opt, i, number, opt.draw(m, i))
			}); err != nil {
				return fmt.Errorf("phantom: slice %d: %w", number, err)
			}
			return nil
		})
	}
	return g.Wait()
}

func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		return errors.Join(err, f.Close(), os.Remove(path))
	}
	return f.Close()
}
