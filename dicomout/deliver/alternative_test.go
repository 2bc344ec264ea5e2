package deliver_test

import (
	"strings"
	"testing"

	"jcsnode/dataset"
	"jcsnode/dicomout/deliver"
	"jcsnode/dicomout/object"
)

// withAlternative is one item of the first kind that has another form of the second.
func withAlternative(t *testing.T) deliver.Item {
	item, other := items(t, object.LabelMap, 1)[0], items(t, object.Segmentation, 2)[1]
	item.Alternative = &other
	return item
}

func TestSend_AlternativeForAPeerThatDoesNotKnowTheClass(t *testing.T) {
	for _, c := range []struct {
		name, refused string
		syntaxes      []string
		class         string // that arrives, "" if none does
		text          string
	}{
		{"knows the class", "", nil, object.LabelMapSegmentationStorage, "stored"},
		{"knows the other form alone", object.LabelMapSegmentationStorage, nil, object.SegmentationStorage,
			"instance 1.2.3.2: peer does not accept SOP class " + object.LabelMapSegmentationStorage},
		{"knows the class alone", object.SegmentationStorage, nil, object.LabelMapSegmentationStorage, "stored"},
		{"knows no syntax of ours", "", []string{dataset.JPEGBaseline8Bit}, "",
			"does not accept our transfer syntaxes for SOP class " + object.LabelMapSegmentationStorage},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &peer{refused: c.refused, syntaxes: c.syntaxes}
			_, outcomes, err := send(t, p.serve(t), []deliver.Item{withAlternative(t)})
			if err != nil || len(outcomes) != 1 {
				t.Fatalf("%d outcomes, %v", len(outcomes), err)
			}
			o := outcomes[0]
			if o.Item.ID != 1 || o.Item.SOPClassUID != object.LabelMapSegmentationStorage || !strings.Contains(o.Text, c.text) {
				t.Errorf("outcome of item %d, class %s: %q, want %q", o.Item.ID, o.Item.SOPClassUID, o.Text, c.text)
			}
			if o.Alternative != (c.class == object.SegmentationStorage) {
				t.Errorf("alternative %v, arrived class %q", o.Alternative, c.class)
			}
			if c.class == "" {
				if len(p.received) != 0 || o.Result != deliver.Permanent {
					t.Errorf("%d received, result %s", len(p.received), o.Result)
				}
				return
			}
			if len(p.received) != 1 || p.received[0].class != c.class || o.Result != deliver.Sent {
				t.Errorf("received %+v, result %s", p.received, o.Result)
			}
		})
	}
}
