package dicomout

import (
	"errors"
	"slices"
	"testing"

	"jcsnode/dataset"
	"jcsnode/dicomout/deliver"
	"jcsnode/dicomout/object"
)

func TestPreflight_Verdict(t *testing.T) {
	answer := func(kind object.Kind, class, text, remedy string) Offered {
		return Offered{kind, deliver.Answer{SOPClassUID: class, TransferSyntaxUID: dataset.ExplicitVRLittleEndian,
			Verdict: deliver.Verdict{Text: text, Remedy: remedy}}}
	}
	taken := answer(object.Summary, object.Summary.SOPClassUID, "", "")
	refused := answer(object.Segmentation, "", "peer does not accept the class", "enable it")
	for _, c := range []struct {
		name     string
		p        Preflight
		good     bool
		remedies []string
	}{
		{"all taken", Preflight{Offers: []Offered{taken}}, true, nil},
		{"nothing offered", Preflight{}, true, nil},
		{"two refused, one remedy", Preflight{Offers: []Offered{refused, taken, refused}}, false, []string{"enable it"}},
		{"no association", Preflight{NoAssociation: &deliver.Verdict{Text: "connection failed", Remedy: "start it"}}, false,
			[]string{"start it"}},
		{"no association, and nothing to do", Preflight{NoAssociation: &deliver.Verdict{}}, false, nil},
		{"no storage commitment", Preflight{
			Offers:          []Offered{taken},
			CommitmentAsked: true,
			Commitment:      errors.New("refused"),
		}, false, nil},
	} {
		if got := c.p.Remedies(); c.p.Good() != c.good || !slices.Equal(got, c.remedies) {
			t.Errorf("%s: good %v, remedies %q, want %v, %q", c.name, c.p.Good(), got, c.good, c.remedies)
		}
	}
	other := answer(object.LabelMap, object.SegmentationStorage, "", "")
	odd := answer(object.Summary, object.Summary.SOPClassUID, "", "")
	odd.Answer.TransferSyntaxUID = "1.2.3"
	for want, o := range map[string]Offered{
		"accepted, Explicit VR Little Endian":                                                 taken,
		"accepted as SOP class " + object.SegmentationStorage + ", Explicit VR Little Endian": other,
		"REFUSED: peer does not accept the class":                                             refused,
		"accepted, 1.2.3": odd,
	} {
		if o.String() != want {
			t.Errorf("%q, want %q", o.String(), want)
		}
	}
}
