package ct

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jcsnode/dataset"
)

func TestReadHeader_ReadsASlice(t *testing.T) {
	got := slice().headers(t)
	four, one, seven := 4, 1, 7
	want := []Header{{
		Path: "slice.dcm", SOPClassUID: ctImageStorage, SOPInstanceUID: "1.2.3.4", StudyInstanceUID: "1.2.3", SeriesInstanceUID: "1.2.3.1",
		FrameOfReferenceUID: "1.2.3.9", TransferSyntaxUID: dataset.ExplicitVRLittleEndian, PatientID: "P1", Modality: "CT",
		ImageType: []string{"ORIGINAL", "PRIMARY", "AXIAL"}, InstanceNumber: &seven,
		SeriesNumber: &four, AcquisitionNumber: &one, Kernel: "B70s",
		Rows: 64, Columns: 64, Frames: 1, Position: [3]float64{-100.5, -200, 3.5}, Orientation: [6]float64{1, 0, 0, 0, 1, 0},
		PixelSpacing: [2]float64{0.7, 0.8}, SliceThickness: 2.5, Slope: 1, Intercept: -1024,
		PositionDS: `-100.5\-200\+3.50`, OrientationDS: `1\0\0\0\1\0`, PixelSpacingDS: `0.70\.8e0`, SliceThicknessDS: "2.5",
	}}
	want[0].Digest = got[0].Digest // TestReadHeaders_Digest
	want[0].Values = got[0].Values // TestReadHeaders_Values
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("headers (-want +got):\n%s", d)
	}
}

func TestReadHeaders_ReadsFunctionalGroups(t *testing.T) {
	got := enhanced("10", "8", "6").headers(t)
	if len(got) != 3 {
		t.Fatalf("%d headers, want 3", len(got))
	}
	for i, h := range got {
		if h.Refusal != nil {
			t.Fatalf("frame %d: %v", i, h.Refusal)
		}
		if h.Frame != i || h.Frames != 3 || h.Position[2] != float64(10-2*i) ||
			h.Slope != 2 || h.Intercept != -1000 || h.PixelSpacing != [2]float64{0.5, 0.5} ||
			h.Kernel != "LUNG" || h.AcquisitionNumber == nil || *h.AcquisitionNumber != i+1 || h.SliceThicknessDS != "1" {
			t.Errorf("frame %d: %+v", i, h)
		}
	}
}

// Each broken element is refused and named.
func TestReadHeader_RefusesByName(t *testing.T) {
	set := func(tag dataset.Tag, vr, v string) func(elements) {
		return func(e elements) { e[tag] = element{vr, v} }
	}
	without := func(tag dataset.Tag) func(elements) { return func(e elements) { delete(e, tag) } }
	position := dataset.ImagePositionPatient
	orientation := dataset.ImageOrientationPatient
	tests := []struct {
		name   string
		change func(elements)
		code   string
		text   string
	}{
		{"PET", set(dataset.SOPClassUID, "UI", "1.2.840.10008.5.1.4.1.1.128"), CodeNotOurs, "PET"},
		{"a class nobody knows", set(dataset.SOPClassUID, "UI", "1.2.3"), CodeNotOurs, "1.2.3"},
		{"no class", without(dataset.SOPClassUID), CodeNotOurs, "SOP class"},
		{"modality", set(dataset.Modality, "CS", "PT"), CodeNotCT, `"PT"`},
		{"no instance UID", without(dataset.SOPInstanceUID), CodeMissingUID, "SOPInstanceUID (0008,0018)"},
		{"empty series UID", set(dataset.SeriesInstanceUID, "UI", ""), CodeMissingUID, "SeriesInstanceUID (0020,000E)"},
		{"path as study UID", set(dataset.StudyInstanceUID, "UI", "../../evil"), CodeMalformedUID, "StudyInstanceUID (0020,000D)"},
		{"two series UIDs", set(dataset.SeriesInstanceUID, "UI", `1.2\3.4`), CodeMalformedUID, "SeriesInstanceUID"},
		{"localizer", set(dataset.ImageType, "CS", `ORIGINAL\PRIMARY\LOCALIZER`), CodeLocalizer, "LOCALIZER"},
		{"reformat", set(dataset.ImageType, "CS", `DERIVED\SECONDARY\AXIAL`), CodeDerived, "DERIVED"},
		{"projection", set(dataset.ImageType, "CS", `DERIVED\PRIMARY\AXIAL\MIP`), CodeDerived, "MIP"},
		{"derived but axial", set(dataset.ImageType, "CS", `DERIVED\PRIMARY\AXIAL`), "", ""},
		{"no image type", without(dataset.ImageType), "", ""},
		{"three samples", func(e elements) { e[dataset.SamplesPerPixel] = us(3) }, CodeNotGrey, "SamplesPerPixel (0028,0002)"},
		{"palette", set(dataset.PhotometricInterpretation, "CS", "PALETTE COLOR"), CodeNotGrey, "PALETTE"},
		{"inverted greyscale", set(dataset.PhotometricInterpretation, "CS", "MONOCHROME1"), "", ""},
		{"no rows", func(e elements) { e[dataset.Rows] = us(0) }, CodeBadGeometry, "Rows (0028,0010)"},
		{"giant", func(e elements) { e[dataset.Columns] = us(65535) }, CodeBadGeometry, "65535"},
		{"no position", without(position), CodeMissingGeometry, "ImagePositionPatient (0020,0032)"},
		{"position NaN", set(position, "DS", `1\2\NaN`), CodeBadGeometry, `"NaN"`},
		{"position infinite", set(position, "DS", `1\2\Inf`), CodeBadGeometry, `"Inf"`},
		{"position 1e999", set(position, "DS", `1\2\1e999`), CodeBadGeometry, "1e999"},
		{"position hexadecimal", set(position, "DS", `1\2\0x1p4`), CodeBadGeometry, "0x1p4"},
		{"position of two values", set(position, "DS", `1\2`), CodeBadGeometry, "2 values instead of 3"},
		{"position with an empty value", set(position, "DS", `1\\3`), CodeBadGeometry, "value 2 is empty"},
		{"position beyond any room", set(position, "DS", `1\2\1e9`), CodeBadGeometry, "mm off"},
		{"spaces around", set(position, "DS", ` 1 \ 2\3 `), "", ""},
		{"no orientation", without(orientation), CodeMissingGeometry, "ImageOrientationPatient (0020,0037)"},
		{"orientation not of unit length", set(orientation, "DS", `2\0\0\0\1\0`), CodeBadGeometry, "right angle"},
		{"orientation not at a right angle", set(orientation, "DS", `1\0\0\0.6\0.8\0`), CodeBadGeometry, "right angle"},
		{"coronal", set(orientation, "DS", `1\0\0\0\0\-1`), CodeNotAxial, "not an axial slice"},
		{"sagittal", set(orientation, "DS", `0\1\0\0\0\-1`), CodeNotAxial, "not an axial slice"},
		{"tilted by 29 degrees", set(orientation, "DS", `1\0\0\0\0.8746\-0.4848`), "", ""},
		{"tilted by 31 degrees", set(orientation, "DS", `1\0\0\0\0.8572\-0.5150`), CodeNotAxial, "not an axial slice"},
		{"decimal comma", set(dataset.PixelSpacing, "DS", `0,7\0,7`), CodeBadGeometry, `PixelSpacing (0028,0030) value 1 holds "0,7"`},
		{"spacing 0", set(dataset.PixelSpacing, "DS", `0\0.7`), CodeBadGeometry, "PixelSpacing (0028,0030) is 0 mm"},
		{"negative spacing", set(dataset.PixelSpacing, "DS", `-0.7\0.7`), CodeBadGeometry, "-0.7 mm"},
		{"broken thickness is no reason", set(dataset.SliceThickness, "DS", "thin"), "", ""},
		{"no slope", without(dataset.RescaleSlope), CodeMissingRescale, "RescaleSlope (0028,1053)"},
		{"no intercept", without(dataset.RescaleIntercept), CodeMissingRescale, "RescaleIntercept (0028,1052)"},
		{"slope 0", set(dataset.RescaleSlope, "DS", "0"), CodeBadRescale, "RescaleSlope (0028,1053) 0"},
		{"slope with comma", set(dataset.RescaleSlope, "DS", "1,0"), CodeBadRescale, `"1,0"`},
		{"not HU", set(dataset.RescaleType, "LO", "Z_EFF"), CodeBadRescale, "Z_EFF"},
		{"no pixels", without(dataset.PixelDataTag), CodeNoPixelData, "absent"},
		{"empty pixels", set(dataset.PixelDataTag, "OW", ""), CodeNoPixelData, "empty"},
		{"no patient is no reason", without(dataset.PatientID), "", ""},
		{"text as instance number is no reason", set(dataset.InstanceNumber, "IS", "first"), "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := slice()
			tt.change(e)
			r := e.headers(t)[0].Refusal
			if tt.code == "" {
				if r != nil {
					t.Errorf("refused: %s: %v", r.Code, r)
				}
				return
			}
			if r == nil {
				t.Fatalf("not refused, want %s", tt.code)
			}
			if r.Code != tt.code || !strings.Contains(r.Text, tt.text) {
				t.Errorf("%s: %v; want %s with %q", r.Code, r, tt.code, tt.text)
			}
		})
	}
}

func TestReadHeaders_RefusesBrokenGroups(t *testing.T) {
	tests := []struct {
		name   string
		change func(elements)
		code   string
	}{
		{"another number of frames", func(e elements) { e[dataset.NumberOfFrames] = value("IS", "4") }, CodeBadGeometry},
		{"a billion frames", func(e elements) { e[dataset.NumberOfFrames] = value("IS", "1000000000") }, CodeBadGeometry},
		{"no per-frame groups", func(e elements) { delete(e, dataset.PerFrameFunctionalGroupsSequence) }, CodeBadGeometry},
		{"no shared groups", func(e elements) { delete(e, dataset.SharedFunctionalGroupsSequence) }, CodeMissingGeometry},
		{"empty shared groups", func(e elements) { e[dataset.SharedFunctionalGroupsSequence] = items() }, CodeMissingGeometry},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := enhanced("10", "8")
			tt.change(e)
			for _, h := range e.headers(t) {
				if h.Refusal == nil || h.Refusal.Code != tt.code {
					t.Errorf("refusal %v, want %s", h.Refusal, tt.code)
				}
			}
		})
	}
}

func TestCheckUID(t *testing.T) {
	long := "1." + strings.Repeat("2", 80)
	tests := []struct {
		uid      string
		flag, ok bool
	}{
		{"1.2.840.10008.1", false, true},
		{"2.25.0", false, true},
		{"1.2.03", true, true},
		{"7afb0d48-ec01-4941-9a58-66d15cab76fb", true, true},
		{long, true, true},
		{strings.Repeat("1", 129), false, false},
		{"", false, false},
		{"..", false, false},
		{"1..2", false, false},
		{".1", false, false},
		{"1.", false, false},
		{"../../x", false, false},
		{"1.2/3", false, false},
		{`1.2\3`, false, false},
		{"1.2 3", false, false},
		{"1.2\x00", false, false},
		{"1.2<b>", false, false},
		{"１.2", false, false},
	}
	for _, tt := range tests {
		flag, ok := checkUID(tt.uid)
		if ok != tt.ok || (flag != "") != tt.flag {
			t.Errorf("%q: flag %q, ok %v; want flag %v, ok %v", tt.uid, flag, ok, tt.flag, tt.ok)
		}
	}
}

// No instance, whatever its bytes, ends the reader; what is not refused can be
// stacked.
func FuzzReadHeaders(f *testing.F) {
	broken := slice()
	broken[dataset.PixelSpacing] = value("DS", `0,7\0,7`)
	for _, e := range []elements{slice(), enhanced("10", "8", "6"), broken} {
		e[dataset.PixelDataTag] = element{"OW", "\x00\x04"} // pixels are not decoded here
		f.Add(e.file())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := dataset.Read(bytes.NewReader(b), int64(len(b)), dataset.Limits{Elements: 10000, Inflated: 1 << 20})
		if err != nil {
			return
		}
		headers := ReadHeaders("fuzz.dcm", file)
		if len(headers) == 0 {
			t.Fatal("no header")
		}
		sel := Select(headers)
		if (sel.Chosen == nil) != (sel.Refusal != nil) {
			t.Fatalf("chosen %v, refusal %v", sel.Chosen, sel.Refusal)
		}
		if sel.Chosen != nil {
			_ = fmt.Sprint(sel.Chosen.Notes, sel.Reason)
		}
	})
}
