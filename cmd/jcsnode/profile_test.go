package main

import (
	"context"
	"fmt"
	"image"
	"slices"
	"strings"
	"testing"

	"jcsnode/config"
	"jcsnode/pipeline"
	"jcsnode/pipeline/ct"
)

// Every name that the configuration knows is a kind of object of its own, which people are told by that name.
func TestProfileOf_EveryName(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range config.ObjectNames() {
		kinds := profileOf(config.Destination{Objects: []string{name}}).Kinds()
		if len(kinds) != 1 || seen[kinds[0].Name] {
			t.Errorf("%s gives %s", name, kindNames(kinds))
		} else {
			seen[kinds[0].Name] = true
		}
		if got := kindNames(kinds); got != name && got != name+"-alone" { // a report by itself has another form
			t.Errorf("%s is called %s", name, got)
		}
	}
}

// site is a configuration with a PACS, a research archive that wants other forms and nothing of studies that were not read, and a
// reading room.
func site() config.Config {
	c := config.Default()
	for _, name := range []string{"pacs", "research", "reading"} {
		d := config.DefaultDestination()
		d.Name = name
		c.Destinations = append(c.Destinations, d)
	}
	research, reading := &c.Destinations[1], &c.Destinations[2]
	research.Objects, research.LabelMap, research.MultiFrame, research.NotProcessed = []string{"segmentation", "report", "activation"}, true, true, false
	reading.Objects = []string{"summary", "segmentation", "report"}
	return c
}

// made counts the objects of each kind and names where they go: "summary 1 to pacs, reading".
func made(t *testing.T, m *objectMaker, x *pipeline.Examination) []string {
	t.Helper()
	counts, where := map[string]int{}, map[string]string{}
	uids := map[string]bool{}
	err := m.build(context.Background(), x, greyIdentity(x), func(o pipeline.Made, _ image.Image) error {
		if uids[o.SOPInstanceUID] {
			t.Errorf("%s %s was made twice", o.Kind, o.SOPInstanceUID)
		}
		uids[o.SOPInstanceUID] = true
		counts[o.Kind]++
		where[o.Kind] = strings.Join(o.Destinations, ", ")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, kind := range sorted(counts) {
		lines = append(lines, fmt.Sprintf("%s %d to %s", kind, counts[kind], where[kind]))
	}
	return lines
}

func TestObjectMaker_OneObjectForAllThatWantIt(t *testing.T) {
	x, m := greyStudy(t, site())
	want := []string{"activation 24 to pacs", "activation-multiframe 1 to research", "labelmap 1 to research", "outline 24 to pacs",
		"report 1 to reading", "report-alone 1 to research", "seg 1 to pacs, reading", "summary 1 to pacs, reading"}
	if got := made(t, m, x); !slices.Equal(got, want) {
		t.Errorf("made\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	// Of a study that could not be read there is the reason, for those who want it.
	x.Refusal = &ct.Refusal{Code: "no-axial-series", Text: "no axial series"}
	want = []string{"report 1 to reading", "summary 1 to pacs, reading"}
	if got := made(t, m, x); !slices.Equal(got, want) {
		t.Errorf("not read: made %q, want %q", got, want)
	}
	m.config.Destinations = m.config.Destinations[1:2]
	if got := made(t, m, x); len(got) != 0 {
		t.Errorf("not read, and nobody wants to know: made %q", got)
	}
	m.config.Destinations = nil
	if got := made(t, m, x); !slices.Equal(got, []string{"summary 1 to "}) {
		t.Errorf("without a destination: made %q", got)
	}
}
