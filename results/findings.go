package results

import (
	"jcsnode/dicomout"
	"jcsnode/dicomout/object"
	"jcsnode/dicomout/sc"
	"jcsnode/dicomout/seg"
	"jcsnode/dicomout/sr"
	"jcsnode/pipeline"
	"jcsnode/pipeline/cascade"
	"jcsnode/pipeline/ct"
	"jcsnode/pipeline/lung"
)

// addFindings adds what was found in a study that could be read.
func (m *Maker) addFindings(s *dicomout.Study, x *pipeline.Examination) {
	v, f, d := x.Volume, x.Findings, x.Findings.Decision
	s.Outcome = sc.Negative
	if d.Positive {
		s.Outcome = sc.Positive
	}
	s.Decision = sc.Basis{
		Rule:             d.Rule,
		PositiveSlices:   d.PositiveSlices,
		Threshold:        d.Threshold,
		PositiveMM:       d.PositiveMM,
		ThresholdMM:      d.ThresholdMM,
		OperatingPoint:   m.Cascade.ClassifierOperatingPoint,
		SmoothMM:         d.SmoothMM,
		UnsmoothedSlices: d.UnsmoothedSlices,
		UnsmoothedMM:     d.UnsmoothedMM,
	}
	s.Measures = measuresOf(x)
	for i := range v.Slices {
		found := &f.Slices[i]
		s.Shared.Slices = append(s.Shared.Slices, sourceImage(&v.Slices[i], i))
		s.Slices = append(s.Slices, dicomout.SliceFindings{
			HU:            v.Slices[i].HU,
			Lung:          x.Lungs[i],
			Mask:          found.Mask,
			Probability:   found.Probability,
			Smoothed:      smoothedOf(found, d),
			Positive:      found.Positive,
			AfterGap:      v.Slices[i].AfterGap,
			LesionAreaMM2: found.LesionAreaMM2,
		})
	}
	s.Scale = sc.Scale{Max: highestActivation(x), Text: "study maximum"}
	s.Facing = sc.Facing{
		ApexFirst:   v.Normal[2] < 0,
		Transposed:  v.View.Transpose,
		FlipRows:    v.View.FlipRows,
		FlipColumns: v.View.FlipColumns,
	}
	s.Activation = func(i int) []float32 {
		if f.Slices[i].Activation == nil {
			return nil
		}
		return f.Slices[i].Activation.At(v.Rows, v.Columns)
	}
	s.Lesions, s.LesionHU = lesionsOf(x), x.Measures.MeanHU
	s.Segmentation = seg.Input{
		SpacingBetweenSlices: v.EvenSpacing(),
		Model:                modelOf(m.Manifest.Segmenter),
		Threshold:            m.Cascade.SegmenterOperatingPoint,
		Window:               m.Manifest.Segmenter.Window,
		Parameters: "segment=" + m.segmentText() + " off_lungs=" + m.Cascade.OffLungs +
			" least_lesion_ml=" + object.Decimal(m.Cascade.LeastLesionML),
	}
}

// smoothedOf is what counts in the place of the classifier's probability, nil where that counts.
func smoothedOf(s *cascade.SliceFinding, d cascade.Decision) *float64 {
	if d.SmoothMM == 0 {
		return nil
	}
	return &s.Smoothed
}

func measuresOf(x *pipeline.Examination) sc.Measures {
	measures := sc.Measures{
		Segmented: x.Findings.Decision.Positive,
		LesionML:  x.Findings.Lesions.VolumeML,
		Lesions:   len(x.Measures.Components),
		Right:     sc.Lung{VolumeML: x.Measures.Lungs.Right, LesionML: x.Measures.Lesions.Right},
		Left:      sc.Lung{VolumeML: x.Measures.Lungs.Left, LesionML: x.Measures.Lesions.Left},
		LungML:    x.Measures.Lungs.Total(),
		LungShare: x.Measures.Share,
		OutsideML: x.Measures.OutsideML,
		OffLungs:  x.LeftOut.Off.Count,
		Specks:    x.LeftOut.Specks.Count,
		LungsCut:  x.Measures.CutSlices > 0,
	}
	if !measures.Segmented {
		measures.LungShare = -1 // not measured
	}
	return measures
}

// sourceImage is the i-th slice of the volume as objects refer to it.
func sourceImage(s *ct.Slice, i int) object.SourceImage {
	h := &s.Header
	image := object.SourceImage{
		SOPClassUID:      h.SOPClassUID,
		SOPInstanceUID:   h.SOPInstanceUID,
		InstanceNumber:   i + 1,
		Rows:             h.Rows,
		Columns:          h.Columns,
		PositionDS:       object.Decimals(h.PositionDS),
		OrientationDS:    object.Decimals(h.OrientationDS),
		PixelSpacingDS:   object.Decimals(h.PixelSpacingDS),
		SliceThicknessDS: thicknessOf(h),
		Position:         s.Position,
		Extent:           s.Extent,
	}
	if h.InstanceNumber != nil {
		image.InstanceNumber = *h.InstanceNumber
	}
	if h.Frames > 1 {
		image.Frame, image.InstanceNumber = h.Frame+1, h.Frame+1
	}
	return image
}

// thicknessOf is the thickness as objects repeat it, "" where the slice has none that can be.
func thicknessOf(h *ct.Header) string {
	if h.SliceThickness == 0 {
		return ""
	}
	return object.Decimals(h.SliceThicknessDS)
}

// highestActivation is that of all positive slices: the top of the scale of their maps.
func highestActivation(x *pipeline.Examination) float64 {
	highest := float32(0)
	for i := range x.Findings.Slices {
		if s := &x.Findings.Slices[i]; s.Positive && s.Activation != nil {
			for _, a := range s.Activation.Values {
				highest = max(highest, a)
			}
		}
	}
	return float64(highest)
}

// lesionsOf are the lesions as the structured report lists them.
func lesionsOf(x *pipeline.Examination) []sr.Lesion {
	sides := map[byte]sr.Side{lung.Right: sr.Right, lung.Left: sr.Left}
	var all []sr.Lesion
	for _, c := range x.Measures.Components {
		all = append(all, sr.Lesion{
			VolumeML:         c.VolumeML,
			MeanHU:           c.MeanHU,
			LargestAreaMM2:   c.LargestAreaMM2,
			LargestSlice:     c.LargestSlice,
			SliceProbability: x.Findings.Slices[c.LargestSlice].Probability,
			Side:             sides[c.Side],
		})
	}
	return all
}
