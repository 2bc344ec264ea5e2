package object_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/corpus"
	"jcsnode/dataset"
	"jcsnode/dicomout/object"
	"jcsnode/dicomout/object/objecttest"
)

// bigEndian returns a data set in explicit VR big endian with a sequence that holds numbers.
func bigEndian() []byte {
	element := func(t uint32, vr string, value []byte) []byte {
		b := binary.BigEndian.AppendUint16(nil, uint16(t>>16))
		b = binary.BigEndian.AppendUint16(b, uint16(t))
		b = append(b, vr...)
		if vr == "SQ" || vr == "OW" {
			b = binary.BigEndian.AppendUint32(append(b, 0, 0), uint32(len(value)))
		} else {
			b = binary.BigEndian.AppendUint16(b, uint16(len(value)))
		}
		return append(b, value...)
	}
	inner := bytes.Join([][]byte{
		element(0x00100020, "LO", []byte("ID")),
		element(0x00280010, "US", []byte{0x01, 0x02}),
		element(0x00283002, "US", []byte{0x01, 0x02, 0xff, 0xfe, 0x00, 0x10}),
		element(0x00289002, "UL", []byte{0x01, 0x02, 0x03, 0x04}),
		element(0x00189306, "FD", []byte{0x3f, 0xf8, 0, 0, 0, 0, 0, 1}),
		element(0x00281201, "OW", []byte{0x0a, 0x0b, 0x0c, 0x0d}),
	}, nil)
	item := binary.BigEndian.AppendUint32([]byte{0xff, 0xfe, 0xe0, 0x00}, uint32(len(inner)))
	return bytes.Join([][]byte{
		element(0x00080016, "UI", []byte("1.2.840.10008.5.1.4.1.1.2\x00")),
		element(0x00080018, "UI", []byte("1.2.3.4\x00")),
		element(0x00100010, "PN", []byte("M\xfcller")),
		element(0x00101002, "SQ", append(item, inner...)),
		element(0x0020000d, "UI", []byte("1.2.3\x00")),
	}, nil)
}

// part10 puts file meta information before a data set.
func part10(t testing.TB, transferSyntax string, body []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	err := dataset.WriteMeta(&out, dataset.Meta{
		SOPClassUID: "1.2.840.10008.5.1.4.1.1.2", SOPInstanceUID: "1.2.3.4", TransferSyntaxUID: transferSyntax,
		ImplementationClassUID: object.ImplementationClassUID,
	})
	if err != nil {
		t.Fatal(err)
	}
	return append(out.Bytes(), body...)
}

func TestCopy_NumbersOfABigEndianSourceTurnLittle(t *testing.T) {
	source := parse(t, part10(t, dataset.ExplicitVRBigEndian, bigEndian()))
	out := parse(t, build(t, objecttest.StudyOf(source, nil), object.Summary)).Set()
	items := out.Items(dataset.OtherPatientIDsSequence)
	if len(items) != 1 {
		t.Fatalf("%d items, want 1", len(items))
	}
	for _, c := range []struct {
		tag  dataset.Tag
		vr   string
		want []byte
	}{
		{0x00100020, "LO", []byte("ID")},
		{0x00280010, "US", []byte{0x02, 0x01}},
		{0x00283002, "US", []byte{0x02, 0x01, 0xfe, 0xff, 0x10, 0x00}},
		{0x00289002, "UL", []byte{0x04, 0x03, 0x02, 0x01}},
		{0x00189306, "FD", []byte{1, 0, 0, 0, 0, 0, 0xf8, 0x3f}},
		{0x00281201, "OW", []byte{0x0b, 0x0a, 0x0d, 0x0c}},
	} {
		if got, _ := items[0].Bytes(c.tag); !bytes.Equal(got, c.want) || items[0].VR(c.tag) != c.vr {
			t.Errorf("%v: %s %x, want %s %x", c.tag, items[0].VR(c.tag), got, c.vr, c.want)
		}
	}
	sameBytes(t, source.Set(), out, dataset.PatientName)
}

func TestCommon_FailsWhenTheSourceCannotBeRead(t *testing.T) {
	source := sourceOf(t, dataset.ImplicitVRLittleEndian, object.Raw(tag.PatientName, "UT", bytes.Repeat([]byte("x"), 70000)))
	path := filepath.Join(t.TempDir(), "source.dcm")
	kind := object.Kind{SOPClassUID: "1.2.840.10008.5.1.4.1.1.2"}
	file, err := object.Encode(kind, "1.2.3.4", dataset.ImplicitVRLittleEndian, mustCopyAll(t, source.Set()))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	onDisk, err := dataset.Open(path, dataset.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	onDisk.Close() // long values stay in the file
	s := objecttest.StudyOf(onDisk, nil)
	if elements, err := s.Common(object.Summary, "1.2.3.4"); err == nil {
		t.Fatalf("%d elements and no error, though the name cannot be read", len(elements))
	}
}

func mustCopyAll(t testing.TB, set *dataset.Set) []*object.Element {
	t.Helper()
	elements, err := object.CopyAll(set)
	if err != nil {
		t.Fatal(err)
	}
	return elements
}

func TestLossy(t *testing.T) {
	flag := func(v string) *object.Element { return object.Text(tag.LossyImageCompression, "CS", v) }
	ratio := object.Text(tag.LossyImageCompressionRatio, "DS", "10", "5.5")
	method := object.Text(tag.LossyImageCompressionMethod, "CS", "ISO_10918_1", "ISO_15444_1")
	for _, c := range []struct {
		name                  string
		sources               [][]*object.Element
		flag, ratios, methods string
	}{
		{"says nothing", [][]*object.Element{{}}, "00", "", ""},
		{"never", [][]*object.Element{{flag("00")}}, "00", "", ""},
		{"once, long ago", [][]*object.Element{{flag("01"), ratio, method}}, "01", `10\5.5`, `ISO_10918_1\ISO_15444_1`},
		{"in the second slice only",
			[][]*object.Element{{flag("00")}, {flag("01"), ratio, method}}, "01", `10\5.5`, `ISO_10918_1\ISO_15444_1`},
		{"without ratio", [][]*object.Element{{flag("01")}}, "01", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			lossy := new(object.Lossy)
			var first *dataset.File
			for _, elements := range c.sources {
				f := sourceOf(t, dataset.ExplicitVRLittleEndian, elements...)
				lossy.Add(f)
				if first == nil {
					first = f
				}
			}
			s := objecttest.StudyOf(first, nil)
			s.Lossy = lossy
			checkLossy(t, s, c.flag, c.ratios, c.methods)
			if len(c.sources) == 1 { // the source alone says the same
				s.Lossy = nil
				checkLossy(t, s, c.flag, c.ratios, c.methods)
			}
		})
	}
	t.Run("by transfer syntax", func(t *testing.T) {
		source := objecttest.Open(t, corpus.Own(t, "syntaxes", "window8", "jpeg-baseline.dcm"))
		s := objecttest.StudyOf(source, nil)
		out := parse(t, build(t, s, object.Summary)).Set()
		got := out.String(dataset.LossyImageCompression) + " " + out.String(dataset.LossyImageCompressionMethod)
		if got != "01 ISO_10918_1" {
			t.Fatalf("got %q", got)
		}
	})
}

func checkLossy(t *testing.T, s *object.Study, flag, ratios, methods string) {
	t.Helper()
	out := parse(t, build(t, s, object.Summary)).Set()
	for tg, want := range map[dataset.Tag]string{dataset.LossyImageCompression: flag,
		dataset.LossyImageCompressionRatio: ratios, dataset.LossyImageCompressionMethod: methods} {
		got, _ := out.Bytes(tg)
		if string(bytes.TrimRight(got, " ")) != want || out.Has(tg) != (want != "") {
			t.Errorf("%v: got %q (present %v), want %q", tg, got, out.Has(tg), want)
		}
	}
}

// FuzzCommon takes any readable file as the source: what comes out must be readable and carry the same bytes.
func FuzzCommon(f *testing.F) {
	f.Add(part10(f, dataset.ExplicitVRBigEndian, bigEndian()))
	f.Add(part10(f, dataset.ImplicitVRLittleEndian, []byte("\x10\x00\x10\x00\x04\x00\x00\x00A^B ")))
	for _, folder := range corpus.Both(f, "syntaxes", "charsets") {
		for _, name := range []string{"ir6+ir87.dcm", "gb18030.dcm", "chrSQEncoding1.dcm"} {
			if b, err := os.ReadFile(filepath.Join(folder, name)); err == nil {
				f.Add(b)
			}
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		source, err := dataset.Read(bytes.NewReader(file), int64(len(file)), dataset.Limits{})
		if err != nil {
			return
		}
		out := parse(t, build(t, objecttest.StudyOf(source, nil), object.Segmentation)).Set()
		for _, tg := range []dataset.Tag{dataset.PatientName, dataset.PatientID, dataset.AccessionNumber} {
			want, had := source.Set().Bytes(tg)
			text := strings.Contains("LO LT PN SH ST UC UT UN CS ", source.Set().VR(tg)+" ")
			if len(source.Set().Items(tg)) > 0 || !text || !had || len(want) > 0xfffe {
				continue
			}
			got, has := out.Bytes(tg)
			if !has || string(bytes.TrimRight(got, " \x00")) != string(bytes.TrimRight(want, " \x00")) || out.VR(tg) == "UN" {
				t.Fatalf("%v: got %s %x, want %x", tg, out.VR(tg), got, want)
			}
		}
		object.Omissions(source)
	})
}

// A scanner's item that has an attribute twice gives an item that has it once, the first one, and an object all the same.
func TestCopyAll_TakesARepeatedAttributeOnce(t *testing.T) {
	item := []byte("\x10\x00\x10\x10AS\x04\x00042Y" + "\x10\x00\x10\x10AS\x04\x00077Y")
	sequence := append([]byte("\x10\x00\x02\x10SQ\x00\x00\x20\x00\x00\x00\xFE\xFF\x00\xE0\x18\x00\x00\x00"), item...)
	file := part10(t, dataset.ExplicitVRLittleEndian, sequence)
	source, err := dataset.Read(bytes.NewReader(file), int64(len(file)), dataset.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	items := source.Set().Items(dataset.NewTag(0x0010, 0x1002))
	if len(items) != 1 || len(items[0].Elements()) != 2 {
		t.Fatalf("the source has %d items", len(items))
	}
	elements, err := object.CopyAll(items[0])
	if err != nil || len(elements) != 1 {
		t.Fatalf("%d elements, %v, want one", len(elements), err)
	}
	if got := fmt.Sprint(elements[0].Value); !strings.Contains(got, "042Y") {
		t.Errorf("value %s, want the first", got)
	}
}
