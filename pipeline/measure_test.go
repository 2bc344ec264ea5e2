package pipeline

import (
	"context"
	"path/filepath"
	"testing"

	"jcsnode/findings"
	"jcsnode/pipeline/cascade"
	"jcsnode/pipeline/ct"
)

// strayNetworks outline what sureNetworks do, and a square in the air beside the patient.
type strayNetworks struct{ sureNetworks }

func (n *strayNetworks) Segment(ctx context.Context, hu []float32, rows, columns int) ([]float32, error) {
	out, err := n.sureNetworks.Segment(ctx, hu, rows, columns)
	for r := range 10 {
		for c := range 10 {
			out[r*columns+c] = 1
		}
	}
	return out, err
}

// An outline that reaches no lung is in no mask and no number, and said once; or it stays, if the site wants the paper's.
func TestRead_OutlinesOffTheLungs(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(phantomStudy(t), "*"))
	if err != nil {
		t.Fatal(err)
	}
	read := func(nets Networks, offLungs string) (*Examination, findings.Findings) {
		x, err := Load(t.Context(), ct.OpenPath, paths, nil, nil)
		if err != nil || x.Refusal != nil {
			t.Fatal(err, x.Refusal)
		}
		set := usual()
		set.ThresholdMM, set.Threshold, set.OffLungs = 0, 2, offLungs
		if err := x.Read(t.Context(), nets, set, nil); err != nil {
			t.Fatal(err)
		}
		return x, FindingsOf(x, nil, set)
	}
	sure, stray := &sureNetworks{}, &strayNetworks{}
	_, clean := read(Networks{sure, sure}, cascade.OffLungsKeep)
	_, dropped := read(Networks{stray, stray}, cascade.OffLungsDrop)
	x, kept := read(Networks{stray, stray}, cascade.OffLungsKeep)
	if clean.Lesions == nil || clean.Lesions.Count != 1 || clean.Lungs.LesionShare == 0 {
		t.Fatalf("the square is in no lung: %+v", clean.Lesions)
	}
	off := *dropped.Lesions
	ml := 100 * x.Volume.PixelArea() * x.Volume.Length() / 1000
	if off.OffLungs != 1 || off.OffLungsML < ml*0.999 || off.OffLungsML > ml*1.001 {
		t.Errorf("%d off the lungs, %v mL, want 1 of %v mL", off.OffLungs, off.OffLungsML, ml)
	}
	off.OffLungs, off.OffLungsML = 0, 0
	if off != *clean.Lesions {
		t.Errorf("lesions %+v, without the stray one %+v", off, *clean.Lesions)
	}
	if k := kept.Lesions; k.Count != 2 || k.OffLungs != 0 || k.VolumeML <= clean.Lesions.VolumeML {
		t.Errorf("kept: %+v", k)
	}
	if dropped.Settings == kept.Settings {
		t.Error("the settings do not say what became of them")
	}
}

// speckNetworks outline what sureNetworks do, and a single pixel in the patient's left lung.
type speckNetworks struct{ sureNetworks }

func (n *speckNetworks) Segment(ctx context.Context, hu []float32, rows, columns int) ([]float32, error) {
	out, err := n.sureNetworks.Segment(ctx, hu, rows, columns)
	out[rows/2*columns+columns*7/10] = 1
	return out, err
}

// An outline of less than the least volume is in no mask and no number, and said once; 0 keeps all, as the paper does.
func TestRead_OutlinesTooSmall(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(phantomStudy(t), "*"))
	if err != nil {
		t.Fatal(err)
	}
	read := func(leastML float64) findings.Findings {
		x, err := Load(t.Context(), ct.OpenPath, paths, nil, nil)
		if err != nil || x.Refusal != nil {
			t.Fatal(err, x.Refusal)
		}
		set := usual()
		set.ThresholdMM, set.Threshold, set.LeastLesionML = 0, 2, leastML
		nets := &speckNetworks{}
		if err := x.Read(t.Context(), Networks{nets, nets}, set, nil); err != nil {
			t.Fatal(err)
		}
		return FindingsOf(x, nil, set)
	}
	all := read(0)
	if all.Lesions.Count != 2 || all.Lesions.Specks != 0 {
		t.Fatalf("with any volume: %+v, want the square and the pixel", all.Lesions)
	}
	volume := float64(len(all.Slices)) * all.Volume.RowSpacing * all.Volume.ColumnSpacing * all.Slices[0].Extent / 1000 // of the pixel
	left := read(2 * volume)
	if l := left.Lesions; l.Count != 1 || l.Specks != 1 || l.SpecksML < volume*0.9 || l.SpecksML > volume*1.1 ||
		l.VolumeML >= all.Lesions.VolumeML {
		t.Errorf("from %v mL on: %+v, want the square alone", 2*volume, l)
	}
	if left.Settings == all.Settings {
		t.Error("the settings do not say from which volume on")
	}
}
