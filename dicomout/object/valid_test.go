package object_test

import (
	"strings"
	"testing"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dataset"
	"jcsnode/dicomout/object"
	"jcsnode/dicomout/object/objecttest"
)

// What the standard does not allow is left out, or empty where it must be there, and said; the rest comes byte for byte.
func TestCommon_InvalidAttributesOfTheSource(t *testing.T) {
	const absent, long = "absent", "0123456789012345678901234567890123456789012345678901234567890123456789"
	code := func(value, scheme, meaning string) []*object.Element {
		return object.Code{Value: value, Scheme: scheme, Meaning: meaning}.Item()
	}
	methods, ids := dataset.DeidentificationMethodCodeSequence, dataset.OtherPatientIDsSequence
	for _, c := range []struct {
		name   string
		source []*object.Element
		tag    dataset.Tag
		want   string // value without padding; of a sequence "n items"
		says   string
	}{
		{"text where a sequence belongs", []*object.Element{object.Text(tag.DeidentificationMethodCodeSequence, "LO", "protocol 4")},
			methods, absent, "a value where a sequence belongs"},
		{"unknown bytes where a sequence belongs", []*object.Element{object.Raw(tag.ProcedureCodeSequence, "UN", []byte("CT chest"))},
			dataset.ProcedureCodeSequence, absent, "a value where a sequence belongs"},
		{"an empty sequence", []*object.Element{object.Sequence(tag.ProcedureCodeSequence)}, dataset.ProcedureCodeSequence, absent, ""},
		{"a sequence where text belongs", []*object.Element{object.Sequence(tag.StudyDescription, code("1", "A", "B"))},
			dataset.StudyDescription, absent, "a sequence where a value belongs"},
		{"a sequence where the patient's ID belongs", []*object.Element{object.Sequence(tag.PatientID, code("1", "A", "B"))},
			dataset.PatientID, "", "a sequence where a value belongs"},
		{"another VR, a value that fits", []*object.Element{object.Text(tag.PatientAge, "LO", "042Y")}, dataset.PatientAge, "042Y", ""},
		{"unknown VR, a value that fits",
			[]*object.Element{object.Raw(tag.PatientID, "UN", []byte("4711"))}, dataset.PatientID, "4711", ""},
		{"a number where text belongs",
			[]*object.Element{object.Int(tag.PatientAge, "US", 42)}, dataset.PatientAge, absent, "no value of VR AS"},
		{"age", []*object.Element{object.Text(tag.PatientAge, "AS", "42")}, dataset.PatientAge, absent, "no value of VR AS"},
		{"empty age", []*object.Element{object.Text(tag.PatientAge, "AS", "")}, dataset.PatientAge, "", ""},
		{"date", []*object.Element{object.Text(tag.PatientBirthDate, "DA", "1950-01-01")},
			dataset.PatientBirthDate, "", "longer than 8 characters"},
		{"date of a 13th month",
			[]*object.Element{object.Text(tag.StudyDate, "DA", "20241301")}, dataset.StudyDate, "", "no value of VR DA"},
		{"time", []*object.Element{object.Text(tag.StudyTime, "TM", "10:11:12")}, dataset.StudyTime, "", "no value of VR TM"},
		{"decimal comma", []*object.Element{object.Text(tag.PatientSize, "DS", "1,75")}, dataset.PatientSize, absent, "no value of VR DS"},
		{"sex", []*object.Element{object.Text(tag.PatientSex, "CS", "MALE")}, dataset.PatientSex, "", "none of its enumerated values"},
		{"too long", []*object.Element{object.Text(tag.StudyDescription, "LO", long)},
			dataset.StudyDescription, absent, "longer than 64 characters"},
		{"too long, but the patient's", []*object.Element{object.Text(tag.PatientID, "LO", long)},
			dataset.PatientID, long, "is carried byte for byte, though longer than 64 characters"},
		{"more values than one", []*object.Element{object.Text(tag.StudyDescription, "LO", "A", "B")},
			dataset.StudyDescription, absent, "more values than it may have"},
		{"in no character set that is named", []*object.Element{object.Raw(tag.StudyDescription, "LO", []byte("f\xfcr"))},
			dataset.StudyDescription, absent, "with characters"},
		{"in none, but the patient's", []*object.Element{object.Raw(tag.PatientName, "PN", []byte("M\xfcller"))},
			dataset.PatientName, "M\xfcller", "is carried byte for byte"},
		{"in the one that is named", []*object.Element{object.Text(tag.SpecificCharacterSet, "CS", "ISO_IR 100"),
			object.Raw(tag.StudyDescription, "LO", []byte("f\xfcr"))}, dataset.StudyDescription, "f\xfcr", ""},
		{"65 characters of two bytes each are 65", []*object.Element{object.Text(tag.SpecificCharacterSet, "CS", "ISO_IR 192"),
			object.Raw(tag.StudyDescription, "LO", []byte(strings.Repeat("ü", 64)))},
			dataset.StudyDescription, strings.Repeat("ü", 64), ""},
		{"an escape sequence without code extensions", []*object.Element{object.Raw(tag.StudyDescription, "LO", []byte("\x1b$B;3ED"))},
			dataset.StudyDescription, absent, "with characters"},
		{"a character set that is misspelt", []*object.Element{object.Raw(tag.SpecificCharacterSet, "CS", []byte("ISO-IR 100"))},
			dataset.SpecificCharacterSet, "ISO_IR 100", "misspelt"},
		{"a character set that nobody knows", []*object.Element{object.Raw(tag.SpecificCharacterSet, "CS", []byte("EBCDIC"))},
			dataset.SpecificCharacterSet, absent, "none of its defined terms"},
		{"NULs as padding", []*object.Element{object.Raw(tag.PatientID, "LO", []byte("471\x00"))}, dataset.PatientID, "471", ""},
		{"control characters", []*object.Element{object.Raw(tag.StudyDescription, "LO", []byte("a\r\nb "))},
			dataset.StudyDescription, absent, "with control characters"},
		{"line ends in comments",
			[]*object.Element{object.Raw(tag.PatientComments, "LT", []byte("a\r\nb "))}, dataset.PatientComments, "a\r\nb", ""},
		{"a code", []*object.Element{object.Sequence(tag.DeidentificationMethodCodeSequence, code("113100", "DCM", "Basic Profile"))},
			methods, "1 items", ""},
		{"a code without value, one without meaning, one whole", []*object.Element{object.Sequence(tag.DeidentificationMethodCodeSequence,
			code("", "DCM", "X"), code("1", "DCM", ""), code("113100", "DCM", "Basic Profile"))},
			methods, "1 items", "a code without its meaning"},
		{"codes without scheme only", []*object.Element{object.Sequence(tag.DeidentificationMethodCodeSequence,
			code("113100", "", "Basic Profile"))}, methods, absent, "a code without its scheme"},
		{"a private attribute in an item",
			[]*object.Element{object.Sequence(tag.OtherPatientIDsSequence, []*object.Element{object.Text(tag.PatientID, "LO", "1"),
				object.Text(tag.Tag{Group: 9, Element: 0x1001}, "LO", "x")})}, ids,
			"1 items", "in (0010,1002) is left out: a private attribute"},
		{"another ID that is none", []*object.Element{object.Sequence(tag.OtherPatientIDsSequence,
			[]*object.Element{object.Text(tag.IssuerOfPatientID, "LO", "1")})}, ids, absent, "another patient ID without the ID"},
		{"removed identity without a method", []*object.Element{object.Text(tag.PatientIdentityRemoved, "CS", "YES")},
			dataset.DeidentificationMethod, "Not said by the source images", ""},
		{"removed identity, whose method is none", []*object.Element{object.Text(tag.PatientIdentityRemoved, "CS", "YES"),
			object.Text(tag.DeidentificationMethodCodeSequence, "LO", "protocol 4")},
			dataset.DeidentificationMethod, "Not said by the source images", "a value where a sequence belongs"},
		{"a trial without a sponsor",
			[]*object.Element{object.Text(tag.ClinicalTrialProtocolID, "LO", "P"), object.Text(tag.ClinicalTrialSubjectID, "LO", "S")},
			dataset.ClinicalTrialSubjectID, absent, "of a clinical trial without sponsor"},
		{"an attribute of group 0012 that nobody knows", []*object.Element{object.Text(tag.Tag{Group: 0x12, Element: 0xF0}, "LO", "x")},
			dataset.NewTag(0x12, 0xF0), absent, "no attribute of the standard"},
		{"a body part in lower case",
			[]*object.Element{object.Text(tag.BodyPartExamined, "CS", "Chest")}, dataset.BodyPartExamined, "CHEST", "no value of VR CS"},
		{"a body part of which there are two",
			[]*object.Element{object.Text(tag.BodyPartExamined, "CS", "LUNG")}, dataset.Laterality, "", ""},
		{"a body part of which there is one",
			[]*object.Element{object.Text(tag.BodyPartExamined, "CS", "CHEST")}, dataset.Laterality, absent, ""},
		{"lossy ratio", []*object.Element{object.Text(tag.LossyImageCompression, "CS", "01"),
			object.Text(tag.LossyImageCompressionRatio, "DS", "about 10")}, dataset.LossyImageCompressionRatio, absent, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			source := sourceOf(t, dataset.ExplicitVRLittleEndian, c.source...)
			out := parse(t, build(t, objecttest.StudyOf(source, nil), object.Summary)).Set()
			info, err := tag.Find(tag.Tag{Group: c.tag.Group(), Element: c.tag.Element()})
			switch value, has := out.Bytes(c.tag); {
			case c.want == absent:
				if has {
					t.Errorf("value %q, want none", value)
				}
			case !has || err != nil || out.VR(c.tag) != info.VRs[0]:
				t.Errorf("present %v, VR %s, %v, want %v", has, out.VR(c.tag), err, info.VRs)
			case strings.HasSuffix(c.want, " items"):
				if n := len(out.Items(c.tag)); n != 1 {
					t.Errorf("%d items, want %s", n, c.want)
				}
			case strings.TrimRight(string(value), " ") != c.want:
				t.Errorf("value %q, want %q", value, c.want)
			}
			omissions, err := object.Omissions(source)
			if err != nil {
				t.Fatal(err)
			}
			said := ""
			for _, o := range omissions {
				said += o.String() + "\n"
			}
			if c.says == "" && said != "" || !strings.Contains(said, c.says) {
				t.Errorf("said:\n%swant %q", said, c.says)
			}
		})
	}
}

func TestDecimals(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`0.70\.8e0`, `0.70\.8e0`},
		{`-100.5\-200\+3.50`, `-100.5\-200\+3.50`},
		{`-123.456789012345678\0\ 1 `, `-123.45678901235\0\ 1 `},
		{"0.97656250000000001", "0.9765625"},
		{"1,5", ""},
		{"", ""},
		{"5 mm", ""},
	} {
		got := object.Decimals(c.text)
		if got != c.want {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
		for _, v := range strings.Split(got, `\`) {
			if len(v) > 16 {
				t.Errorf("%q: %q has %d characters", c.text, v, len(v))
			}
		}
	}
}
