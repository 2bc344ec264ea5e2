package object

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dataset"
)

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
	c := newCopier(source)
	elements, err := c.patientAndStudy()
	if err != nil {
		return nil, err
	}
	elements = append(elements, Text(tag.StudyInstanceUID, "UI", s.StudyInstanceUID))
	elements = append(elements, s.series(kind, sopInstanceUID)...)
	elements = append(elements, s.equipment()...)
	scanner, err := c.scanner()
	if err != nil {
		return nil, err
	}
	elements = append(elements, scanner...)
	if zone := source.String(dataset.TimezoneOffsetFromUTC); zone != "" && zone == s.Time.Format("-0700") {
		elements = append(elements, Text(tag.TimezoneOffsetFromUTC, "SH", zone))
	}
	if !kind.document() {
		elements = append(elements, s.lossy().elements()...)
		part, err := c.bodyPart(kind.Modality == "SEG")
		if err != nil {
			return nil, err
		}
		elements = append(append(elements, part...), Text(tag.ImageComments, "LT", s.Notice()))
	}
	return elements, nil
}

// patientAndStudy copies what the scanner says about patient and study.
func (c *copier) patientAndStudy() ([]*Element, error) {
	elements, err := c.attributes(copiedAttributes)
	if err != nil {
		return nil, err
	}
	trial, err := c.clinicalTrial()
	return append(elements, trial...), err
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

// equipment returns General and Enhanced Equipment, which describe the maker of this object (PS3.3 C.7.5.2).
func (s *Study) equipment() []*Element {
	versions := []string{ASCII(s.SoftwareVersion, 64)}
	for _, m := range s.Models {
		versions = append(versions, ASCII(m.Name+" "+m.Version, 64))
	}
	return []*Element{
		Text(tag.Manufacturer, "LO", "jcsnode"),
		Text(tag.ManufacturerModelName, "LO", "jcsnode"),
		Text(tag.DeviceSerialNumber, "LO", ASCII(s.NodeID, 64)),
		Text(tag.SoftwareVersions, "LO", versions...),
	}
}

// scanner names the scanner as contributing equipment when the source does (PS3.3 C.12.1.1.5).
func (c *copier) scanner() ([]*Element, error) {
	scanner, err := c.attributes(scannerAttributes)
	if err != nil || !has(scanner, tag.Manufacturer) { // of type 1 in the sequence
		return nil, err
	}
	scanner = append(scanner, CodeSequence(tag.PurposeOfReferenceCodeSequence, CodeAcquisitionEquipment))
	return []*Element{Sequence(tag.ContributingEquipmentSequence, scanner)}, nil
}

// unpaired are the body parts of PS3.16 annex L of which there is one. Of any other the standard asks for a laterality.
var unpaired = strings.Fields(`ABDOMEN ABDOMENPELVIS AORTA BACK BLADDER BRAIN CEREBELLUM CERVIX CHEST CHESTABDOMEN CHESTABDPELVIS
	CIRCLEOFWILLIS COCCYX COLON CORONARYARTERY CSPINE CTSPINE DUODENUM ESOPHAGUS FACE GALLBLADDER HEAD HEADNECK HEART ILEUM ILIUM JAW
	JEJUNUM LARYNX LIVER LSPINE LSSPINE MAXILLA MEDIASTINUM MOUTH NECK NECKCHEST NECKCHESTABDOMEN NECKCHESTABDPELV NOSE PANCREAS PELVIS
	PENIS PHARYNX PROSTATE RECTUM SCALP SKULL SPINE SPLEEN SSPINE STERNUM STOMACH THYMUS THYROID TLSPINE TONGUE TRACHEA TSPINE URETER
	URETHRA UTERUS VAGINA VULVA WHOLEBODY`)

// bodyPart returns the part that the source names, or the chest, which is all that the networks know. Of a part that comes in pairs, as
// some call a chest, both are shown: its laterality stands empty (type 2C, PS3.3 C.7.3.1), save where the segments say where they lie.
func (c *copier) bodyPart(segments bool) ([]*Element, error) {
	part, err := c.attribute(attribute{tag: dataset.BodyPartExamined})
	if err != nil {
		return nil, err
	}
	if part == nil || !has([]*Element{part}, tag.BodyPartExamined) {
		return []*Element{Text(tag.BodyPartExamined, "CS", "CHEST")}, nil
	}
	if segments || slices.Contains(unpaired, c.set.String(dataset.BodyPartExamined)) {
		return []*Element{part}, nil
	}
	return []*Element{part, Empty(tag.Laterality, "CS")}, nil
}
