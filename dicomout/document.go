package dicomout

import (
	"image"
	"slices"

	"jcsnode/dicomout/object"
	"jcsnode/dicomout/sc"
	"jcsnode/dicomout/sr"
)

// document makes the structured report. Its preview is the summary page, which shows the same numbers.
func (r *Study) document(kind object.Kind, page *sc.Page, pictures []sc.Picture) job {
	return func(p *sc.Painter) (*object.Object, image.Image, error) {
		o, err := sr.Build(r.Shared, kind, r.documentInput(kind, pictures))
		if err != nil {
			return nil, nil, err
		}
		picture, err := p.RenderSummary(page)
		return o, picture, err
	}
}

// documentInput says in the report's words what was found.
func (r *Study) documentInput(kind object.Kind, pictures []sc.Picture) sr.Input {
	in := sr.Input{
		Reason: r.Reason, Remedy: r.Remedy, Limits: r.Limits,
		Decision: sr.Basis{
			Slices: len(r.Slices), PositiveSlices: r.Decision.PositiveSlices, Threshold: r.Decision.Threshold,
			PositiveMM: r.Decision.PositiveMM, ThresholdMM: r.Decision.ThresholdMM, OperatingPoint: r.Decision.OperatingPoint,
			SmoothMM: r.Decision.SmoothMM, UnsmoothedSlices: r.Decision.UnsmoothedSlices, UnsmoothedMM: r.Decision.UnsmoothedMM,
		},
		Segmenter: r.Segmentation.Model, SegmenterPoint: r.Segmentation.Threshold,
	}
	if len(r.Shared.Models) > 0 { // the classifier stands first
		in.Classifier = r.Shared.Models[0]
	}
	switch r.Outcome {
	case sc.Positive:
		in.Result = sr.Present
	case sc.Negative:
		in.Result = sr.Absent
	}
	if r.Outcome != sc.Positive || !slices.ContainsFunc(pictures, func(s sc.Picture) bool { return hasLesion(&s) }) {
		return in
	}
	in.Lesions = &sr.Lesions{VolumeML: r.Measures.LesionML, MeanHU: r.LesionHU, LungShare: r.Measures.Share(), Each: r.Lesions}
	// A label map is named by the tracking UID of its segment alone: a destination may get its BINARY form, which has other UIDs, and
	// readers that do not know the class refuse the whole report (DCMTK 3.6.7).
	if kind == object.Report {
		in.Segmentation = &object.Segmentation
	}
	return in
}

// rejection makes the selection of the objects that are out of date. Its preview is the summary page that holds instead of them.
func (r *Study) rejection(page *sc.Page) job {
	return func(p *sc.Painter) (*object.Object, image.Image, error) {
		o, err := sr.Reject(r.Shared)
		if err != nil {
			return nil, nil, err
		}
		picture, err := p.RenderSummary(page)
		return o, picture, err
	}
}
