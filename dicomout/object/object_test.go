package object_test

import (
	"bytes"
	"encoding/hex"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/corpus"
	"jcsnode/dataset"
	"jcsnode/dicomout/object"
	"jcsnode/dicomout/object/objecttest"
)

// build encodes the common attributes alone.
func build(t testing.TB, s *object.Study, kind object.Kind) []byte {
	t.Helper()
	uid := s.InstanceUID(kind)
	elements, err := s.Common(kind, uid)
	if err != nil {
		t.Fatal(err)
	}
	file, err := object.Encode(kind, uid, dataset.ExplicitVRLittleEndian, elements)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// parse reads a file with our own reader.
func parse(t testing.TB, file []byte) *dataset.File {
	t.Helper()
	f, err := dataset.Read(bytes.NewReader(file), int64(len(file)), dataset.Limits{})
	if err != nil {
		t.Fatalf("our own object cannot be read: %v", err)
	}
	return f
}

func sameBytes(t *testing.T, from, to *dataset.Set, tags ...dataset.Tag) {
	t.Helper()
	for _, tg := range tags {
		want, had := from.Bytes(tg)
		got, has := to.Bytes(tg)
		if had != has || !bytes.Equal(got, want) {
			t.Errorf("%v: got %s (present %v), want %s (present %v)", tg, hex.EncodeToString(got), has, hex.EncodeToString(want), had)
		}
	}
}

func TestCommon_KeepsNameBytesOfEveryCharacterSet(t *testing.T) {
	var paths []string
	for _, folder := range corpus.Both(t, "syntaxes", "charsets") {
		files, _ := filepath.Glob(filepath.Join(folder, "*.dcm"))
		paths = append(paths, files...)
	}
	if len(paths) < 20 {
		t.Fatalf("%d files, want 20", len(paths))
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			source := objecttest.Open(t, path)
			out := parse(t, build(t, objecttest.StudyOf(source, nil), object.Segmentation)).Set()
			if !source.Set().Has(dataset.PatientName) { // the name lies in an item there
				if b, ok := out.Bytes(dataset.PatientName); !ok || len(b) != 0 {
					t.Fatalf("patient name %q, present %v, want present and empty", b, ok)
				}
				sameBytes(t, source.Set(), out, dataset.SpecificCharacterSet)
				return
			}
			sameBytes(t, source.Set(), out, dataset.PatientName, dataset.PatientID)
			if source.Set().String(dataset.SpecificCharacterSet) == "ISO_IR 999" { // readers that meet it read nothing
				if out.Has(dataset.SpecificCharacterSet) {
					t.Error("the object has a character set that nobody knows")
				}
				return
			}
			sameBytes(t, source.Set(), out, dataset.SpecificCharacterSet)
		})
	}
}

func TestCommon_KeepsBytesOfEveryTransferSyntax(t *testing.T) {
	syntaxes := map[string]bool{}
	for _, folder := range corpus.Both(t, "syntaxes") {
		paths, _ := filepath.Glob(filepath.Join(folder, "*_[su]*", "*.dcm"))
		for _, path := range paths {
			t.Run(filepath.Base(filepath.Dir(path))+"/"+filepath.Base(path), func(t *testing.T) {
				source := objecttest.Open(t, path)
				syntaxes[source.TransferSyntax().UID] = true
				out := parse(t, build(t, objecttest.StudyOf(source, nil), object.Segmentation)).Set()
				sameBytes(t, source.Set(), out, dataset.PatientName, dataset.PatientID, dataset.StudyInstanceUID)
				if got := out.VR(dataset.PatientName); got != "PN" {
					t.Errorf("VR of the name: %q, want PN", got)
				}
			})
		}
	}
	if len(syntaxes) < 11 {
		t.Errorf("%d transfer syntaxes, want 11", len(syntaxes))
	}
}

func TestCommon_StudyWithoutNameAndBirthDate(t *testing.T) {
	s := objecttest.Chest(t)
	out := parse(t, build(t, s, object.Segmentation)).Set()
	for _, tg := range []dataset.Tag{
		dataset.PatientName, dataset.PatientBirthDate, dataset.AccessionNumber, dataset.ReferringPhysicianName,
	} {
		if b, ok := out.Bytes(tg); !ok || len(b) != 0 {
			t.Errorf("%v: %q, present %v, want present with zero length", tg, b, ok)
		}
	}
	sameBytes(t, s.Source.Set(), out, dataset.PatientID, dataset.PatientSex, dataset.PatientAge, dataset.StudyID,
		dataset.StudyDate, dataset.StudyTime, dataset.StudyDescription, dataset.StudyInstanceUID, dataset.BodyPartExamined)
	for _, tg := range []dataset.Tag{dataset.WindowCenter, dataset.RescaleIntercept, dataset.KVP, dataset.ReferencedImageSequence,
		dataset.StationName, dataset.Laterality, dataset.NewTag(0x0029, 0x0010)} {
		if out.Has(tg) {
			t.Errorf("%v is in the object, want it left out", tg)
		}
	}
	for tg, want := range map[dataset.Tag]string{
		dataset.Manufacturer: "jcsnode", dataset.ManufacturerModelName: "jcsnode", dataset.DeviceSerialNumber: "node-1",
		dataset.SoftwareVersions: "1.0.0", dataset.Modality: "SEG", dataset.SeriesNumber: "9101",
		dataset.SeriesDescription: "JCS lesions (research only)", dataset.LossyImageCompression: "00",
		dataset.ContentDate: "20260102", dataset.SeriesTime: "030405.006", dataset.InstanceCreationTime: "030405.006",
		dataset.ImageComments: "Research use only. Not for diagnostic use. Network JCS segmenter 0.1: UNTRAINED.",
	} {
		if got := out.String(tg); got != want {
			t.Errorf("%v: got %q, want %q", tg, got, want)
		}
	}
	scanner := out.Items(dataset.ContributingEquipmentSequence)
	if len(scanner) != 1 {
		t.Fatalf("%d contributing equipment items, want 1", len(scanner))
	}
	sameBytes(t, s.Source.Set(), scanner[0], dataset.Manufacturer, dataset.ManufacturerModelName, dataset.StationName,
		dataset.DeviceSerialNumber, dataset.SoftwareVersions)
}

func TestCommon_IsTheSameToTheByte(t *testing.T) {
	s := objecttest.Chest(t)
	if a, b := build(t, s, object.Outline), build(t, s, object.Outline); !bytes.Equal(a, b) {
		t.Fatal("two builds of one study differ")
	}
}

func TestCommon_Revision(t *testing.T) {
	s := objecttest.Chest(t)
	s.Revision = 3
	out := parse(t, build(t, s, object.ActivationMultiFrame)).Set()
	if got, want := out.String(dataset.SeriesNumber), "9126"; got != want {
		t.Errorf("series number %s, want %s", got, want)
	}
	got := out.String(dataset.SeriesDescription)
	if want := "JCS activation map, multi-frame (research only) rev 3"; got != want || len(got) > 64 {
		t.Errorf("series description %q, want %q", got, want)
	}
}

func TestCommon_TimezoneOnlyWhenItIsOurs(t *testing.T) {
	for _, c := range []struct {
		name, source string
		ours         int
		present      bool
	}{
		{"same", "+0100 ", 3600, true},
		{"other", "+0200 ", 3600, false},
		{"source has none", "", 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			elements := []*object.Element{}
			if c.source != "" {
				elements = append(elements, object.Text(tag.TimezoneOffsetFromUTC, "SH", c.source))
			}
			s := objecttest.StudyOf(sourceOf(t, dataset.ExplicitVRLittleEndian, elements...), nil)
			s.Time = s.Time.In(time.FixedZone("", c.ours))
			out := parse(t, build(t, s, object.Summary)).Set()
			if got := out.Has(dataset.TimezoneOffsetFromUTC); got != c.present {
				t.Fatalf("present: %v, want %v", got, c.present)
			}
		})
	}
}

func TestCommon_ReportHasNoImageAttributes(t *testing.T) {
	out := parse(t, build(t, objecttest.Chest(t), object.Report)).Set()
	for _, tg := range []dataset.Tag{dataset.BodyPartExamined, dataset.LossyImageCompression, dataset.ImageComments} {
		if out.Has(tg) {
			t.Errorf("%v is in the report", tg)
		}
	}
}

func TestCommon_RefusesASourceOfAnotherStudy(t *testing.T) {
	s := objecttest.Chest(t)
	s.StudyInstanceUID = "1.2.3"
	if _, err := s.Common(object.Summary, "1.2.3.4"); err == nil || !strings.Contains(err.Error(), "1.2.3") {
		t.Fatalf("error %v, want one that names the study", err)
	}
}

// sourceOf encodes elements as a small source file.
func sourceOf(t testing.TB, transferSyntax string, elements ...*object.Element) *dataset.File {
	t.Helper()
	kind := object.Kind{Name: "source", SOPClassUID: "1.2.840.10008.5.1.4.1.1.2"}
	elements = append(elements,
		object.Text(tag.SOPClassUID, "UI", kind.SOPClassUID),
		object.Text(tag.SOPInstanceUID, "UI", "1.2.3.4"),
		object.Text(tag.StudyInstanceUID, "UI", "1.2.3"))
	file, err := object.Encode(kind, "1.2.3.4", transferSyntax, elements)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, file)
}

func TestCopy_SequencesKeepRawValues(t *testing.T) {
	items := func() *object.Element {
		return object.Sequence(tag.OtherPatientIDsSequence,
			[]*object.Element{
				object.Raw(tag.SpecificCharacterSet, "CS", []byte("ISO_IR 144")),
				object.Raw(tag.PatientID, "LO", []byte{0xb8, 0xd2, 0xd0, 0xdd}),
				object.Text(tag.TypeOfPatientID, "CS", "BARCODE"),
				object.Sequence(tag.IssuerOfPatientIDQualifiersSequence, []*object.Element{
					object.Text(tag.UniversalEntityID, "UT", "1.2.3"), object.Text(tag.UniversalEntityIDType, "CS", "ISO"),
				}),
				object.Int(tag.Rows, "US", 0xfffe),
				object.Float(tag.ExposureTimeInms, "FD", -1.5),
			},
			[]*object.Element{object.Text(tag.PatientID, "LO", "A-1 "), object.Text(tag.TypeOfPatientID, "CS", "TEXT")})
	}
	for _, syntax := range []string{dataset.ExplicitVRLittleEndian, dataset.ImplicitVRLittleEndian} {
		t.Run(syntax, func(t *testing.T) {
			source := sourceOf(t, syntax, items(), object.Text(tag.ClinicalTrialProtocolID, "LO", "TRIAL"),
				object.Text(tag.ClinicalTrialSponsorName, "LO", "SPONSOR"),
				object.Text(tag.ClinicalTrialSubjectID, "LO", "S-1"))
			out := parse(t, build(t, objecttest.StudyOf(source, nil), object.Summary)).Set()
			want, got := dump(source.Set().Items(dataset.OtherPatientIDsSequence)), dump(out.Items(dataset.OtherPatientIDsSequence))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("items differ (-source +object):\n%s", diff)
			}
			if len(want) != 9 {
				t.Errorf("dump of the source has %d lines, want 9:\n%s", len(want), strings.Join(want, "\n"))
			}
			sameBytes(t, source.Set(), out, dataset.ClinicalTrialProtocolID)
		})
	}
}

// dump lists tags and raw values of items, without VRs, which implicit VR lacks.
func dump(items []*dataset.Set) []string {
	var lines []string
	for i, item := range items {
		for _, e := range item.Elements() {
			if inner := item.Items(e.Tag); inner != nil {
				for _, l := range dump(inner) {
					lines = append(lines, e.Tag.String()+" > "+l)
				}
				continue
			}
			b, _ := item.Bytes(e.Tag)
			lines = append(lines, strings.Join([]string{string(rune('0' + i)), e.Tag.String(), hex.EncodeToString(b)}, " "))
		}
	}
	return lines
}

func TestRaw_LongValueOfAShortVRBecomesUN(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 70000)
	source := sourceOf(t, dataset.ExplicitVRLittleEndian, object.Raw(tag.PatientComments, "LT", long))
	if got, _ := source.Set().Bytes(dataset.PatientComments); source.Set().VR(dataset.PatientComments) != "UN" || !bytes.Equal(got, long) {
		t.Errorf("VR %q, %d bytes, want UN and %d", source.Set().VR(dataset.PatientComments), len(got), len(long))
	}
	out := parse(t, build(t, objecttest.StudyOf(source, nil), object.Summary)).Set()
	if out.Has(dataset.PatientComments) {
		t.Error("the object has comments that LT cannot hold")
	}
}

func TestTranscode_KeepsValues(t *testing.T) {
	s := objecttest.Chest(t)
	kind, uid := object.Segmentation, s.InstanceUID(object.Segmentation)
	elements, err := s.Common(kind, uid)
	if err != nil {
		t.Fatal(err)
	}
	elements = append(elements, object.PixelData("OB", []byte{1, 2, 3}), s.ReferencedSeries(s.Slices))
	file, err := object.Encode(kind, uid, dataset.ExplicitVRLittleEndian, elements)
	if err != nil {
		t.Fatal(err)
	}
	implicit, err := object.Transcode(file, dataset.ImplicitVRLittleEndian)
	if err != nil {
		t.Fatal(err)
	}
	from, to := parse(t, file), parse(t, implicit)
	if got := to.TransferSyntax().UID; got != dataset.ImplicitVRLittleEndian {
		t.Errorf("transfer syntax %q", got)
	}
	for _, e := range from.Set().Elements() {
		if e.VR == "SQ" {
			if diff := cmp.Diff(dump(from.Set().Items(e.Tag)), dump(to.Set().Items(e.Tag))); diff != "" {
				t.Errorf("%v differs:\n%s", e.Tag, diff)
			}
			continue
		}
		sameBytes(t, from.Set(), to.Set(), e.Tag)
	}
	if !bytes.HasSuffix(file, []byte{0xe0, 0x7f, 0x10, 0, 'O', 'B', 0, 0, 4, 0, 0, 0, 1, 2, 3, 0}) ||
		!bytes.HasSuffix(implicit, []byte{0xe0, 0x7f, 0x10, 0, 4, 0, 0, 0, 1, 2, 3, 0}) {
		t.Errorf("pixel data: explicit ends %x, implicit ends %x", file[len(file)-16:], implicit[len(implicit)-16:])
	}
	body, err := object.Body(implicit)
	if err != nil || len(body) == 0 || !bytes.HasSuffix(implicit, body) || !bytes.HasPrefix(body, []byte{8, 0, 5, 0}) {
		t.Fatalf("body of %d bytes, %v, want the data set from (0008,0005) on", len(body), err)
	}
}

func TestBody_RefusesWhatIsNoFile(t *testing.T) {
	file := build(t, objecttest.Chest(t), object.Summary)
	for name, bad := range map[string][]byte{"empty": nil, "cut in the group": file[:200], "no preamble": file[128:]} {
		if _, err := object.Body(bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestEncode_Refuses(t *testing.T) {
	kind := object.Summary
	ok := func() []*object.Element {
		return []*object.Element{object.Text(tag.SOPClassUID, "UI", kind.SOPClassUID), object.Text(tag.SOPInstanceUID, "UI", "1.2")}
	}
	for _, c := range []struct {
		name, syntax, want string
		elements           []*object.Element
	}{
		{"a tag twice", dataset.ExplicitVRLittleEndian, "twice",
			append(ok(), object.Number(tag.InstanceNumber, 1), object.Number(tag.InstanceNumber, 2))},
		{"a tag twice in an item", dataset.ExplicitVRLittleEndian, "twice", append(ok(), object.Sequence(tag.SourceImageSequence,
			[]*object.Element{object.Number(tag.InstanceNumber, 1), object.Number(tag.InstanceNumber, 2)}))},
		{"no class", dataset.ExplicitVRLittleEndian, "missing", ok()[1:]},
		{"another instance", dataset.ExplicitVRLittleEndian, "1.3", append(ok()[:1], object.Text(tag.SOPInstanceUID, "UI", "1.3"))},
		{"big endian", dataset.ExplicitVRBigEndian, "transfer syntax", ok()},
		{"deflated", dataset.DeflatedExplicitVRLittleEndian, "transfer syntax", ok()},
		{"nil element", dataset.ExplicitVRLittleEndian, "nil", append(ok(), nil)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := object.Encode(kind, "1.2", c.syntax, c.elements); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want one with %q", err, c.want)
			}
		})
	}
}
