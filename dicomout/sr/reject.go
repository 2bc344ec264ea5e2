package sr

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"jcsnode/findings"

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
// Imaging Object Change Management hide what it lists. C-STORE alone cannot take an object back. It lists the objects for all
// destinations; RejectOnly makes it true for one of them.
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
	why := "images came late"
	if s.Corrected {
		why = "the patient was corrected"
	}
	children := []item{
		code(modifier, nameModifier, codeOther),
		code(context, nameObserverType, codeDevice),
		uidref(context, nameDeviceUID, s.DeviceUID()),
		text(context, nameDevice, "jcsnode"),
		text(contains, nameDescription,
			fmt.Sprintf("Results of this study that revision %d replaces: %s. %s", s.Revision, why, findings.Notice)),
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
	title := fmt.Sprintf("Rejection of the %d objects before revision %d", len(parts), s.Revision)
	return s.NewObject(kind, uid, dataset.ExplicitVRLittleEndian, title, elements)
}

// RejectOnly returns a rejection made by Reject that lists only what a destination has of it, since an archive refuses to reject what
// it does not have. It goes under a UID that follows from what is listed; a rejection of which the destination has everything stays as
// it is. There is no file when it has nothing.
func RejectOnly(rejection []byte, has func(sopInstanceUID string) bool) (file []byte, sopInstanceUID string, err error) {
	f, err := dataset.Read(bytes.NewReader(rejection), int64(len(rejection)), dataset.Limits{})
	if err != nil {
		return nil, "", fmt.Errorf("read rejection: %w", err)
	}
	set := f.Set()
	uid := set.String(dataset.SOPInstanceUID)
	listed := listedIn(set)
	kept := slices.DeleteFunc(slices.Clone(listed), func(r object.ReferencedObject) bool { return !has(r.SOPInstanceUID) })
	switch len(kept) {
	case 0:
		return nil, "", nil
	case len(listed):
		return rejection, uid, nil
	}
	parts := []string{uid}
	for _, r := range kept {
		parts = append(parts, r.SOPInstanceUID)
	}
	narrowed := object.PartUID(parts...)
	elements, err := only(set, narrowed, kept)
	if err != nil {
		return nil, "", fmt.Errorf("narrow rejection %s: %w", uid, err)
	}
	file, err = object.Encode(object.Rejection, narrowed, dataset.ExplicitVRLittleEndian, elements)
	return file, narrowed, err
}

var (
	evidenceSequence   = dataset.NewTag(0x0040, 0xA375)
	contentSequence    = dataset.NewTag(0x0040, 0xA730)
	referencedSeries   = dataset.NewTag(0x0008, 0x1115)
	referencedSOP      = dataset.NewTag(0x0008, 0x1199)
	referencedClass    = dataset.NewTag(0x0008, 0x1150)
	referencedInstance = dataset.NewTag(0x0008, 0x1155)
)

// listedIn returns the instances of the evidence, in their order.
func listedIn(set *dataset.Set) []object.ReferencedObject {
	var all []object.ReferencedObject
	for _, study := range set.Items(evidenceSequence) {
		for _, series := range study.Items(referencedSeries) {
			for _, one := range series.Items(referencedSOP) {
				all = append(all, object.ReferencedObject{
					SOPClassUID:       one.String(referencedClass),
					SOPInstanceUID:    one.String(referencedInstance),
					SeriesInstanceUID: series.String(dataset.SeriesInstanceUID),
				})
			}
		}
	}
	return all
}

// only returns the elements of the rejection with another instance UID and another list.
func only(set *dataset.Set, uid string, kept []object.ReferencedObject) ([]*object.Element, error) {
	elements, err := object.CopyAll(set)
	if err != nil {
		return nil, err
	}
	var children []item
	for _, one := range set.Items(contentSequence) {
		if one.Has(referencedSOP) {
			continue
		}
		child, err := object.CopyAll(one)
		if err != nil {
			return nil, err
		}
		children = append(children, child)
	}
	for _, r := range kept {
		children = append(children, selected(r))
	}
	study := &object.Study{StudyInstanceUID: set.String(dataset.StudyInstanceUID)}
	for i, e := range elements {
		switch e.Tag {
		case tag.SOPInstanceUID:
			elements[i] = object.Text(tag.SOPInstanceUID, "UI", uid)
		case tag.CurrentRequestedProcedureEvidenceSequence:
			elements[i] = study.Evidence(e.Tag, kept...)
		case tag.ContentSequence:
			elements[i] = object.Sequence(e.Tag, children...)
		}
	}
	return elements, nil
}
