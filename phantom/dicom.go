package phantom

import (
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"strconv"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"
)

const (
	ctImageStorage         = "1.2.840.10008.5.1.4.1.1.2"
	explicitVRLittleEndian = "1.2.840.10008.1.2.1"
	notice                 = "Synthetic phantom, no patient. Research use only."
)

// namespace of the UIDs of phantoms; a random UUID, chosen once.
var namespace = [16]byte{0x5b, 0x0e, 0x6c, 0x27, 0x1f, 0x84, 0x4d, 0x3a, 0x9d, 0x52, 0x70, 0xc8, 0x3e, 0x61, 0x9b, 0x14}

// uid is 2.25 and the decimal of a UUIDv5 (PS3.5 B.2, RFC 9562 5.5) over the
// options and a name.
func uid(o Options, name string) string {
	h := sha1.New()
	h.Write(namespace[:])
	fmt.Fprintf(h, "%d|%v|%v|%d|%s|%s", o.Slices, o.Spacing, o.Lesions, o.Seed, o.Time.UTC().Format("20060102150405"), name)
	if o.Rows != matrix || o.Columns != matrix || o.FeetFirst || o.Uneven != 0 {
		fmt.Fprintf(h, "|%dx%d|%v|%v", o.Rows, o.Columns, o.FeetFirst, o.Uneven)
	}
	u := h.Sum(nil)[:16]
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	return "2.25." + new(big.Int).SetBytes(u).String()
}

// encode writes slice i (from the lowest) with its instance number as a Part 10
// file: CT Image IOD, PS3.3 A.3.
func encode(w io.Writer, o Options, i, number int, hu []int16) error {
	class, instance := ctImageStorage, uid(o, "instance "+strconv.Itoa(number))
	date, clock := o.Time.Format("20060102"), o.Time.Format("150405")
	description := "Synthetic chest CT phantom"
	if o.Lesions {
		description += " with lesions"
	}
	g := o.grid()
	first, right, patient := g.position(0, 0, o.height(i)), "1", "HFS"
	if o.FeetFirst {
		first, right, patient = g.position(0, g.columns-1, o.height(i)), "-1", "FFS"
	}
	ds := func(v float64) string {
		s := strconv.FormatFloat(v, 'f', -1, 64)
		if len(s) > 16 {
			s = strconv.FormatFloat(v, 'f', 6, 64)
		}
		return s
	}
	var elements []*dicom.Element
	var err error
	add := func(t tag.Tag, value any) {
		if err != nil {
			return
		}
		var e *dicom.Element
		if e, err = dicom.NewElement(t, value); err != nil {
			err = fmt.Errorf("element %v: %w", t, err)
		}
		elements = append(elements, e)
	}
	text := func(t tag.Tag, values ...string) { add(t, values) }
	number16 := func(t tag.Tag, v int) { add(t, []int{v}) }

	add(tag.FileMetaInformationVersion, []byte{0, 1})
	text(tag.MediaStorageSOPClassUID, class)
	text(tag.MediaStorageSOPInstanceUID, instance)
	text(tag.TransferSyntaxUID, explicitVRLittleEndian)
	text(tag.ImplementationClassUID, uid(Options{Rows: matrix, Columns: matrix}, "implementation"))
	text(tag.ImplementationVersionName, "JCSNODE_PHANTOM")

	text(tag.ImageType, "ORIGINAL", "PRIMARY", "AXIAL")
	text(tag.InstanceCreationDate, date)
	text(tag.InstanceCreationTime, clock)
	text(tag.SOPClassUID, class)
	text(tag.SOPInstanceUID, instance)
	text(tag.StudyDate, date)
	text(tag.SeriesDate, date)
	text(tag.AcquisitionDate, date)
	text(tag.ContentDate, date)
	text(tag.StudyTime, clock)
	text(tag.SeriesTime, clock)
	text(tag.AcquisitionTime, clock)
	text(tag.ContentTime, clock)
	text(tag.AccessionNumber, "")
	text(tag.Modality, "CT")
	text(tag.Manufacturer, "jcsnode")
	text(tag.ReferringPhysicianName, "")
	text(tag.StationName, "PHANTOM")
	text(tag.StudyDescription, description)
	text(tag.SeriesDescription, description)
	text(tag.ManufacturerModelName, "jcsnode phantom")

	text(tag.PatientName, "PHANTOM^JCSNODE")
	text(tag.PatientID, fmt.Sprintf("JCSNODE-PHANTOM-%d", o.Seed))
	text(tag.PatientBirthDate, "")
	text(tag.PatientSex, "O")
	text(tag.PatientComments, notice)

	text(tag.BodyPartExamined, "CHEST")
	text(tag.SliceThickness, ds(o.Spacing))
	text(tag.KVP, "120")
	if o.Uneven == 0 {
		text(tag.SpacingBetweenSlices, ds(o.Spacing))
	}
	text(tag.DeviceSerialNumber, "0")
	text(tag.SoftwareVersions, "1")
	text(tag.ProtocolName, "Synthetic chest")
	text(tag.ReconstructionDiameter, ds(fieldOfView))
	text(tag.GantryDetectorTilt, "0")
	text(tag.ConvolutionKernel, "PHANTOM")
	text(tag.PatientPosition, patient)

	text(tag.StudyInstanceUID, uid(o, "study"))
	text(tag.SeriesInstanceUID, uid(o, "series"))
	text(tag.StudyID, "1")
	text(tag.SeriesNumber, "1")
	text(tag.AcquisitionNumber, "1")
	text(tag.InstanceNumber, strconv.Itoa(number))
	text(tag.ImagePositionPatient, ds(first.x), ds(first.y), ds(first.z))
	text(tag.ImageOrientationPatient, right, "0", "0", "0", "1", "0")
	text(tag.FrameOfReferenceUID, uid(o, "frame of reference"))
	text(tag.PositionReferenceIndicator, "")
	text(tag.SliceLocation, ds(first.z))
	text(tag.ImageComments, notice)

	number16(tag.SamplesPerPixel, 1)
	text(tag.PhotometricInterpretation, "MONOCHROME2")
	number16(tag.Rows, g.rows)
	number16(tag.Columns, g.columns)
	text(tag.PixelSpacing, ds(g.pixel), ds(g.pixel))
	number16(tag.BitsAllocated, 16)
	number16(tag.BitsStored, 12)
	number16(tag.HighBit, 11)
	number16(tag.PixelRepresentation, 0)
	text(tag.QualityControlImage, "YES")
	text(tag.BurnedInAnnotation, "NO")
	text(tag.WindowCenter, "-600", "40")
	text(tag.WindowWidth, "1500", "400")
	text(tag.RescaleIntercept, strconv.Itoa(airOutside))
	text(tag.RescaleSlope, "1")
	text(tag.RescaleType, "HU")
	text(tag.LossyImageCompression, "00")
	stored := make([]byte, 2*len(hu))
	for k, v := range hu {
		if o.FeetFirst { // columns from the other side
			k = k/g.columns*g.columns + g.columns - 1 - k%g.columns
		}
		binary.LittleEndian.PutUint16(stored[2*k:], uint16(int(v)-airOutside))
	}
	// The raw value: the library would write one pixel at a time.
	add(tag.PixelData, dicom.PixelDataInfo{IntentionallyUnprocessed: true, UnprocessedValueData: stored})
	if err != nil {
		return err
	}
	return dicom.Write(w, dicom.Dataset{Elements: elements})
}
