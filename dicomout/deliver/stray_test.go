package deliver_test

import (
	"strings"
	"testing"

	"jcsnode/dicomout/object"
	"jcsnode/dicomout/object/objecttest"
)

// A peer that answers success for another instance, or another class, has not said that it has ours. The others are not concerned.
func TestSend_AnswerForAnotherObject(t *testing.T) {
	python := objecttest.Python(t, "pynetdicom")
	for _, c := range []struct{ element, value, says string }{
		{"AffectedSOPInstanceUID", "1.2.3.1", `for another object than was sent, SOP instance "1.2.3.1"`},
		{"AffectedSOPClassUID", object.SegmentationStorage, `for another object than was sent, SOP class "` + object.SegmentationStorage},
	} {
		t.Run(c.element, func(t *testing.T) {
			address := startPeer(t, python, func(port string) []string {
				return []string{"testdata/stray.py", port, c.element, c.value, ".2"}
			})
			lines, outcomes, err := send(t, destination(address), items(t, object.Summary, 3))
			if err != nil {
				t.Fatal(err)
			}
			wantLines(t, lines, "1 sent, never, tried", "2 temporary, few, tried", "3 sent, never, tried")
			if o := outcomes[1]; !o.Answered || !strings.Contains(o.Text, c.says) || o.Remedy == "" {
				t.Errorf("outcome %+v, want text with %s and a remedy", o, c.says)
			}
		})
	}
}
