package cascade_test

import (
	"context"
	"fmt"
	"strings"

	"jcsnode/pipeline/cascade"
	"jcsnode/pipeline/ct"
)

// dense calls a slice positive and a pixel lesion when it is denser than healthy
// lung: no network, but it fits where one does.
type dense struct{}

func (dense) Classify(_ context.Context, hu []float32, rows, columns int) (cascade.Classification, error) {
	c := cascade.Classification{Probability: 0.1, Activation: []float32{0}, Rows: 1, Columns: 1}
	if hu[0] > -700 {
		c.Probability, c.Activation[0] = 0.9, 1
	}
	return c, nil
}

func (dense) Segment(_ context.Context, hu []float32, rows, columns int) ([]float32, error) {
	p := make([]float32, len(hu))
	for i, v := range hu {
		if v > -700 {
			p[i] = 1
		}
	}
	return p, nil
}

func Example() {
	v := &ct.Volume{Rows: 1, Columns: 1, RowSpacing: 1, ColumnSpacing: 1}
	for i := range 40 {
		hu := int16(-850)
		if i < 12 {
			hu = -500
		}
		v.Slices = append(v.Slices, ct.Slice{Position: float64(5 * i), Extent: 5, HU: []int16{hu}})
	}
	ctx, set := context.Background(), cascade.Settings{
		Threshold: 25, ThresholdMM: 25, Segment: cascade.SegmentAll, OffLungs: cascade.OffLungsKeep,
		ClassifierOperatingPoint: 0.5, SegmenterOperatingPoint: 0.5,
	}
	f, err := cascade.Classify(ctx, v, dense{}, set, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	if f.Decide(v, set); f.Decision.Positive {
		if err := f.Segment(ctx, v, dense{}, set, nil, nil); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(strings.ReplaceAll(f.Decision.Text, "; ", ";\n"))
	fmt.Printf("%d slices with lesion, %.2f mL of %.0f HU\n", f.Lesions.Slices, f.Lesions.VolumeML, f.Lesions.MeanHU)
	// Output:
	// positive: 12 of 40 slices are positive, 60.0 of 200.0 mm;
	// rule: more than 25.0 mm;
	// the paper's count (more than 25 slices) would say negative, but is made for slices 1 mm apart;
	// 35.0 mm above the threshold, it stays positive with an operating point up to 0.90 (set: 0.50)
	// 12 slices with lesion, 0.06 mL of -500 HU
}
