package sr

import (
	"fmt"
	"math"
	"strconv"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dicomout/object"
)

// mostLesions is how many lesions get a group of their own: a diffuse disease has hundreds, and nobody reads those.
const mostLesions = 20

// Templates of a measurement group: one of a region that a segment draws, and one without.
const (
	templateVolumetric = "1411"
	templatePlain      = "1501"
)

// decision returns the group of the study's decision.
func decision(s *object.Study, in Input) item {
	d := in.Decision
	items := []item{
		text(context, nameTrackingID, "jcsnode study decision"),
		uidref(context, nameTrackingUID, s.UID("tracking", "decision")),
		code(contains, nameFinding, codeDecision),
	}
	if in.Result != Undetermined {
		items = append(items, algorithm(in.Classifier, "a slice is positive from probability "+object.Decimal(d.OperatingPoint))...)
		if d.SmoothMM > 0 {
			items = append(items, text(modifier, nameParameters,
				"probabilities are smoothed over "+object.Decimal(d.SmoothMM)+" mm along the patient (running median; not in the paper)"))
		}
		items = append(items,
			number(namePositive, float64(d.PositiveSlices), 0, unitSlices),
			number(nameThreshold, float64(d.Threshold), 0, unitSlices))
		if d.ThresholdMM > 0 {
			items = append(items, number(namePositiveMM, d.PositiveMM, 1, unitMM), number(nameThresholdMM, d.ThresholdMM, 1, unitMM))
		}
	}
	if in.Lesions != nil && in.Lesions.LungShare >= 0 {
		items = append(items, number(nameShare, 100*in.Lesions.LungShare, 2, unitPercent))
	}
	items = append(items, code(contains, nameCascadeResult, results[in.Result]), text(contains, nameComment, comment(s, in)))
	return container(contains, nameGroup, templatePlain, items...)
}

// comment says in words what the codes say, what is missing, what limits the result, and that it is research.
func comment(s *object.Study, in Input) string {
	var said string
	switch in.Result {
	case Undetermined:
		said = "Not processed: " + sentence(in.Reason)
		if in.Remedy != "" {
			said += " What to do: " + sentence(in.Remedy)
		}
	case Absent:
		said = fmt.Sprintf("No finding: %d of %d slices classified positive.", in.Decision.PositiveSlices, in.Decision.Slices)
	case Present:
		said = fmt.Sprintf("Positive: %d of %d slices classified positive.", in.Decision.PositiveSlices, in.Decision.Slices)
		if in.Lesions == nil {
			said += " No lesion was segmented."
		}
	}
	if d := in.Decision; in.Result != Undetermined && d.SmoothMM > 0 {
		said += fmt.Sprintf(" By themselves, not smoothed, %d slices would be, %s mm.",
			d.UnsmoothedSlices, object.Decimal(math.Round(10*d.UnsmoothedMM)/10))
	}
	for _, limit := range in.Limits {
		said += " " + sentence(limit)
	}
	if replaced := s.Supersedes(); replaced != "" {
		said += " " + replaced
	}
	return said + " " + s.Notice()
}

// sentence ends a text with a full stop.
func sentence(text string) string {
	if n := len(text); n > 0 && text[n-1] != '.' {
		return text + "."
	}
	return text
}

// algorithm identifies a network (TID 4019).
func algorithm(m object.Model, parameters string) []item {
	version := m.Version
	if m.SHA256 != "" {
		version += " " + m.SHA256[:min(12, len(m.SHA256))]
	}
	return []item{
		text(modifier, nameAlgorithm, m.Name),
		text(modifier, nameAlgorithmVer, version),
		text(modifier, nameParameters, parameters),
		text(modifier, nameParameters, "weights="+m.Weights()),
	}
}

// lesions returns the group of all lesions and one for each of the largest.
func lesions(s *object.Study, in Input) []item {
	all := in.Lesions
	id, uid := s.LesionTracking()
	measures := []item{
		number(nameVolume, all.VolumeML, 3, unitML),
		number(nameCount, float64(len(all.Each)), 0, unitLesions),
		number(nameAttenuation, all.MeanHU, 1, unitHounsfield),
	}
	if all.LungShare >= 0 {
		measures = append(measures, number(nameShare, 100*all.LungShare, 2, unitPercent))
	}
	whose := "the slice's"
	if in.Decision.SmoothMM > 0 {
		whose += " own, not smoothed"
	}
	said := "All lesions together."
	if len(all.Each) > mostLesions {
		said += fmt.Sprintf(" Of %d lesions, the %d largest follow.", len(all.Each), mostLesions)
	}
	measures = append(measures, text(contains, nameComment, said))
	groups := []item{lesionGroup(s, in, id, uid, Unknown, measures)}
	for i, one := range all.Each[:min(len(all.Each), mostLesions)] {
		sl := s.Slices[one.LargestSlice]
		where := image(inferredFrom, nameMeasuredIn, sl.ImageReference())
		groups = append(groups,
			lesionGroup(s, in, fmt.Sprintf("jcsnode lesion %d", i+1), s.UID("tracking", "lesion", strconv.Itoa(i+1)), one.Side, []item{
				number(nameVolume, one.VolumeML, 3, unitML),
				number(nameArea, one.LargestAreaMM2, 1, unitMM2, where),
				number(nameAttenuation, one.MeanHU, 1, unitHounsfield),
				number(nameProbability, one.SliceProbability, 3, unitRatio),
				text(contains, nameComment, fmt.Sprintf(
					"Lesion %d of %d. Area and probability are those of its largest slice, CT image %d; the probability is %s.",
					i+1, len(all.Each), s.InstanceNumber(one.LargestSlice), whose)),
			}))
	}
	return groups
}

// lesionGroup returns a group about lesions. With a segmentation it follows TID 1411, which wants the region, else TID 1501.
func lesionGroup(s *object.Study, in Input, trackingID, trackingUID string, side Side, measures []item) item {
	site := code(modifier, nameSite, object.CodeLung)
	switch side {
	case Right:
		site = code(modifier, nameSite, object.CodeLung, code(modifier, nameLaterality, codeRight))
	case Left:
		site = code(modifier, nameSite, object.CodeLung, code(modifier, nameLaterality, codeLeft))
	}
	items := []item{
		text(context, nameTrackingID, trackingID),
		uidref(context, nameTrackingUID, trackingUID),
		code(contains, nameCategory, codeAbnormal),
		code(contains, nameFinding, object.CodeLesion),
		site,
	}
	items = append(items, algorithm(in.Segmenter, "a pixel is lesion from probability "+object.Decimal(in.SegmenterPoint))...)
	template := templatePlain
	if in.Segmentation != nil {
		template = templateVolumetric
		r := s.Reference(*in.Segmentation)
		items = append(items,
			image(contains, nameSegment, item{
				object.Text(tag.ReferencedSOPClassUID, "UI", r.SOPClassUID),
				object.Text(tag.ReferencedSOPInstanceUID, "UI", r.SOPInstanceUID),
				object.Int(tag.ReferencedSegmentNumber, "US", 1),
			}),
			uidref(contains, nameSourceSeries, s.SeriesInstanceUID))
	}
	return container(contains, nameGroup, template, append(items, measures...)...)
}
