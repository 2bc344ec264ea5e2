package main

import (
	"strings"
	"testing"

	"jcsnode/findings"
)

// Where the decision stands there stands what it says nothing about, and how easily it could be the other one.
func TestPrintFindings_Limits(t *testing.T) {
	var out strings.Builder
	printFindings(&out, &findings.Findings{
		StudyInstanceUID: "1.2",
		Decision:         &findings.Decision{Text: "negative: no slice is positive"},
		Cautions:         []string{"two more slices would be positive"},
		Limits:           []string{"only 100 of 300 mm of the stack was read"},
	})
	for _, want := range []string{
		"  NEGATIVE      no slice is positive\n  caution       two more slices would be positive\n",
		"  limit         only 100 of 300 mm of the stack was read\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
