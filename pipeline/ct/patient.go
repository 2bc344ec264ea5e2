package ct

import (
	"strings"

	"jcsnode/dataset"
)

// Person is what a slice says of its patient and its order beside PatientID, as text that can be compared: another value is a correction,
// not another patient. The issuer is that of the slice itself, see shareIssuers.
type Person struct{ Name, BirthDate, Sex, Issuer, AccessionNumber string }

// patient names whose slice it is: PatientID with its issuer.
type patient [2]string

func (h *Header) patient() patient { return patient{h.PatientID, h.IssuerOfPatientID} }

// readPatient fills in whose slice it is.
func (h *Header) readPatient(set *dataset.Set) {
	h.PatientID, h.IssuerOfPatientID = plain(set, dataset.PatientID), plain(set, dataset.IssuerOfPatientID)
	h.Person = Person{
		Name:            personName(plain(set, dataset.PatientName)),
		BirthDate:       plain(set, dataset.PatientBirthDate),
		Sex:             plain(set, dataset.PatientSex),
		Issuer:          h.IssuerOfPatientID,
		AccessionNumber: plain(set, dataset.AccessionNumber),
	}
}

// plain is the text of an element as PS3.5 6.2 has it compared: decoded, so that one text in two character sets is one text, and
// without the spaces at both ends, which mean nothing, nor NULs, with which some pad. Text that its character set cannot
// explain stays as its bytes: otherwise two such texts would look alike.
func plain(set *dataset.Set, t dataset.Tag) string {
	text := set.Text(t)
	if strings.ContainsRune(text, '\uFFFD') {
		b, _ := set.Bytes(t)
		text = string(b)
	}
	return strings.Trim(text, " \x00")
}

// personName drops what means nothing in a person name: component groups and components that are empty at the end, and spaces around
// each (PS3.5 6.2.1).
func personName(text string) string {
	groups := strings.Split(text, "=")
	for i, g := range groups {
		components := strings.Split(g, "^")
		for k, c := range components {
			components[k] = strings.Trim(c, " \x00")
		}
		groups[i] = strings.TrimRight(strings.Join(components, "^"), "^")
	}
	return strings.TrimRight(strings.Join(groups, "="), "=")
}

// shareIssuers gives the issuer to slices that name none, where all others of the same study and PatientID name one and the same: who
// leaves it out does not say that it is somebody else's.
func shareIssuers(headers []Header) {
	const several = "\x00"
	type id struct{ study, patient string }
	issuers := map[id]string{}
	for i := range headers {
		h := &headers[i]
		k := id{h.StudyInstanceUID, h.PatientID}
		switch known := issuers[k]; {
		case h.PatientID == "" || h.IssuerOfPatientID == "" || known == h.IssuerOfPatientID:
		case known == "":
			issuers[k] = h.IssuerOfPatientID
		default:
			issuers[k] = several
		}
	}
	for i := range headers {
		h := &headers[i]
		if issuer := issuers[id{h.StudyInstanceUID, h.PatientID}]; h.IssuerOfPatientID == "" && issuer != several {
			h.IssuerOfPatientID = issuer
		}
	}
}

// Speaker is the header whose patient and order count: the first of those that say what the one that came last says. It is nil without
// headers.
func Speaker(headers []*Header) *Header {
	if len(headers) == 0 {
		return nil
	}
	last := headers[0]
	for _, h := range headers {
		if h.Order > last.Order {
			last = h
		}
	}
	for _, h := range headers {
		if h.patient() == last.patient() && h.Person == last.Person {
			return h
		}
	}
	return last
}
