package sr

import (
	"errors"
	"fmt"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dataset"
	"jcsnode/dicomout/object"
)

// Concepts of TID 2010, Key Object Selection. Rejection for quality asks for a reason of CID 7011, which has none for late slices.
var (
	nameRejected    = object.Code{Value: "113001", Scheme: "DCM", Meaning: "Rejected for Quality Reasons"}
	nameModifier    = object.Code{Value: "113011", Scheme: "DCM", Meaning: "Document Title Modifier"}
	nameDescription = object.Code{Value: "113012", Scheme: "DCM", Meaning: "Key Object Description"}
	codeOther       = object.Code{Value: "111220", Scheme: "DCM", Meaning: "Other failure"}
)

// Reject returns a Key Object Selection (PS3.3 A.35.4) of the objects that the study revision replaces. Archives that follow IHE
// Imaging Object Change Management hide what it lists. C-STORE alone cannot take an object back.
func Reject(s *object.Study) (*object.Object, error) {
	kind := object.Rejection
	var parts []string
	for _, r := range s.Replaces {
		parts = append(parts, r.SOPInstanceUID)
	}
	if len(parts) == 0 {
		return nil, errors.New("build rejection: the revision replaces nothing")
	}
	uid := s.InstanceUID(kind, parts...)
	elements, err := s.Common(kind, uid)
	if err != nil {
		return nil, fmt.Errorf("build rejection: %w", err)
	}
	children := []item{
		code(modifier, nameModifier, codeOther),
		code(context, nameObserverType, codeDevice),
		uidref(context, nameDeviceUID, s.DeviceUID()),
		text(context, nameDevice, "jcsnode"),
		text(contains, nameDescription, fmt.Sprintf("Results of revision %d of this study, which revision %d replaces: images came late. %s",
			s.Replaced(), s.Revision, object.Notice)),
	}
	for _, r := range s.Replaces {
		children = append(children, selected(r))
	}
	elements = append(elements,
		object.Number(tag.InstanceNumber, 1),
		object.Empty(tag.ReferencedPerformedProcedureStepSequence, "SQ"),
		s.Evidence(tag.CurrentRequestedProcedureEvidenceSequence, s.Replaces...),
		object.Text(tag.ValueType, "CS", "CONTAINER"),
		object.CodeSequence(tag.ConceptNameCodeSequence, nameRejected),
		object.Text(tag.ContinuityOfContent, "CS", "SEPARATE"),
		templateElement("2010"),
		object.Sequence(tag.ContentSequence, children...),
	)
	title := fmt.Sprintf("Rejection of %d objects of revision %d", len(parts), s.Replaced())
	return s.NewObject(kind, uid, dataset.ExplicitVRLittleEndian, title, elements)
}
