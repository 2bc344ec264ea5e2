package ct

import (
	"testing"

	"jcsnode/dataset"
)

// What a slice says names it; what it is carried in does not.
func TestReadHeaders_Digest(t *testing.T) {
	digest := func(change func(elements)) string {
		e := slice()
		if change != nil {
			change(e)
		}
		h := e.headers(t)[0].Digest
		return string(h[:])
	}
	plain := digest(nil)
	for name, tt := range map[string]struct {
		change func(elements)
		same   bool
	}{
		"nothing":               {nil, true},
		"a corrected name":      {func(e elements) { e[dataset.PatientName] = value("PN", "Right^Name") }, false},
		"another position":      {func(e elements) { e[dataset.ImagePositionPatient] = value("DS", `-1\\-1\\7`) }, false},
		"a private element":     {func(e elements) { e[dataset.NewTag(0x0009, 0x0010)] = value("LO", "PACS") }, true},
		"an element left empty": {func(e elements) { e[dataset.PatientComments] = value("LT", "") }, false},
	} {
		if same := digest(tt.change) == plain; same != tt.same {
			t.Errorf("%s: same digest %v, want %v", name, same, tt.same)
		}
	}
}
