package object

import (
	"errors"
	"fmt"
	"slices"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dataset"
)

// copied says how an attribute of the source comes into our objects.
type copied struct {
	tag dataset.Tag
	vr  string
	// required attributes are of type 2: absent in the source, they stand with zero length.
	required bool
}

// copiedAttributes lists the attributes that are the scanner's in every object: Patient, Patient Study, General Study
// (PS3.3 C.7.1.1, C.7.2.1, C.7.2.2). Group 0012 is copied beside it, whole.
var copiedAttributes = []copied{
	{dataset.SpecificCharacterSet, "CS", false},
	{dataset.StudyDate, "DA", true},
	{dataset.StudyTime, "TM", true},
	{dataset.AccessionNumber, "SH", true},
	{dataset.IssuerOfAccessionNumberSequence, "SQ", false},
	{dataset.ReferringPhysicianName, "PN", true},
	{dataset.StudyDescription, "LO", false},
	{dataset.ProcedureCodeSequence, "SQ", false},
	{dataset.PatientName, "PN", true},
	{dataset.PatientID, "LO", true},
	{dataset.IssuerOfPatientID, "LO", false},
	{dataset.IssuerOfPatientIDQualifiersSequence, "SQ", false},
	{dataset.PatientBirthDate, "DA", true},
	{dataset.PatientSex, "CS", true},
	{dataset.OtherPatientIDsSequence, "SQ", false},
	{dataset.PatientAge, "AS", false},
	{dataset.PatientSize, "DS", false},
	{dataset.PatientWeight, "DS", false},
	{dataset.EthnicGroup, "SH", false},
	{dataset.PatientComments, "LT", false},
	{dataset.StudyID, "SH", true},
}

// groupClinicalTrial holds clinical trial and de-identification attributes.
const groupClinicalTrial = 0x0012

// Common returns the attributes that an object of the kind has whatever it shows: SOP Common, Patient, Study, Series, Equipment,
// and for images the lossy flag and the notice. The kind adds ImageType, InstanceNumber, its pixels or its content, and for
// objects with geometry FrameOfReferenceElements. It fails when the source is not of the study.
func (s *Study) Common(kind Kind, sopInstanceUID string) ([]*Element, error) {
	if s.Source == nil {
		return nil, errors.New("study has no source file to take patient and study attributes from")
	}
	source := s.Source.Set()
	if s.StudyInstanceUID == "" {
		return nil, errors.New("study has no Study Instance UID")
	}
	if uid := source.String(dataset.StudyInstanceUID); uid != "" && uid != s.StudyInstanceUID {
		return nil, fmt.Errorf("source file is of study %q, not of %q", uid, s.StudyInstanceUID)
	}
	elements, err := s.patientAndStudy(source)
	if err != nil {
		return nil, err
	}
	elements = append(elements, s.series(kind, sopInstanceUID)...)
	equipment, err := s.equipment(source)
	if err != nil {
		return nil, err
	}
	elements = append(elements, equipment...)
	if zone := source.String(dataset.TimezoneOffsetFromUTC); zone != "" && zone == s.Time.Format("-0700") {
		elements = append(elements, Text(tag.TimezoneOffsetFromUTC, "SH", zone))
	}
	if !kind.document() {
		elements = append(elements, s.lossy().elements()...)
		part, err := bodyPart(source)
		if err != nil {
			return nil, err
		}
		elements = append(elements, part, Text(tag.ImageComments, "LT", s.Notice()))
	}
	return elements, nil
}

// patientAndStudy copies what the scanner says about patient and study.
func (s *Study) patientAndStudy(source *dataset.Set) ([]*Element, error) {
	wanted := slices.Clone(copiedAttributes)
	for _, e := range source.Elements() {
		if e.Tag.Group() == groupClinicalTrial && e.Tag.Element() != 0 {
			wanted = append(wanted, copied{e.Tag, "UN", false})
		}
	}
	if source.String(dataset.StudyInstanceUID) != "" {
		wanted = append(wanted, copied{dataset.StudyInstanceUID, "UI", true})
	}
	elements, err := copyAttributes(source, wanted)
	if err == nil && source.String(dataset.StudyInstanceUID) == "" {
		elements = append(elements, Text(tag.StudyInstanceUID, "UI", s.StudyInstanceUID))
	}
	return elements, err
}

// copyAttributes copies the attributes that the source has, and makes those of type 2 that it lacks.
func copyAttributes(source *dataset.Set, wanted []copied) ([]*Element, error) {
	var elements []*Element
	for _, c := range wanted {
		e, err := Copy(source, c.tag, c.vr)
		if err != nil {
			return nil, err
		}
		if e == nil && c.required {
			e = Empty(libraryTag(c.tag), c.vr)
		}
		if e != nil {
			elements = append(elements, e)
		}
	}
	return elements, nil
}

// series returns SOP Common and General Series, with the dates of creation, series and content, which are one moment.
func (s *Study) series(kind Kind, sopInstanceUID string) []*Element {
	date, clock := s.Time.Format("20060102"), s.Time.Format("150405.000")
	return []*Element{
		Text(tag.InstanceCreationDate, "DA", date),
		Text(tag.InstanceCreationTime, "TM", clock),
		Text(tag.SOPClassUID, "UI", kind.SOPClassUID),
		Text(tag.SOPInstanceUID, "UI", sopInstanceUID),
		Text(tag.SeriesDate, "DA", date),
		Text(tag.SeriesTime, "TM", clock),
		Text(tag.ContentDate, "DA", date),
		Text(tag.ContentTime, "TM", clock),
		Text(tag.Modality, "CS", kind.Modality),
		Text(tag.SeriesDescription, "LO", s.SeriesDescription(kind)),
		Text(tag.SeriesInstanceUID, "UI", s.SeriesUID(kind)),
		Number(tag.SeriesNumber, s.SeriesNumber(kind)),
	}
}

// equipment returns General and Enhanced Equipment, which describe the maker of this object, and names the scanner as
// contributing equipment when the source does (PS3.3 C.7.5.2, C.12.1.1.5).
func (s *Study) equipment(source *dataset.Set) ([]*Element, error) {
	versions := []string{ASCII(s.SoftwareVersion, 64)}
	for _, m := range s.Models {
		versions = append(versions, ASCII(m.Name+" "+m.Version, 64))
	}
	elements := []*Element{
		Text(tag.Manufacturer, "LO", "jcsnode"),
		Text(tag.ManufacturerModelName, "LO", "jcsnode"),
		Text(tag.DeviceSerialNumber, "LO", ASCII(s.NodeID, 64)),
		Text(tag.SoftwareVersions, "LO", versions...),
	}
	if source.String(dataset.Manufacturer) == "" { // of type 1 in the sequence
		return elements, nil
	}
	scanner, err := copyAttributes(source, []copied{
		{dataset.Manufacturer, "LO", true},
		{dataset.StationName, "SH", false},
		{dataset.ManufacturerModelName, "LO", false},
		{dataset.DeviceSerialNumber, "LO", false},
		{dataset.SoftwareVersions, "LO", false},
	})
	if err != nil {
		return nil, err
	}
	scanner = append(scanner, CodeSequence(tag.PurposeOfReferenceCodeSequence, CodeAcquisitionEquipment))
	return append(elements, Sequence(tag.ContributingEquipmentSequence, scanner)), nil
}

// bodyPart returns the part that the source names, or the chest, which is all that the networks know.
func bodyPart(source *dataset.Set) (*Element, error) {
	if source.String(dataset.BodyPartExamined) == "" {
		return Text(tag.BodyPartExamined, "CS", "CHEST"), nil
	}
	return Copy(source, dataset.BodyPartExamined, "CS")
}
