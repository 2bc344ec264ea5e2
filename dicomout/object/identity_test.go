package object

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"jcsnode/findings"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"
	"pgregory.net/rapid"
)

func TestImplementationClassUID_IsDerived(t *testing.T) {
	if got := deriveUID("implementation", "1"); got != ImplementationClassUID {
		t.Fatalf("deriveUID gives %q, the constant is %q", got, ImplementationClassUID)
	}
}

// TestUID_NeverChanges pins one UID: if this fails, every study that is delivered again arrives as a second set of objects.
func TestUID_NeverChanges(t *testing.T) {
	s := &Study{StudyInstanceUID: "1.2", InputDigest: "ab", Models: []Model{{SHA256: "cd"}}, Settings: "x"}
	if got, want := s.InstanceUID(Segmentation), "2.25.23929274252506017208021570705133854299"; got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
}

func TestUID_DependsOnEveryPart(t *testing.T) {
	base := func() *Study {
		return &Study{StudyInstanceUID: "1.2", InputDigest: "ab", Models: []Model{{SHA256: "cd"}}, Settings: "x"}
	}
	seen := map[string]string{}
	for name, uid := range map[string]string{
		"base":     base().InstanceUID(Segmentation),
		"series":   base().SeriesUID(Segmentation),
		"kind":     base().InstanceUID(Outline),
		"part":     base().InstanceUID(Segmentation, "1.2.3"),
		"study":    func() string { s := base(); s.StudyInstanceUID = "1.3"; return s.InstanceUID(Segmentation) }(),
		"digest":   func() string { s := base(); s.InputDigest = "ac"; return s.InstanceUID(Segmentation) }(),
		"model":    func() string { s := base(); s.Models[0].SHA256 = "ce"; return s.InstanceUID(Segmentation) }(),
		"settings": func() string { s := base(); s.Settings = "y"; return s.InstanceUID(Segmentation) }(),
	} {
		if other, twice := seen[uid]; twice {
			t.Errorf("%s and %s have the same UID %s", name, other, uid)
		}
		seen[uid] = name
	}
	s := base()
	s.Revision, s.SoftwareVersion = 2, "9"
	if s.InstanceUID(Segmentation) != base().InstanceUID(Segmentation) {
		t.Error("UID depends on more than its tuple")
	}
}

func TestDeriveUID_IsValidAndPartsDoNotMix(t *testing.T) {
	valid := regexp.MustCompile(`^2\.25\.[1-9][0-9]*$`)
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOfN(rapid.String(), 1, 4).Draw(t, "a")
		b := rapid.SliceOfN(rapid.String(), 1, 4).Draw(t, "b")
		uid := deriveUID(a...)
		if !valid.MatchString(uid) || len(uid) > 44 {
			t.Fatalf("%q is not a UID under 2.25", uid)
		}
		same := len(a) == len(b)
		for i := 0; same && i < len(a); i++ {
			same = a[i] == b[i]
		}
		if (uid == deriveUID(b...)) != same {
			t.Fatalf("%q and %q: same UID %v", a, b, !same)
		}
	})
}

func TestFrameOfReference_DerivedWhenAbsent(t *testing.T) {
	s := &Study{StudyInstanceUID: "1.2", SeriesInstanceUID: "1.2.3"}
	if uid, derived := s.FrameOfReference(); !derived || !strings.HasPrefix(uid, "2.25.") {
		t.Errorf("got %q, %v, want a derived UID", uid, derived)
	}
	s.FrameOfReferenceUID = "1.9"
	if uid, derived := s.FrameOfReference(); derived || uid != "1.9" {
		t.Errorf("got %q, %v, want the source's", uid, derived)
	}
}

func TestInstanceNumber(t *testing.T) {
	for _, c := range []struct {
		name    string
		numbers []int
		want    []int
	}{
		{"unique", []int{3, 2, 1}, []int{3, 2, 1}},
		{"twice", []int{3, 3, 1}, []int{1, 2, 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &Study{}
			for _, n := range c.numbers {
				s.Slices = append(s.Slices, SourceImage{InstanceNumber: n})
			}
			for i, want := range c.want {
				if got := s.InstanceNumber(i); got != want {
					t.Errorf("slice %d: got %d, want %d", i, got, want)
				}
			}
		})
	}
}

func TestModel_Weights(t *testing.T) {
	for status, want := range map[string]string{"trained": "trained", "altered": "altered", "": "unknown"} {
		if got := (Model{Name: "a", Status: status}).Weights(); got != want {
			t.Errorf("%q: got %q, want %q", status, got, want)
		}
	}
	if got := (&Study{Models: []Model{{Name: "a", Status: "trained"}}}).Notice(); got != findings.Notice {
		t.Errorf("notice of a trained network: %q", got)
	}
}

func TestDecimal_FitsAndReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Float64Range(-1e12, 1e12).Draw(t, "v")
		text := Decimal(v)
		got, err := strconv.ParseFloat(text, 64)
		if err != nil || len(text) > 16 {
			t.Fatalf("%v gives %q", v, text)
		}
		if diff := got - v; diff > 1e-8*max(1, v, -v) || -diff > 1e-8*max(1, v, -v) {
			t.Fatalf("%v gives %q, off by %v", v, text, diff)
		}
	})
	for v, want := range map[float64]string{2: "2", 0.5: "0.5", -1250: "-1250", 1.0 / 3: "0.33333333333333"} {
		if got := Decimal(v); got != want {
			t.Errorf("Decimal(%v) = %q, want %q", v, got, want)
		}
	}
}

func TestASCII(t *testing.T) {
	for in, want := range map[string]string{
		"plain":     "plain",
		"Müller\\x": "M?ller?x",
		" ends ~ ":  "ends ?",
		"123456789": "12345678",
		"a\nb":      "a?b",
	} {
		if got := ASCII(in, 8); got != want {
			t.Errorf("ASCII(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestReferences_OfAMultiFrameSource(t *testing.T) {
	s := Study{SeriesInstanceUID: "1.2.3"}
	frames := []SourceImage{{SOPClassUID: "1.1", SOPInstanceUID: "1.2.3.4", Frame: 1},
		{SOPClassUID: "1.1", SOPInstanceUID: "1.2.3.4", Frame: 2}}
	if got := countTag(s.ReferencedSeries(frames), tag.ReferencedSOPInstanceUID); got != 1 {
		t.Errorf("the instance of two frames is referenced %d times, want once", got)
	}
	if got := countTag(SourceImages(frames...), tag.ReferencedFrameNumber); got != 2 {
		t.Errorf("%d frame numbers in the source images, want 2", got)
	}
	if got := countTag(SourceImages(SourceImage{SOPClassUID: "1.1", SOPInstanceUID: "1.2.3.4"}), tag.ReferencedFrameNumber); got != 0 {
		t.Errorf("%d frame numbers for a single-frame source, want none", got)
	}
}

// countTag counts the elements with the tag in and below the element.
func countTag(e *Element, t tag.Tag) int {
	n := 0
	if e.Tag == t {
		n++
	}
	items, ok := e.Value.GetValue().([]*dicom.SequenceItemValue)
	if !ok {
		return n
	}
	for _, item := range items {
		for _, inner := range item.GetValue().([]*Element) {
			n += countTag(inner, t)
		}
	}
	return n
}
