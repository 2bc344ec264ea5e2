package object

import (
	"regexp"
	"slices"
	"strings"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dataset"
)

// characterSets are the defined terms of Specific Character Set (PS3.3 C.12.1.1.2), and the name of the default, which some write.
var characterSets = strings.Split("|ISO_IR 6|ISO_IR 100|ISO_IR 101|ISO_IR 109|ISO_IR 110|ISO_IR 144|ISO_IR 127|ISO_IR 126|ISO_IR 138|"+
	"ISO_IR 148|ISO_IR 203|ISO_IR 13|ISO_IR 166|ISO_IR 192|GB18030|GBK|ISO 2022 IR 6|ISO 2022 IR 100|ISO 2022 IR 101|"+
	"ISO 2022 IR 109|ISO 2022 IR 110|ISO 2022 IR 144|ISO 2022 IR 127|ISO 2022 IR 126|ISO 2022 IR 138|ISO 2022 IR 148|"+
	"ISO 2022 IR 203|ISO 2022 IR 13|ISO 2022 IR 166|ISO 2022 IR 87|ISO 2022 IR 159|ISO 2022 IR 149|ISO 2022 IR 58", "|")

// misspelt are the terms as they should not be written.
var misspelt = regexp.MustCompile(`^ISO[ _-]?(2022)?[ _-]?IR[ _-]?([0-9]+)$`)

// term returns the defined term that a value must mean, or the value.
func term(value string) string {
	upper := strings.ToUpper(value)
	if upper == "UTF-8" || upper == "UTF8" || upper == "UTF_8" {
		return "ISO_IR 192"
	}
	m := misspelt.FindStringSubmatch(upper)
	if m == nil {
		return value
	}
	prefix := "ISO_IR "
	if m[1] != "" {
		prefix = "ISO 2022 IR "
	}
	if right := prefix + m[2]; slices.Contains(characterSets, right) {
		return right
	}
	return value
}

// charsetOf returns the character set of a set as it must be meant, or the one around it (PS3.3 C.12.1.1.2).
func charsetOf(set *dataset.Set, around []string) []string {
	if !set.Has(dataset.SpecificCharacterSet) {
		return around
	}
	terms := set.Strings(dataset.SpecificCharacterSet)
	for i, t := range terms {
		terms[i] = term(t)
	}
	return terms
}

// characterSet copies Specific Character Set. A term that nobody knows is left out: readers that meet one read nothing.
func (c *copier) characterSet() (*Element, error) {
	if len(c.set.Items(dataset.SpecificCharacterSet)) > 0 || c.set.VR(dataset.SpecificCharacterSet) == "SQ" {
		c.omit(dataset.SpecificCharacterSet, "is left out: a sequence where a value belongs")
		return nil, nil
	}
	value, err := c.value(dataset.SpecificCharacterSet)
	if value == nil || err != nil {
		return nil, err
	}
	if slices.ContainsFunc(c.charset, func(t string) bool { return !slices.Contains(characterSets, t) }) {
		c.omit(dataset.SpecificCharacterSet, "is left out: none of its defined terms")
		return nil, nil
	}
	if text := strings.Join(c.charset, `\`); text != strings.Join(c.set.Strings(dataset.SpecificCharacterSet), `\`) {
		c.omit(dataset.SpecificCharacterSet, "is carried as it must be meant: misspelt")
		return Text(tag.SpecificCharacterSet, "CS", c.charset...), nil
	}
	return Raw(tag.SpecificCharacterSet, "CS", unpadded("CS", value)), nil
}
