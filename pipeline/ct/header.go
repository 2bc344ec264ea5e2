package ct

import "crypto/sha256"

// SOP classes that can hold slices of a volume (PS3.4 B.5).
const (
	ctImageStorage               = "1.2.840.10008.5.1.4.1.1.2"
	enhancedCTImageStorage       = "1.2.840.10008.5.1.4.1.1.2.1"
	legacyEnhancedCTImageStorage = "1.2.840.10008.5.1.4.1.1.2.2"
)

// foreignClasses names SOP classes that reach a CT node by mistake or beside
// the slices, so that the refusal can say what came.
var foreignClasses = map[string]string{
	"1.2.840.10008.5.1.4.1.1.1":     "computed radiography",
	"1.2.840.10008.5.1.4.1.1.4":     "MR",
	"1.2.840.10008.5.1.4.1.1.6.1":   "ultrasound",
	"1.2.840.10008.5.1.4.1.1.7":     "secondary capture",
	"1.2.840.10008.5.1.4.1.1.30":    "parametric map",
	"1.2.840.10008.5.1.4.1.1.66":    "raw data",
	"1.2.840.10008.5.1.4.1.1.66.4":  "segmentation",
	"1.2.840.10008.5.1.4.1.1.88.34": "structured report",
	"1.2.840.10008.5.1.4.1.1.88.67": "radiation dose report",
	"1.2.840.10008.5.1.4.1.1.104.1": "encapsulated PDF",
	"1.2.840.10008.5.1.4.1.1.128":   "PET",
	"1.2.840.10008.5.1.4.1.1.481.3": "radiotherapy structures",
	"1.2.840.10008.5.1.4.1.1.88.59": "key object selection",
	"1.2.840.10008.5.1.4.1.1.88.33": "structured report",
}

// Header is what one slice says about itself: one instance, or one frame of a
// multi-frame instance. Lengths are in mm, in the patient's coordinates
// (x to the left, y to the back, z to the head).
type Header struct {
	Path  string // what an Opener opens it by
	Order int    // of the file among those of the study: of two copies of a slice the one of higher order is used
	Frame int    // frame within the instance, from 0

	// Digest is SHA-256 over what the instance says outside its pixel data: tags and values of all standard elements.
	Digest [sha256.Size]byte

	// Pixels is SHA-256 over the Hounsfield units, where ComparePixels found that they must be compared, else zero.
	Pixels [sha256.Size]byte

	// Values are the short values of all elements that neither name nor place the slice, by tag.
	Values []Value

	SOPClassUID, SOPInstanceUID         string
	StudyInstanceUID, SeriesInstanceUID string
	FrameOfReferenceUID                 string // may be empty
	TransferSyntaxUID                   string
	PatientID, IssuerOfPatientID        string // as text that can be compared, never to be written: see plain; may be empty
	Person                              Person

	Modality  string
	ImageType []string // of a frame: Frame Type

	Lesser string // what the image is, if it is read only where there is nothing better: an average of a slab, a monoenergetic image

	InstanceNumber, SeriesNumber, AcquisitionNumber *int // nil when absent, empty or no integer

	Kernel, SeriesDescription, BodyPart string
	Phase                               string // of a frame: stack and temporal position

	Rows, Columns, Frames int
	Position              [3]float64 // centre of the first pixel
	Orientation           [6]float64 // direction of a row, then of a column
	PixelSpacing          [2]float64 // row spacing (distance of rows) first
	SliceThickness        float64    // 0 when absent; never used as a distance
	Slope, Intercept      float64    // HU = stored value * Slope + Intercept
	Unit                  string     // RescaleType, where it does not say whether values are HU: the pixels must show it
	Padding               *Padding   // stored values that stand for no measurement, nil if none are declared

	// The same four as they stand in the file, for objects that must repeat them
	// to the byte.
	PositionDS, OrientationDS, PixelSpacingDS, SliceThicknessDS string

	// Flags are oddities that do not keep the instance out of a volume.
	Flags []string

	// Refusal says why this instance cannot be part of a volume; nil if it can.
	Refusal *Refusal
}

// Normal is the unit vector across the slice: row direction times column direction.
func (h *Header) Normal() [3]float64 {
	r, c := h.rowDirection(), h.columnDirection()
	return unit(cross(r, c))
}

func (h *Header) rowDirection() [3]float64 {
	return [3]float64{h.Orientation[0], h.Orientation[1], h.Orientation[2]}
}

func (h *Header) columnDirection() [3]float64 {
	return [3]float64{h.Orientation[3], h.Orientation[4], h.Orientation[5]}
}
