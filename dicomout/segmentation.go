package dicomout

import (
	"errors"
	"image"

	"jcsnode/dicomout/object"
	"jcsnode/dicomout/sc"
	"jcsnode/dicomout/seg"
)

// lesions makes a segmentation of the lesions, BINARY or a label map; its preview is the outline of the slice with the largest lesions.
func (r *Study) lesions(kind object.Kind, slices []sc.Picture) job {
	return func(p *sc.Painter) (*object.Object, image.Image, error) {
		in := r.Segmentation
		in.Masks = make([][]byte, len(slices))
		largest := -1
		for i := range slices {
			in.Masks[i] = slices[i].Mask
			if hasLesion(&slices[i]) && (largest < 0 || slices[i].LesionAreaMM2 > slices[largest].LesionAreaMM2) {
				largest = i
			}
		}
		if largest < 0 {
			return nil, nil, nil
		}
		o, err := r.lesionObject(kind, in)
		if errors.Is(err, seg.ErrEmpty) {
			return nil, nil, nil
		}
		if err != nil {
			return nil, nil, err
		}
		picture, err := p.RenderOutline(&slices[largest], r.studyMeasures(), r.Shared.Models)
		return o, picture, err
	}
}

func (r *Study) lesionObject(kind object.Kind, in seg.Input) (*object.Object, error) {
	if kind == object.Segmentation {
		return seg.Build(r.Shared, in)
	}
	return seg.BuildLabelMap(r.Shared, in, kind == object.LabelMap)
}

// lungs makes the segmentation of the lungs; its preview is the slice with most lung.
func (r *Study) lungs(slices []sc.Picture) job {
	return func(p *sc.Painter) (*object.Object, image.Image, error) {
		in := seg.LungInput{Masks: make([][]byte, len(slices)), SpacingBetweenSlices: r.Segmentation.SpacingBetweenSlices}
		largest, most := 0, 0
		for i := range slices {
			in.Masks[i] = slices[i].Lung
			if n := count(slices[i].Lung); n > most {
				largest, most = i, n
			}
		}
		o, err := seg.BuildLungs(r.Shared, in)
		if errors.Is(err, seg.ErrEmpty) {
			return nil, nil, nil
		}
		if err != nil {
			return nil, nil, err
		}
		picture, err := p.RenderLungs(&slices[largest])
		return o, picture, err
	}
}

// count counts the pixels of a mask.
func count(mask []byte) int {
	n := 0
	for _, v := range mask {
		if v != 0 {
			n++
		}
	}
	return n
}
