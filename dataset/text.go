package dataset

import (
	"bytes"
	"strings"
	"unicode"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// Text returns the value of a text element decoded by the Specific Character Set of
// this level, or that of the level around it. For pages and logs of our own; what goes
// into other objects is Bytes.
func (s *Set) Text(t Tag) string {
	b, _ := s.Bytes(t)
	var charset []string
	for at := s; at != nil; at = at.parent {
		if at.Has(SpecificCharacterSet) {
			charset = at.Strings(SpecificCharacterSet)
			break
		}
	}
	return DecodeText(charset, b, s.VR(t))
}

// DecodeText decodes raw, the value of an element of the given VR, by the values of
// Specific Character Set (0008,0005) (PS3.5 6.1, PS3.3 C.12.1.1.2). Trailing padding
// goes. Bytes without meaning in the character set and control characters other than
// tab and line ends become U+FFFD, so that nothing is shown as what it is not. It never
// fails.
func DecodeText(charset []string, raw []byte, vr string) string {
	first := ""
	if len(charset) > 0 && characterSetVR(vr) {
		first = characterSet(charset[0])
	}
	var text string
	switch first {
	case "192":
		text = string([]rune(string(raw)))
	case "GB18030", "GBK":
		b, err := simplifiedchinese.GB18030.NewDecoder().Bytes(raw)
		if err != nil {
			b = bytes.ToValidUTF8(raw, []byte("\uFFFD"))
		}
		text = string(b)
	default:
		text = decode2022(first, raw, vr)
	}
	text = strings.TrimRight(text, " \x00")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && !strings.ContainsRune("\t\n\f\r", r) {
			return unknown
		}
		return r
	}, text)
}

// characterSetVR tells whether Specific Character Set applies to a VR (PS3.5 6.1.2.2).
func characterSetVR(vr string) bool {
	switch vr {
	case "LO", "LT", "PN", "SH", "ST", "UC", "UT", "UN", "":
		return true
	}
	return false
}

// characterSet reduces a defined term to its ISO-IR number: "ISO_IR 100" and
// "ISO 2022 IR 100" are "100". Other terms stay as they are.
func characterSet(term string) string {
	term = strings.ToUpper(strings.Trim(term, " \x00"))
	if !strings.HasPrefix(term, "ISO") {
		return term
	}
	return term[len(strings.TrimRight(term, "0123456789")):]
}

// decode2022 decodes single-byte character sets and code extensions by escape sequence
// (PS3.5 6.1.2.4 and 6.1.2.5). An unknown character set counts as ASCII.
func decode2022(set string, raw []byte, vr string) string {
	start, ok := initial[set]
	if !ok {
		start = initial[""]
	}
	g := start
	var out strings.Builder
	for i := 0; i < len(raw); {
		c := raw[i]
		if c == 0x1B {
			if e, ok := findEscape(raw[i+1:]); ok {
				g[e.half] = e.set
				i += 1 + len(e.sequence)
				continue
			}
		}
		half := g[c>>7]
		switch {
		case resets(c, g[0].width, vr): // PS3.5 6.1.2.5.3
			g = start
			out.WriteByte(c)
			i++
		case c <= 0x20 || c == 0x7F:
			out.WriteByte(c)
			i++
		case i+half.width > len(raw):
			out.WriteRune(unknown)
			i++
		default:
			out.WriteRune(half.decode(raw[i : i+half.width]))
			i += half.width
		}
	}
	return out.String()
}

func findEscape(b []byte) (escape, bool) {
	for _, e := range escapes {
		if bytes.HasPrefix(b, []byte(e.sequence)) {
			return e, true
		}
	}
	return escape{}, false
}

// resets tells whether c is a delimiter that brings back the initial character sets.
// width is that of G0: in a set of two-byte codes only control characters delimit.
func resets(c byte, width int, vr string) bool {
	switch c {
	case '\t', '\n', '\f', '\r':
		return true
	case '\\':
		return width == 1 && vr != "LT" && vr != "ST" && vr != "UT"
	case '^', '=':
		return width == 1 && vr == "PN"
	}
	return false
}
