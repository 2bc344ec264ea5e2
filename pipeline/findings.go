package pipeline

import (
	"math"

	"jcsnode/findings"
	"jcsnode/pipeline/cascade"
)

// SettingsOf are the settings that shape findings.
func SettingsOf(set cascade.Settings) findings.Settings {
	s := findings.Settings{
		Threshold:     set.Threshold,
		ThresholdMM:   set.ThresholdMM,
		SmoothMM:      set.SmoothMM,
		Segment:       set.Segment,
		OffLungs:      set.OffLungs,
		LeastLesionML: set.LeastLesionML,
	}
	if set.Segment == cascade.SegmentNear {
		s.NearMM = set.NearMM
	}
	return s
}

// FindingsOf writes down what an examination gave. Numbers are rounded to what they are good for, so that a report reads well.
func FindingsOf(x *Examination, models []findings.Model, set cascade.Settings) findings.Findings {
	r := findings.Findings{
		State:         findings.StateReported,
		Models:        models,
		Settings:      SettingsOf(set),
		Notice:        findings.Notice,
		ChosenBecause: x.Reason,
	}
	if len(x.Headers) > 0 {
		r.StudyInstanceUID = x.Headers[0].StudyInstanceUID
	}
	r.Notes = append(r.Notes, x.Notes...)
	for _, s := range x.Refused {
		r.RefusedSeries = append(r.RefusedSeries, findings.RefusedSeries{
			SeriesInstanceUID: s.SeriesInstanceUID,
			Reason:            findings.Reason(s.Refusal),
		})
	}
	for _, i := range x.Dropped {
		r.RefusedInstances = append(r.RefusedInstances, findings.Refused{
			SOPInstanceUID: i.SOPInstanceUID,
			Path:           i.Path,
			Reason:         findings.Reason(i.Refusal),
		})
	}
	r.Omitted = x.Omitted
	if x.Refusal != nil {
		why := findings.Reason(*x.Refusal)
		r.State, r.Reason = findings.StateNotProcessed, &why
		return r
	}
	r.Cautions, r.Limits = x.Findings.Decision.Cautions(), x.Limits().Sentences()
	v, f := x.Volume, x.Findings
	r.StudyInstanceUID, r.SeriesInstanceUID = x.Chosen.StudyInstanceUID, x.Chosen.SeriesInstanceUID
	r.Notes = append(r.Notes, v.Notes...)
	r.Volume = &findings.Volume{Rows: v.Rows, Columns: v.Columns, RowSpacing: v.RowSpacing, ColumnSpacing: v.ColumnSpacing,
		SliceSpacing: round(v.SliceSpacing, 4)}
	d := f.Decision
	r.Decision = &findings.Decision{
		Positive:        d.Positive,
		Rule:            d.Rule,
		Text:            d.Text,
		PositiveSlices:  d.PositiveSlices,
		PositiveMM:      round(d.PositiveMM, 3),
		UncountedSlices: d.UncountedSlices,
		UncountedMM:     round(d.UncountedMM, 3),
		Slices:          d.Slices,
		LengthMM:        round(d.LengthMM, 3),
		Threshold:       d.Threshold,
		ThresholdMM:     d.ThresholdMM,
		MarginMM:        round(d.MarginMM, 3),
		TurnsAt:         round(d.TurnsAt, 6),
		Distance:        round(d.Distance, 4),
		Unlike:          d.Unlike(),
	}
	if set.SmoothMM > 0 {
		r.Decision.Unsmoothed = &findings.Unsmoothed{PositiveSlices: d.UnsmoothedSlices, PositiveMM: round(d.UnsmoothedMM, 3)}
	}
	if d.Positive {
		r.Lesions = &findings.Lesions{
			Count:           len(x.Measures.Components),
			VolumeML:        round(f.Lesions.VolumeML, 3),
			MeanHU:          round(f.Lesions.MeanHU, 1),
			Slices:          f.Lesions.Slices,
			SegmentedSlices: f.Lesions.Segmented,
			PassedOver:      f.Lesions.PassedOver,
			LargestAreaMM2:  round(f.Lesions.LargestAreaMM, 2),
			OffLungs:        x.LeftOut.Off.Count,
			OffLungsML:      round(x.LeftOut.Off.VolumeML, 3),
			Specks:          x.LeftOut.Specks.Count,
			SpecksML:        round(x.LeftOut.Specks.VolumeML, 3),
		}
	}
	m := x.Measures
	r.Lungs = &findings.Lungs{
		VolumeML:      round(m.Lungs.Total(), 1),
		RightML:       round(m.Lungs.Right, 1),
		LeftML:        round(m.Lungs.Left, 1),
		LesionShare:   round(m.Share, 5),
		RightLesionML: round(m.Lesions.Right, 3),
		LeftLesionML:  round(m.Lesions.Left, 3),
		CutSlices:     m.CutSlices,
	}
	for i := range v.Slices {
		s, sf := &v.Slices[i], &f.Slices[i]
		one := findings.Slice{
			SOPInstanceUID: s.Header.SOPInstanceUID,
			InstanceNumber: s.Header.InstanceNumber,
			Z:              s.Header.Position[2],
			Position:       round(s.Position, 4),
			Extent:         round(s.Extent, 4),
			Probability:    round(sf.Probability, 6),
			Positive:       sf.Positive,
			Segmented:      sf.Mask != nil && !sf.PassedOver,
			LesionAreaMM2:  round(sf.LesionAreaMM2, 3),
			LesionVolumeML: round(sf.LesionVolumeML, 5),
			Distance:       round(sf.Distance, 4),
		}
		if set.SmoothMM > 0 {
			smoothed := round(sf.Smoothed, 6)
			one.Smoothed = &smoothed
		}
		if s.Header.Frames > 1 {
			one.Frame = s.Header.Frame + 1
		}
		r.Slices = append(r.Slices, one)
	}
	return r
}

// round keeps so many digits after the point.
func round(v float64, digits int) float64 {
	f := math.Pow10(digits)
	return math.Round(v*f) / f
}
