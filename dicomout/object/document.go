package object

import "github.com/suyashkumar/dicom/pkg/tag"

// ReferencedObject names one instance of the study: a slice of the CT, or an object of ours.
type ReferencedObject struct{ Kind, SOPClassUID, SOPInstanceUID, SeriesInstanceUID string }

// Evidence returns a sequence of instances under study, series, instance (PS3.3 C.17.2.1, macro table C.17-3): the evidence of a
// document, or the documents that it replaces. Series stand in the order in which they are first named, instances once each.
func (s *Study) Evidence(t tag.Tag, references ...ReferencedObject) *Element {
	var order []string
	bySeries := map[string][][]*Element{}
	seen := map[string]bool{}
	for _, r := range references {
		if seen[r.SOPInstanceUID] {
			continue
		}
		seen[r.SOPInstanceUID] = true
		if bySeries[r.SeriesInstanceUID] == nil {
			order = append(order, r.SeriesInstanceUID)
		}
		bySeries[r.SeriesInstanceUID] = append(bySeries[r.SeriesInstanceUID], []*Element{
			Text(tag.ReferencedSOPClassUID, "UI", r.SOPClassUID),
			Text(tag.ReferencedSOPInstanceUID, "UI", r.SOPInstanceUID),
		})
	}
	series := make([][]*Element, 0, len(order))
	for _, uid := range order {
		series = append(series, []*Element{
			Text(tag.SeriesInstanceUID, "UI", uid),
			Sequence(tag.ReferencedSOPSequence, bySeries[uid]...),
		})
	}
	return Sequence(t, []*Element{
		Text(tag.StudyInstanceUID, "UI", s.StudyInstanceUID),
		Sequence(tag.ReferencedSeriesSequence, series...),
	})
}

// SourceReferences names all slices of the chosen series.
func (s *Study) SourceReferences() []ReferencedObject {
	references := make([]ReferencedObject, 0, len(s.Slices))
	for _, sl := range s.Slices {
		references = append(references, ReferencedObject{
			SOPClassUID:       sl.SOPClassUID,
			SOPInstanceUID:    sl.SOPInstanceUID,
			SeriesInstanceUID: s.SeriesInstanceUID,
		})
	}
	return references
}

// Reference names the one instance of a kind that has a single one. It needs no object: the UIDs are derived.
func (s *Study) Reference(kind Kind) ReferencedObject {
	return ReferencedObject{
		Kind:              kind.Name,
		SOPClassUID:       kind.SOPClassUID,
		SOPInstanceUID:    s.InstanceUID(kind),
		SeriesInstanceUID: s.SeriesUID(kind),
	}
}
