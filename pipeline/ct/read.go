package ct

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"jcsnode/dataset"
	"jcsnode/pipeline/codec"
)

// Limits of what is taken for a CT slice.
const (
	minSide    = 64   // rows and columns; smaller ones are icons
	maxSide    = 4096 // PS3.3 knows no limit; the largest CT matrix sold is 2048
	maxSpacing = 10.0 // mm between pixels; a body fits into 64 of them
	maxFrames  = 65536
	minAxial   = 0.866 // z part of the normal: up to 30 degrees of gantry tilt is axial
)

// Opener opens a file of a study by its name, Header.Path. It is made for one reading, whose context it carries.
type Opener func(name string) (*dataset.File, error)

// OpenPath is the Opener of files whose names are their paths.
func OpenPath(path string) (*dataset.File, error) { return dataset.Open(path, dataset.Limits{}) }

// ReadFile reads the headers of the slices in a file. A file that cannot be read
// gives one header with a refusal.
func ReadFile(open Opener, path string) []Header {
	f, err := open(path)
	if err != nil {
		return []Header{Unreadable(path, err)}
	}
	defer f.Close()
	return ReadHeaders(path, f)
}

// Unreadable is the header of a file that cannot be opened.
func Unreadable(path string, err error) Header {
	text := fmt.Sprintf("the file cannot be read as DICOM: %v", err)
	if errors.Is(err, dataset.ErrTruncated) {
		text = fmt.Sprintf("the file is cut short: %v", err)
	}
	return Header{Path: path, Refusal: refuse(CodeUnreadable, text, "send the instance again")}
}

// ReadHeaders reads the header of each frame of an instance, at least one. In an
// enhanced or legacy converted instance a frame's values come from the functional
// groups (PS3.3 C.7.6.16), its own before the shared ones.
func ReadHeaders(path string, f *dataset.File) []Header {
	set := f.Set()
	base := Header{
		Path:                path,
		Digest:              digest(set),
		SOPClassUID:         set.String(dataset.SOPClassUID),
		SOPInstanceUID:      set.String(dataset.SOPInstanceUID),
		StudyInstanceUID:    text(set, dataset.StudyInstanceUID),
		SeriesInstanceUID:   text(set, dataset.SeriesInstanceUID),
		FrameOfReferenceUID: text(set, dataset.FrameOfReferenceUID),
		TransferSyntaxUID:   f.TransferSyntax().UID,
		Modality:            set.String(dataset.Modality),
		ImageType:           set.Strings(dataset.ImageType),
		InstanceNumber:      integer(set, dataset.InstanceNumber),
		SeriesNumber:        integer(set, dataset.SeriesNumber),
		AcquisitionNumber:   integer(set, dataset.AcquisitionNumber),
		SeriesDescription:   set.String(dataset.SeriesDescription),
		BodyPart:            set.String(dataset.BodyPartExamined),
		Frames:              1,
		Padding:             paddingOf(set),
	}
	base.readPatient(set)
	base.Rows, _ = set.Int(dataset.Rows)
	base.Columns, _ = set.Int(dataset.Columns)
	if base.Refusal = base.checkInstance(f); base.Refusal != nil {
		return []Header{base}
	}
	perFrame := set.Items(dataset.PerFrameFunctionalGroupsSequence)
	n, err := set.Int(dataset.NumberOfFrames)
	var top *dataset.Set // where values stand that no functional group has
	if base.SOPClassUID == ctImageStorage {
		if err != nil || n <= 1 {
			base.Values = valuesOf(set)
			base.read(groups{top: set})
			return []Header{base}
		}
		if len(perFrame) == 0 {
			base.Refusal = refuse(CodeMultiFrame,
				fmt.Sprintf("NumberOfFrames (0028,0008) is %d under CT Image Storage, which has one frame: "+
					"nothing tells where the others lie", n),
				"let the sender write one instance for each slice, or Enhanced CT Image Storage")
			return []Header{base}
		}
		top = set
	}
	if err != nil || n < 1 || n > maxFrames || n != len(perFrame) {
		base.Refusal = refuse(CodeBadGeometry,
			fmt.Sprintf("NumberOfFrames (0028,0008) does not match the %d items of PerFrameFunctionalGroupsSequence (5200,9230)",
				len(perFrame)), askSource)
		return []Header{base}
	}
	var shared *dataset.Set
	if items := set.Items(dataset.SharedFunctionalGroupsSequence); len(items) > 0 {
		shared = items[0]
	}
	base.Frames = n
	common := slices.Concat(valuesOfGroups(shared), valuesOf(set))
	out := make([]Header, n)
	for i := range out {
		out[i] = base
		out[i].Frame = i
		out[i].Flags = append([]string(nil), base.Flags...)
		out[i].Values = byTag(slices.Concat(valuesOfGroups(perFrame[i]), common))
		out[i].read(groups{top: top, shared: shared, frame: perFrame[i]})
	}
	return out
}

// digest names what a data set says: pixel data, private elements and group lengths do not count.
func digest(set *dataset.Set) (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, e := range set.Elements() {
		if e.Tag.Private() || e.Tag.Element() == 0 || e.Tag == dataset.PixelDataTag {
			continue
		}
		value, _ := set.Bytes(e.Tag)
		fmt.Fprintf(h, "%v %d\n", e.Tag, len(value))
		h.Write(value)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

const askSource = "correct it at the source and send the study again"

// checkInstance checks what holds for all frames of an instance.
func (h *Header) checkInstance(f *dataset.File) *Refusal {
	set := f.Set()
	switch h.SOPClassUID {
	case ctImageStorage, enhancedCTImageStorage, legacyEnhancedCTImageStorage:
	default:
		name := foreignClasses[h.SOPClassUID]
		if name == "" {
			name = "SOP class " + printable(h.SOPClassUID)
		}
		return refuse(CodeNotOurs, "not a CT image but "+name, "")
	}
	if h.Modality != "CT" {
		return refuse(CodeNotCT, fmt.Sprintf("Modality (0008,0060) is %q, not CT", printable(h.Modality)), "")
	}
	for _, uid := range []struct{ name, value string }{
		{"SOPInstanceUID (0008,0018)", h.SOPInstanceUID},
		{"StudyInstanceUID (0020,000D)", h.StudyInstanceUID},
		{"SeriesInstanceUID (0020,000E)", h.SeriesInstanceUID},
	} {
		if uid.value == "" {
			return refuse(CodeMissingUID, uid.name+" is absent or empty, so that no result can refer to this slice", askSource)
		}
		flag, ok := checkUID(uid.value)
		if !ok {
			return refuse(CodeMalformedUID, uid.name+" holds text that no UID can be", askSource)
		}
		if flag != "" {
			h.Flags = append(h.Flags, uid.name+": "+flag)
		}
	}
	var r *Refusal
	if h.Lesser, r = checkDerived(set, h.ImageType); r != nil {
		return r
	}
	if r := checkPixels(set, h.Rows, h.Columns); r != nil {
		return r
	}
	if r := checkPixelData(f); r != nil {
		return r
	}
	return nil
}

// checkPixels checks the description of the pixels (PS3.3 C.8.2.1).
func checkPixels(set *dataset.Set, rows, columns int) *Refusal {
	if n, err := set.Int(dataset.SamplesPerPixel); err != nil || n != 1 {
		return refuse(CodeNotGrey, "SamplesPerPixel (0028,0002) is not 1", "")
	}
	switch p := set.String(dataset.PhotometricInterpretation); p {
	case "MONOCHROME1", "MONOCHROME2":
	default:
		return refuse(CodeNotGrey, fmt.Sprintf("PhotometricInterpretation (0028,0004) is %q, not greyscale", printable(p)), "")
	}
	if rows < minSide || columns < minSide || rows > maxSide || columns > maxSide {
		return refuse(CodeBadGeometry, fmt.Sprintf("Rows (0028,0010) and Columns (0028,0011) are %d x %d, outside %d to %d",
			rows, columns, minSide, maxSide), askSource)
	}
	return nil
}

// checkPixelData looks whether there are pixels, without decoding them.
func checkPixelData(f *dataset.File) *Refusal {
	pixels, ok := f.PixelData()
	if !ok {
		return refuse(CodeNoPixelData, "PixelData (7FE0,0010) is absent", "send the instance again")
	}
	if pixels.Length == 0 {
		return refuse(CodeNoPixelData, "PixelData (7FE0,0010) is empty", "send the instance again")
	}
	if uid := f.TransferSyntax().UID; !codec.Supported(uid) {
		return refuse(CodeUnsupportedSyntax, fmt.Sprintf("pixel data in transfer syntax %s are not decoded", printable(uid)),
			"let the sender use one of the transfer syntaxes of the conformance statement")
	}
	return nil
}

// groups finds the values of one frame: in the data set of a single-frame
// instance, or in the functional groups of a multi-frame one.
type groups struct {
	frame, shared *dataset.Set // multi-frame
	top           *dataset.Set // single frame, or several under the class of a single one
}

// in returns the item that holds the attributes of a functional group, nil if
// there is none.
func (g groups) in(macro dataset.Tag) *dataset.Set {
	for _, s := range []*dataset.Set{g.frame, g.shared} {
		if s == nil {
			continue
		}
		if items := s.Items(macro); len(items) > 0 {
			return items[0]
		}
	}
	if g.frame != nil && macro == dataset.PlanePositionSequence {
		return nil // one place for all frames is none
	}
	return g.top
}

// read fills in geometry and rescale, or the refusal.
func (h *Header) read(g groups) {
	if g.frame != nil {
		if s := g.in(dataset.CTImageFrameTypeSequence); s != nil && s != g.top {
			h.ImageType = s.Strings(dataset.FrameType)
			if h.Refusal = checkImageType(h.ImageType); h.Refusal != nil {
				return
			}
			if kind := find(lesser, words(strings.Join(h.ImageType, " "))); kind != "" && h.Lesser == "" {
				h.Lesser = "described as " + kind
			}
			if p := s.String(dataset.VolumetricProperties); p != "" && p != "VOLUME" {
				h.Refusal = refuse(CodeDerived, fmt.Sprintf("VolumetricProperties (0008,9206) is %q, not VOLUME", printable(p)), "")
				return
			}
		}
		if s := g.in(dataset.FrameContentSequence); s != nil && s != g.top {
			h.AcquisitionNumber = integer(s, dataset.FrameAcquisitionNumber)
			h.Phase = text(s, dataset.StackID) + "/" + text(s, dataset.TemporalPositionIndex)
			if n := integer(s, dataset.TemporalPositionIndex); n != nil {
				h.Phase = fmt.Sprintf("%s/%d", text(s, dataset.StackID), *n)
			}
		}
	}
	if s := g.in(dataset.CTReconstructionSequence); s != nil {
		h.Kernel = text(s, dataset.ConvolutionKernel)
	}
	if h.Refusal = h.readGeometry(g); h.Refusal != nil {
		return
	}
	h.Refusal = h.readRescale(g)
}

func (h *Header) readGeometry(g groups) *Refusal {
	orientation, r := decimals(g, dataset.PlaneOrientationSequence,
		dataset.ImageOrientationPatient, "ImageOrientationPatient", 6, &h.OrientationDS)
	if r != nil {
		return r
	}
	copy(h.Orientation[:], orientation)
	row, col := h.rowDirection(), h.columnDirection()
	if math.Abs(norm(row)-1) > 0.01 || math.Abs(norm(col)-1) > 0.01 || math.Abs(dot(row, col)) > 0.01 {
		return refuse(CodeBadGeometry, "ImageOrientationPatient (0020,0037) is not two unit vectors at a right angle", askSource)
	}
	if math.Abs(h.Normal()[2]) < minAxial {
		return refuse(CodeNotAxial, "not an axial slice by ImageOrientationPatient (0020,0037)", "")
	}
	position, r := decimals(g, dataset.PlanePositionSequence, dataset.ImagePositionPatient, "ImagePositionPatient", 3, &h.PositionDS)
	if r != nil {
		return r
	}
	copy(h.Position[:], position)
	spacing, r := decimals(g, dataset.PixelMeasuresSequence, dataset.PixelSpacing, "PixelSpacing", 2, &h.PixelSpacingDS)
	if r != nil {
		return r
	}
	copy(h.PixelSpacing[:], spacing)
	for _, mm := range spacing {
		if mm <= 0 || mm > maxSpacing {
			return refuse(CodeBadGeometry, fmt.Sprintf("PixelSpacing (0028,0030) is %v mm", mm), askSource)
		}
	}
	for _, at := range h.Position {
		if math.Abs(at) > 1e5 {
			return refuse(CodeBadGeometry, fmt.Sprintf("ImagePositionPatient (0020,0032) is %v mm off", at), askSource)
		}
	}
	// The thickness is shown and repeated, never measured with: a broken one is no
	// reason to refuse.
	if s := g.in(dataset.PixelMeasuresSequence); s != nil {
		h.SliceThicknessDS = text(s, dataset.SliceThickness)
		if mm, err := parseDecimal(h.SliceThicknessDS); err == nil && mm > 0 {
			h.SliceThickness = mm
		}
	}
	return nil
}

func (h *Header) readRescale(g groups) *Refusal {
	var unused string
	slope, r := decimals(g, dataset.PixelValueTransformationSequence, dataset.RescaleSlope, "RescaleSlope", 1, &unused)
	if r == nil {
		var intercept []float64
		intercept, r = decimals(g, dataset.PixelValueTransformationSequence, dataset.RescaleIntercept, "RescaleIntercept", 1, &unused)
		if r == nil {
			h.Slope, h.Intercept = slope[0], intercept[0]
		}
	}
	if r != nil {
		code := CodeBadRescale
		if r.Code == CodeMissingGeometry {
			code = CodeMissingRescale
		}
		return refuse(code, r.Text+": stored values are not Hounsfield units without it", r.Remedy)
	}
	if h.Slope <= 0 || h.Slope > 1e4 || math.Abs(h.Intercept) > 1e5 {
		return refuse(CodeBadRescale,
			fmt.Sprintf("RescaleSlope (0028,1053) %v and RescaleIntercept (0028,1052) %v give no Hounsfield units", h.Slope, h.Intercept),
			askSource)
	}
	if s := g.in(dataset.PixelValueTransformationSequence); s != nil {
		var known bool
		if h.Unit, known = unitOf(strings.Join(s.Strings(dataset.RescaleType), " ")); known && h.Unit != "" {
			return refuse(CodeBadRescale, fmt.Sprintf("RescaleType (0028,1054) is %q, not HU", printable(h.Unit)), "")
		}
	}
	return nil
}

// decimals reads n values of an element and keeps its text in raw.
func decimals(g groups, macro, tag dataset.Tag, name string, n int, raw *string) ([]float64, *Refusal) {
	s := g.in(macro)
	if s != nil {
		*raw = text(s, tag)
	}
	if *raw == "" {
		return nil, refuse(CodeMissingGeometry, fmt.Sprintf("%s %v is absent or empty", name, tag), askSource)
	}
	values, err := parseDecimals(*raw, n)
	if err != nil {
		return nil, refuse(CodeBadGeometry, fmt.Sprintf("%s %v %v", name, tag, err), askSource)
	}
	return values, nil
}

// text returns an element as it stands in the file, with backslashes, less the
// padding at its end.
func text(s *dataset.Set, t dataset.Tag) string {
	b, _ := s.Bytes(t)
	return strings.TrimRight(string(b), " \x00")
}

// integer returns an integer element, nil when absent, empty or broken: numbers
// of instances and series are for people, nothing depends on them.
func integer(s *dataset.Set, t dataset.Tag) *int {
	v, err := s.Int(t)
	if err != nil {
		return nil
	}
	return &v
}
