package object

// Kind is what all instances of one of our series have in common.
type Kind struct {
	Name        string // of the ledger and of UID derivation; never renamed
	SOPClassUID string
	Modality    string
	Description string // SeriesDescription of the first revision, ASCII, at most 58 characters so that " rev 99" fits
	Number      int    // offset of the series number from Study.SeriesBase
}

// SOP classes of the objects that we make (PS3.4 B.5).
const (
	SecondaryCaptureImageStorage                    = "1.2.840.10008.5.1.4.1.1.7"
	MultiFrameTrueColorSecondaryCaptureImageStorage = "1.2.840.10008.5.1.4.1.1.7.4"
	ParametricMapStorage                            = "1.2.840.10008.5.1.4.1.1.30"
	SegmentationStorage                             = "1.2.840.10008.5.1.4.1.1.66.4"
	LabelMapSegmentationStorage                     = "1.2.840.10008.5.1.4.1.1.66.7"
	Comprehensive3DSRStorage                        = "1.2.840.10008.5.1.4.1.1.88.34"
	KeyObjectSelectionDocumentStorage               = "1.2.840.10008.5.1.4.1.1.88.59"
)

// The kinds of objects, one series each. Names and numbers are part of what archives and sites see: they do not change.
var (
	Summary = Kind{Name: "summary", SOPClassUID: SecondaryCaptureImageStorage, Modality: "OT",
		Description: "JCS summary (research only)", Number: 0}
	Segmentation = Kind{Name: "seg", SOPClassUID: SegmentationStorage, Modality: "SEG",
		Description: "JCS lesions (research only)", Number: 1}
	Activation = Kind{Name: "activation", SOPClassUID: SecondaryCaptureImageStorage, Modality: "OT",
		Description: "JCS activation map (research only)", Number: 2}
	Report = Kind{Name: "report", SOPClassUID: Comprehensive3DSRStorage, Modality: "SR",
		Description: "JCS measurements (research only)", Number: 3}
	// ReportAlone is the report for destinations without the BINARY segmentation that Report refers to.
	ReportAlone = Kind{Name: "report-alone", SOPClassUID: Comprehensive3DSRStorage, Modality: "SR",
		Description: "JCS measurements (research only)", Number: 3}
	ParametricMap = Kind{Name: "pmap", SOPClassUID: ParametricMapStorage, Modality: "OT",
		Description: "JCS activation, parametric map (research only)", Number: 4}
	LabelMap = Kind{Name: "labelmap", SOPClassUID: LabelMapSegmentationStorage, Modality: "SEG",
		Description: "JCS lesions, label map (research only)", Number: 5}
	// LabelMapPlain is the label map without a Background segment.
	LabelMapPlain = Kind{Name: "labelmap-plain", SOPClassUID: LabelMapSegmentationStorage, Modality: "SEG",
		Description: "JCS lesions, label map (research only)", Number: 5}
	ActivationMultiFrame = Kind{Name: "activation-multiframe", SOPClassUID: MultiFrameTrueColorSecondaryCaptureImageStorage, Modality: "OT",
		Description: "JCS activation map, multi-frame (research only)", Number: 6}
	Outline = Kind{Name: "outline", SOPClassUID: SecondaryCaptureImageStorage, Modality: "OT",
		Description: "JCS lesion outline (research only)", Number: 7}
	Lungs = Kind{Name: "lungs", SOPClassUID: SegmentationStorage, Modality: "SEG",
		Description: "JCS lungs (research only)", Number: 8}
	Rejection = Kind{Name: "rejection", SOPClassUID: KeyObjectSelectionDocumentStorage, Modality: "KO",
		Description: "JCS superseded objects (research only)", Number: 9}
)

// PlainName is the name of a kind as people know it: that in objects of config.toml, if it has one. Ledger, files and JSON keep its own.
func PlainName(kind string) string {
	switch kind {
	case Segmentation.Name:
		return "segmentation"
	case ParametricMap.Name:
		return "parametric_map"
	}
	return kind
}

// document tells whether instances are documents, which have content instead of pixels.
func (k Kind) document() bool { return k.Modality == "SR" || k.Modality == "KO" }

// Object is one DICOM object, ready to be sent.
type Object struct {
	Kind                                                              string // Kind.Name
	SOPClassUID, SOPInstanceUID, SeriesInstanceUID, TransferSyntaxUID string
	File                                                              []byte // Part 10, with preamble and file meta information
	Title                                                             string // for people: "Lesion segmentation, 31 of 148 slices"
}

// NewObject encodes the elements and returns the object.
func (s *Study) NewObject(kind Kind, sopInstanceUID, transferSyntaxUID, title string, elements []*Element) (*Object, error) {
	file, err := Encode(kind, sopInstanceUID, transferSyntaxUID, elements)
	if err != nil {
		return nil, err
	}
	return &Object{
		Kind:              kind.Name,
		SOPClassUID:       kind.SOPClassUID,
		SOPInstanceUID:    sopInstanceUID,
		SeriesInstanceUID: s.SeriesUID(kind),
		TransferSyntaxUID: transferSyntaxUID,
		File:              file,
		Title:             title,
	}, nil
}
