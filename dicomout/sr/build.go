package sr

import (
	"fmt"
	"slices"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dataset"
	"jcsnode/dicomout/object"
)

// Build returns the report of the study revision, of the kind object.Report or object.ReportAlone.
func Build(s *object.Study, kind object.Kind, in Input) (*object.Object, error) {
	uid := s.InstanceUID(kind)
	if err := in.check(s); err != nil {
		return nil, fmt.Errorf("build report: %w", err)
	}
	elements, err := s.Common(kind, uid)
	if err != nil {
		return nil, fmt.Errorf("build report: %w", err)
	}
	elements = append(elements, header(s, kind, in)...)
	elements = append(elements, tree(s, in)...)
	title := map[Result]string{Present: "positive", Absent: "negative", Undetermined: "not processed"}[in.Result]
	return s.NewObject(kind, uid, dataset.ExplicitVRLittleEndian, "Measurement report, "+title, elements)
}

// header returns SR Document Series and SR Document General (PS3.3 C.17.1, C.17.2).
func header(s *object.Study, kind object.Kind, in Input) []*object.Element {
	elements := []*object.Element{
		object.Number(tag.InstanceNumber, 1),
		object.Empty(tag.ReferencedPerformedProcedureStepSequence, "SQ"),
		object.Empty(tag.PerformedProcedureCodeSequence, "SQ"),
		object.Text(tag.PreliminaryFlag, "CS", "PRELIMINARY"),
		object.Text(tag.VerificationFlag, "CS", "UNVERIFIED"),
		object.Sequence(tag.CodingSchemeIdentificationSequence, item{
			object.Text(tag.CodingSchemeDesignator, "SH", scheme),
			object.Text(tag.CodingSchemeName, "ST", "Codes of the jcsnode DICOM node"),
			object.Text(tag.CodingSchemeResponsibleOrganization, "ST", "jcsnode"),
		}),
	}
	if in.Result == Undetermined {
		elements = append(elements,
			object.Text(tag.CompletionFlag, "CS", "PARTIAL"),
			object.Text(tag.CompletionFlagDescription, "LO", object.ASCII("Not processed: "+in.Reason, 64)))
	} else {
		elements = append(elements, object.Text(tag.CompletionFlag, "CS", "COMPLETE"))
	}
	var evidence []object.ReferencedObject
	if in.Segmentation != nil {
		evidence = append(evidence, s.Reference(*in.Segmentation))
	}
	if evidence = append(evidence, s.SourceReferences()...); len(evidence) > 0 {
		elements = append(elements, s.Evidence(tag.CurrentRequestedProcedureEvidenceSequence, evidence...))
	}
	for _, r := range slices.Backward(s.Replaces) { // the newest report before this one
		if r.Kind == kind.Name {
			elements = append(elements, s.Evidence(tag.PredecessorDocumentsSequence, r))
			break
		}
	}
	return elements
}

// tree returns the content (TID 1500).
func tree(s *object.Study, in Input) []*object.Element {
	groups := []item{decision(s, in)}
	if in.Lesions != nil {
		groups = append(groups, lesions(s, in)...)
	}
	return []*object.Element{
		object.Text(tag.ValueType, "CS", "CONTAINER"),
		object.CodeSequence(tag.ConceptNameCodeSequence, nameReport),
		object.Text(tag.ContinuityOfContent, "CS", "CONTINUOUS"),
		templateElement("1500"),
		object.Sequence(tag.ContentSequence,
			code(modifier, nameLanguage, codeEnglish),
			code(context, nameObserverType, codeDevice),
			uidref(context, nameDeviceUID, s.DeviceUID()),
			text(context, nameDevice, "jcsnode"),
			text(context, nameDeviceMaker, "jcsnode"),
			text(context, nameDeviceModel, "jcsnode "+s.SoftwareVersion),
			text(context, nameDeviceSerial, s.NodeID),
			code(modifier, nameProcedure, codeCT),
			container(contains, nameMeasurements, "", groups...)),
	}
}
