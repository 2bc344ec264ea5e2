package ct

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"jcsnode/dataset"
)

// element is the VR and value of one element of a test instance.
type element struct {
	vr    string
	value string // bytes; sequences hold encoded items
}

type elements map[dataset.Tag]element

func us(v uint16) element { return element{"US", string(binary.LittleEndian.AppendUint16(nil, v))} }
func value(vr, v string) element {
	return element{vr, v}
}

// slice is an instance that can be part of a volume, with 64 x 64 pixels.
func slice() elements {
	return elements{
		dataset.ImageType:                 value("CS", `ORIGINAL\PRIMARY\AXIAL`),
		dataset.SOPClassUID:               value("UI", ctImageStorage),
		dataset.SOPInstanceUID:            value("UI", "1.2.3.4"),
		dataset.Modality:                  value("CS", "CT"),
		dataset.PatientID:                 value("LO", "P1"),
		dataset.SliceThickness:            value("DS", "2.5"),
		dataset.ConvolutionKernel:         value("SH", "B70s"),
		dataset.StudyInstanceUID:          value("UI", "1.2.3"),
		dataset.SeriesInstanceUID:         value("UI", "1.2.3.1"),
		dataset.SeriesNumber:              value("IS", "4"),
		dataset.AcquisitionNumber:         value("IS", "1"),
		dataset.InstanceNumber:            value("IS", "7"),
		dataset.ImagePositionPatient:      value("DS", `-100.5\-200\+3.50`),
		dataset.ImageOrientationPatient:   value("DS", `1\0\0\0\1\0`),
		dataset.FrameOfReferenceUID:       value("UI", "1.2.3.9"),
		dataset.SamplesPerPixel:           us(1),
		dataset.PhotometricInterpretation: value("CS", "MONOCHROME2"),
		dataset.Rows:                      us(64),
		dataset.Columns:                   us(64),
		dataset.PixelSpacing:              value("DS", `0.70\.8e0`),
		dataset.BitsAllocated:             us(16),
		dataset.BitsStored:                us(12),
		dataset.HighBit:                   us(11),
		dataset.PixelRepresentation:       us(0),
		dataset.RescaleIntercept:          value("DS", "-1024"),
		dataset.RescaleSlope:              value("DS", "1"),
		dataset.PixelDataTag:              {"OW", strings.Repeat("\x00\x04", 64*64)},
	}
}

// encode writes elements in explicit VR little endian.
func (e elements) encode() []byte {
	var b []byte
	for _, t := range slices.Sorted(maps.Keys(e)) {
		el := e[t]
		v := el.value
		if len(v)%2 == 1 {
			pad := " "
			if el.vr == "UI" {
				pad = "\x00"
			}
			v += pad
		}
		b = binary.LittleEndian.AppendUint16(b, t.Group())
		b = binary.LittleEndian.AppendUint16(b, t.Element())
		b = append(b, el.vr...)
		switch el.vr {
		case "OW", "OB", "SQ", "UN":
			b = append(b, 0, 0)
			b = binary.LittleEndian.AppendUint32(b, uint32(len(v)))
		default:
			b = binary.LittleEndian.AppendUint16(b, uint16(len(v)))
		}
		b = append(b, v...)
	}
	return b
}

// items is the value of a sequence.
func items(list ...elements) element {
	var b []byte
	for _, e := range list {
		v := e.encode()
		b = append(b, 0xfe, 0xff, 0x00, 0xe0)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(v)))
		b = append(b, v...)
	}
	return element{"SQ", string(b)}
}

// file makes a Part 10 file of the elements.
func (e elements) file() []byte {
	meta := elements{dataset.TransferSyntaxUID: {"UI", dataset.ExplicitVRLittleEndian}}
	return slices.Concat(make([]byte, 128), []byte("DICM"), meta.encode(), e.encode())
}

func (e elements) headers(t testing.TB) []Header {
	t.Helper()
	b := e.file()
	f, err := dataset.Read(bytes.NewReader(b), int64(len(b)), dataset.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return ReadHeaders("slice.dcm", f)
}

// enhanced is a multi-frame instance whose frames lie at the given z.
func enhanced(z ...string) elements {
	e := slice()
	for _, t := range []dataset.Tag{
		dataset.ImagePositionPatient, dataset.ImageOrientationPatient, dataset.PixelSpacing, dataset.SliceThickness,
		dataset.RescaleIntercept, dataset.RescaleSlope, dataset.ConvolutionKernel, dataset.AcquisitionNumber} {
		delete(e, t)
	}
	e[dataset.SOPClassUID] = value("UI", enhancedCTImageStorage)
	e[dataset.NumberOfFrames] = value("IS", strconv.Itoa(len(z)))
	e[dataset.SharedFunctionalGroupsSequence] = items(elements{
		dataset.CTImageFrameTypeSequence: items(elements{dataset.FrameType: value("CS", `ORIGINAL\PRIMARY\VOLUME\NONE`),
			dataset.VolumetricProperties: value("CS", "VOLUME")}),
		dataset.PixelMeasuresSequence: items(elements{dataset.PixelSpacing: value("DS", `0.5\0.5`),
			dataset.SliceThickness: value("DS", "1")}),
		dataset.PlaneOrientationSequence: items(elements{dataset.ImageOrientationPatient: value("DS", `1\0\0\0\1\0`)}),
		dataset.CTReconstructionSequence: items(elements{dataset.ConvolutionKernel: value("SH", "LUNG")}),
		dataset.PixelValueTransformationSequence: items(elements{
			dataset.RescaleSlope: value("DS", "2"), dataset.RescaleIntercept: value("DS", "-1000"),
			dataset.RescaleType: value("LO", "HU")}),
	})
	var frames []elements
	for i, at := range z {
		frames = append(frames, elements{
			dataset.FrameContentSequence:  items(elements{dataset.FrameAcquisitionNumber: us(uint16(i + 1))}),
			dataset.PlanePositionSequence: items(elements{dataset.ImagePositionPatient: value("DS", `0\0\`+at)}),
		})
	}
	e[dataset.PerFrameFunctionalGroupsSequence] = items(frames...)
	e[dataset.PixelDataTag] = element{"OW", strings.Repeat("\x00\x04", 64*64*len(z))}
	return e
}
