package object

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"jcsnode/dataset"
)

// rule is what PS3.5 table 6.2-1 asks of each value of a VR that holds text.
type rule struct {
	single  bool           // a backslash is a character, not a separator
	longest int            // characters of a value, 0 = any number; of PN, of a component group
	form    *regexp.Regexp // of a value without the spaces around it, nil = any text
}

var rules = map[string]rule{
	"AE": {longest: 16, form: regexp.MustCompile(`^[ -\[\]-~]*$`)},
	"AS": {longest: 4, form: regexp.MustCompile(`^[0-9]{3}[DWMY]$`)},
	"CS": {longest: 16, form: regexp.MustCompile(`^[A-Z0-9 _]*$`)},
	"DA": {longest: 8, form: regexp.MustCompile(`^[0-9]{4}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])$`)},
	"DS": {longest: 16, form: regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)},
	"DT": {longest: 26, form: regexp.MustCompile(`^[0-9]{4}((0[1-9]|1[0-2])((0[1-9]|[12][0-9]|3[01])` +
		`(([01][0-9]|2[0-3])([0-5][0-9](([0-5][0-9]|60)(\.[0-9]{1,6})?)?)?)?)?)?([+-][0-9]{4})?$`)},
	"IS": {longest: 12, form: regexp.MustCompile(`^[+-]?[0-9]+$`)},
	"LO": {longest: 64},
	"LT": {longest: 10240, single: true},
	"PN": {longest: 64},
	"SH": {longest: 16},
	"ST": {longest: 1024, single: true},
	"TM": {longest: 14, form: regexp.MustCompile(`^([01][0-9]|2[0-3])([0-5][0-9](([0-5][0-9]|60)(\.[0-9]{1,6})?)?)?$`)},
	"UC": {},
	"UI": {longest: 64, form: regexp.MustCompile(`^(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*$`)},
	"UR": {single: true, form: regexp.MustCompile(`^[!-~]*$`)},
	"UT": {single: true},
}

// units are the bytes of a number of the VRs that hold such.
var units = map[string]int{"AT": 4, "FD": 8, "FL": 4, "OB": 1, "OD": 8, "OF": 4, "OL": 4,
	"OV": 8, "OW": 2, "SL": 4, "SS": 2, "SV": 8, "UL": 4, "US": 2, "UV": 8}

// invalid says why a value cannot be one of the VR with so many values at most (0: any number), "" if it can. The character set is that
// of the data set. Empty values are valid: whether one may be missing is another question.
func invalid(vr string, most int, value []byte, charset []string) string {
	if unit, ok := units[vr]; ok {
		if len(value)%unit != 0 {
			return fmt.Sprintf("%d bytes are no values of VR %s", len(value), vr)
		}
		if most > 0 && len(value) > most*unit && vr[0] != 'O' { // a stream is one value
			return "more values than it may have"
		}
		return ""
	}
	r, ok := rules[vr]
	if !ok {
		return "of VR " + vr + ", which is not copied"
	}
	if len(value) > longestShort && !slices.Contains([]string{"UC", "UR", "UT"}, vr) {
		return "longer than its VR can be"
	}
	text := dataset.DecodeText(charset, value, vr)
	extended := slices.ContainsFunc(charset, func(term string) bool { return strings.HasPrefix(term, "ISO 2022") })
	if strings.ContainsRune(text, utf8.RuneError) || !extended && bytes.ContainsRune(value, 0x1b) {
		return "with characters that its character set does not have"
	}
	if control := "\t\n\f\r"; strings.ContainsAny(text, control[:1]) || (!r.single || r.form != nil) && strings.ContainsAny(text, control) {
		return "with control characters"
	}
	values := []string{text}
	if !r.single {
		values = splitValues(text, charset)
	}
	if most > 0 && len(values) > most {
		return "more values than it may have"
	}
	for _, v := range values {
		if why := r.judge(vr, v); why != "" {
			return why
		}
	}
	return ""
}

// longestShort is the longest value whose length fits into 16 bits, an even number.
const longestShort = 0xfffe

// splitValues splits decoded text at the backslash, which ISO-IR 14 shows as a yen sign.
func splitValues(text string, charset []string) []string {
	romaji := len(charset) > 0 && strings.HasSuffix(charset[0], "13")
	var values []string
	begin := 0
	for i, c := range text {
		if c == '\\' || romaji && c == '¥' {
			values = append(values, text[begin:i])
			begin = i + utf8.RuneLen(c)
		}
	}
	return append(values, text[begin:])
}

// judge says why one value does not keep to the rule.
func (r rule) judge(vr, value string) string {
	if vr == "PN" {
		groups := strings.Split(value, "=")
		if len(groups) > 3 {
			return "with more than three component groups"
		}
		for _, g := range groups {
			if strings.Count(g, "^") > 4 {
				return "with more than five components"
			}
			if utf8.RuneCountInString(g) > r.longest {
				return fmt.Sprintf("longer than %d characters", r.longest)
			}
		}
		return ""
	}
	if r.longest > 0 && utf8.RuneCountInString(value) > r.longest {
		return fmt.Sprintf("longer than %d characters", r.longest)
	}
	bare := strings.Trim(value, " ")
	if bare == "" || r.form == nil {
		return ""
	}
	if !r.form.MatchString(bare) {
		return "no value of VR " + vr
	}
	if vr == "IS" {
		if _, err := strconv.ParseInt(bare, 10, 32); err != nil {
			return "no value of VR IS"
		}
	}
	return ""
}

// unpadded drops what pads a value and cannot be valid: NULs behind text, spaces behind UIDs.
func unpadded(vr string, value []byte) []byte {
	switch {
	case vr == "UI":
		return bytes.TrimRight(value, " \x00")
	case rules[vr].longest > 0 || rules[vr].single || vr == "UC":
		return bytes.TrimRight(value, "\x00")
	}
	return value
}

// Decimals returns the values of a DS as they stand in a file, with backslashes, where they are valid; one of more than 16 characters,
// which some scanners write, is written again, as exact as fits. A text that holds no numbers gives "".
func Decimals(text string) string {
	values := strings.Split(text, `\`)
	for i, v := range values {
		if rules["DS"].judge("DS", v) == "" && strings.Trim(v, " ") != "" {
			continue
		}
		number, err := strconv.ParseFloat(strings.Trim(v, " \x00"), 64)
		if err != nil {
			return ""
		}
		values[i] = Decimal(number)
	}
	return strings.Join(values, `\`)
}
