package object

import (
	"slices"
	"strings"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dataset"
)

// groupClinicalTrial holds clinical trial and de-identification attributes.
const groupClinicalTrial = 0x0012

func trialTag(element uint16) dataset.Tag { return dataset.NewTag(groupClinicalTrial, element) }

// trialSubject is the Clinical Trial Subject module (PS3.3 C.7.1.3), which is there as a whole or not at all.
var trialSubject = []dataset.Tag{trialTag(0x10), trialTag(0x20), trialTag(0x21),
	trialTag(0x22), trialTag(0x23), trialTag(0x30), trialTag(0x31), trialTag(0x32),
	trialTag(0x40), trialTag(0x41), trialTag(0x42), trialTag(0x43), trialTag(0x81), trialTag(0x82)}

// clinicalTrial copies group 0012. What says that a patient's identity was removed keeps its reason, and a trial that has no sponsor,
// protocol or subject is none: the standard knows no such object, and whoever is to find it by one of them cannot.
func (c *copier) clinicalTrial() ([]*Element, error) {
	var wanted []attribute
	var last dataset.Tag
	for _, e := range c.set.Elements() {
		if e.Tag.Group() != groupClinicalTrial || e.Tag.Element() == 0 || e.Tag == last {
			continue
		}
		last = e.Tag
		if _, err := tag.Find(libraryTag(e.Tag)); err != nil {
			c.omit(e.Tag, "is left out: no attribute of the standard")
			continue
		}
		wanted = append(wanted, attribute{tag: e.Tag, sourceVR: e.VR})
	}
	elements, err := c.attributes(wanted)
	if err != nil {
		return nil, err
	}
	elements = completed(c.subject(elements), tag.ClinicalTrialTimePointID, 0x51, 0x52, 0x53, 0x54, 0x55, 0x83)
	elements = completed(elements, tag.ClinicalTrialCoordinatingCenterName, 0x71, 0x72, 0x73)
	return c.deidentification(elements), nil
}

// completed adds the attribute of type 2 of a module of which one of the others of group 0012 is there (PS3.3 C.7.2.3, C.7.3.2).
func completed(elements []*Element, must tag.Tag, others ...uint16) []*Element {
	there := func(t tag.Tag) bool {
		return slices.ContainsFunc(elements, func(e *Element) bool { return e.Tag == t })
	}
	if there(must) || !slices.ContainsFunc(others, func(element uint16) bool { return there(libraryTag(trialTag(element))) }) {
		return elements
	}
	return append(elements, Empty(must, "LO"))
}

// subject completes the Clinical Trial Subject module, or takes it out.
func (c *copier) subject(elements []*Element) []*Element {
	var own []tag.Tag
	for _, t := range trialSubject {
		if slices.ContainsFunc(elements, func(e *Element) bool { return e.Tag == libraryTag(t) }) {
			own = append(own, libraryTag(t))
		}
	}
	if len(own) == 0 {
		return elements
	}
	if !has(elements, tag.ClinicalTrialSponsorName) || !has(elements, tag.ClinicalTrialProtocolID) ||
		!has(elements, tag.ClinicalTrialSubjectID) && !has(elements, tag.ClinicalTrialSubjectReadingID) {
		for _, t := range own {
			c.omit(dataset.NewTag(t.Group, t.Element), "is left out: of a clinical trial without sponsor, protocol or subject")
		}
		return without(elements, own...)
	}
	for _, t := range []tag.Tag{tag.ClinicalTrialProtocolName, tag.ClinicalTrialSiteID, tag.ClinicalTrialSiteName} { // of type 2
		if !slices.Contains(own, t) {
			elements = append(elements, Empty(t, "LO"))
		}
	}
	// An approval is that of a committee, which is named for its approval.
	committee, approval := tag.ClinicalTrialProtocolEthicsCommitteeName, tag.ClinicalTrialProtocolEthicsCommitteeApprovalNumber
	if !has(elements, committee) || !has(elements, approval) {
		elements = without(elements, committee, approval)
	}
	for _, t := range []tag.Tag{tag.ClinicalTrialSubjectID, tag.ClinicalTrialSubjectReadingID} { // one of them may lack, none be empty
		if !has(elements, t) {
			elements = without(elements, t)
		}
	}
	return elements
}

// deidentification gives a method to an identity that was removed by none that is said (PS3.3 C.7.1.1: one of both is of type 1 then).
func (c *copier) deidentification(elements []*Element) []*Element {
	removed := slices.ContainsFunc(elements, func(e *Element) bool {
		values, _ := e.Value.GetValue().([]string)
		return e.Tag == tag.PatientIdentityRemoved && strings.Trim(strings.Join(values, ""), " ") == "YES"
	})
	if !has(elements, tag.DeidentificationMethod) {
		elements = without(elements, tag.DeidentificationMethod)
		if removed && !slices.ContainsFunc(elements, func(e *Element) bool { return e.Tag == tag.DeidentificationMethodCodeSequence }) {
			elements = append(elements, Text(tag.DeidentificationMethod, "LO", "Not said by the source images"))
		}
	}
	return elements
}
