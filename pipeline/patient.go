package pipeline

import (
	"slices"

	"jcsnode/pipeline/ct"
)

// Source is the slice whose patient and study the objects have: the first of those that were read, or else of all slices of CT that
// came, or else whatever can be read. Where they disagree in patient or order, it is the first of those that say what the one that
// came last says. It returns nil if nothing can be read.
func (x *Examination) Source() *ct.Header {
	var all []*ct.Header
	if x.Volume != nil {
		for i := range x.Volume.Slices {
			all = append(all, &x.Volume.Slices[i].Header)
		}
		return ct.Speaker(all)
	}
	for _, passed := range []func(*ct.Refusal) bool{
		func(r *ct.Refusal) bool { return r == nil || r.Code != ct.CodeUnreadable && r.Code != ct.CodeNotOurs },
		func(r *ct.Refusal) bool { return r == nil || r.Code != ct.CodeUnreadable },
	} {
		for i := range x.Headers {
			if passed(x.Headers[i].Refusal) {
				all = append(all, &x.Headers[i])
			}
		}
		if len(all) > 0 {
			return ct.Speaker(all)
		}
	}
	return nil
}

// differ tells whether slices that were read disagree in the patient's name, birth date or sex, or in issuer or accession number.
func (x *Examination) differ() bool {
	return slices.ContainsFunc(x.Volume.Slices, func(s ct.Slice) bool { return s.Header.Person != x.Volume.Slices[0].Header.Person })
}
