package ct

import (
	"encoding/hex"
	"sort"
	"strconv"
	"strings"
	"unique"

	"jcsnode/dataset"
)

// Value is a short value of an element, as text. What tells two scans in one series apart may be any element.
type Value struct {
	Tag  dataset.Tag
	Text string // values as in the file, less padding; hexadecimal where they are of an unknown kind
}

const (
	longestShort = 128    // bytes of a value that is kept
	mostValues   = 4096   // of one instance; a CT image has some hundred elements
	patientGroup = 0x0010 // Patient's; the same in all slices, and never a reason
)

// valuesOf lists the short values of a data set, by tag. Values that name an instance or place it are left out.
func valuesOf(set *dataset.Set) []Value {
	var out []Value
	for _, e := range set.Elements() {
		if v, ok := shortValue(set, e); ok && len(out) < mostValues {
			out = append(out, Value{e.Tag, unique.Make(v).Value()}) // most slices of a series say the same
		}
	}
	return out
}

// valuesOfGroups lists the short values of the first item of each functional group.
func valuesOfGroups(groups *dataset.Set) []Value {
	if groups == nil {
		return nil
	}
	var out []Value
	for _, e := range groups.Elements() {
		switch e.Tag {
		case dataset.PlanePositionSequence, dataset.PlaneOrientationSequence, dataset.ConversionSourceAttributesSequence:
			continue
		}
		if items := groups.Items(e.Tag); len(items) > 0 && len(out) < mostValues {
			out = append(out, valuesOf(items[0])...)
		}
	}
	return byTag(out)
}

func byTag(values []Value) []Value {
	sort.SliceStable(values, func(i, j int) bool { return values[i].Tag < values[j].Tag })
	return values
}

func shortValue(s *dataset.Set, e dataset.Element) (string, bool) {
	t := e.Tag
	switch {
	case t.Group() < 8, t.Group() == patientGroup, t.Group() >= 0x7FE0, t.Element() == 0, t.Private() && t.Element() <= 0xFF:
		return "", false
	case t == dataset.SOPInstanceUID, t == dataset.ImagePositionPatient, t == dataset.SliceLocation, t == dataset.InstanceNumber,
		t == dataset.DimensionIndexValues, t == dataset.InStackPositionNumber:
		return "", false
	case e.Length <= 0 || e.Length > longestShort:
		return "", false
	}
	switch s.VR(t) {
	case "SQ", "OB", "OW", "OF", "OD", "OL", "OV", "PN":
		return "", false
	case "US", "SS", "UL", "SL":
		if v, err := s.Int(t); err == nil {
			return strconv.Itoa(v), true
		}
	case "FL", "FD":
		if v, err := s.Floats(t); err == nil {
			var all []string
			for _, f := range v {
				all = append(all, strconv.FormatFloat(f, 'g', -1, 64))
			}
			return strings.Join(all, `\`), true
		}
	}
	b, ok := s.Bytes(t)
	if !ok {
		return "", false
	}
	v := strings.Trim(string(b), " \x00")
	if v != printable(v) && len(v) <= 32 || strings.ContainsFunc(v, func(r rune) bool { return r < ' ' }) {
		v = hex.EncodeToString(b)
	}
	return v, v != ""
}

// value is the first value kept of a tag, "" if there is none.
func (h *Header) value(t dataset.Tag) string {
	i := sort.Search(len(h.Values), func(i int) bool { return h.Values[i].Tag >= t })
	if i == len(h.Values) || h.Values[i].Tag != t {
		return ""
	}
	return h.Values[i].Text
}

// number is the first number of an element.
func (h *Header) number(t dataset.Tag) (float64, bool) {
	first, _, _ := strings.Cut(h.value(t), `\`)
	v, err := parseDecimal(first)
	return v, err == nil
}

// clock is the time that a date and a time say, or one element with both (date 0), as a number that rises with it: of DA, TM and DT
// the digits, with zeros for what is left out behind.
func (h *Header) clock(date, time dataset.Tag) (float64, bool) {
	digits := strings.NewReplacer(":", "", "-", "")
	text, _, _ := strings.Cut(h.value(time), "+")
	whole, fraction, _ := strings.Cut(digits.Replace(text), ".")
	if whole == "" {
		return 0, false
	}
	for len(whole) < 6 || date == 0 && len(whole) < 14 {
		whole += "0"
	}
	v, err := parseDecimal(strings.ReplaceAll(h.value(date), ".", "") + whole + "." + fraction)
	return v, err == nil
}
