package dataset

import (
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// graphic is a set of characters that ISO 2022 can put into the lower (G0) or upper
// (G1) half of the code table. decode takes width bytes as they stand in the value and
// returns U+FFFD for a code without a character.
type graphic struct {
	width  int
	decode func(b []byte) rune
}

const unknown = '\uFFFD'

var (
	ascii = graphic{1, func(b []byte) rune { return rune(b[0]) }}
	// noUpper is G1 of a character set that has only a lower half.
	noUpper = graphic{1, func([]byte) rune { return unknown }}
	// romaji is ISO-IR 14, ASCII but for two characters.
	romaji = graphic{1, func(b []byte) rune {
		switch b[0] {
		case '\\':
			return '¥'
		case '~':
			return '‾'
		}
		return rune(b[0])
	}}
	// katakana is the upper half of ISO-IR 13, half-width forms.
	katakana = graphic{1, func(b []byte) rune {
		if b[0] < 0xA1 || b[0] > 0xDF {
			return unknown
		}
		return 0xFF61 + rune(b[0]-0xA1)
	}}
	jis0208 = double(japanese.EUCJP)
	jis0212 = double(japanese.EUCJP, 0x8F)
	ksx1001 = double(korean.EUCKR)
	gb2312  = double(simplifiedchinese.GBK)
)

func upper(m *charmap.Charmap) graphic {
	return graphic{1, func(b []byte) rune { return m.DecodeByte(b[0]) }}
}

// double is a set of two-byte codes, looked up in an EUC table behind prefix.
func double(enc encoding.Encoding, prefix ...byte) graphic {
	return graphic{2, func(b []byte) rune {
		code := append(append([]byte(nil), prefix...), b[0]|0x80, b[1]|0x80)
		text, err := enc.NewDecoder().Bytes(code)
		r := []rune(string(text))
		if err != nil || len(r) != 1 {
			return unknown
		}
		return r[0]
	}}
}

// initial gives G0 and G1 at the beginning of a value by the number in the first value
// of Specific Character Set (PS3.3 tables C.12-2 and C.12-3).
var initial = map[string][2]graphic{
	"":    {ascii, noUpper},
	"6":   {ascii, noUpper},
	"13":  {romaji, katakana},
	"100": {ascii, upper(charmap.ISO8859_1)},
	"101": {ascii, upper(charmap.ISO8859_2)},
	"109": {ascii, upper(charmap.ISO8859_3)},
	"110": {ascii, upper(charmap.ISO8859_4)},
	"126": {ascii, upper(charmap.ISO8859_7)},
	"127": {ascii, upper(charmap.ISO8859_6)},
	"138": {ascii, upper(charmap.ISO8859_8)},
	"144": {ascii, upper(charmap.ISO8859_5)},
	"148": {ascii, upper(charmap.ISO8859_9)},
	"166": {ascii, upper(charmap.Windows874)},
	"203": {ascii, upper(charmap.ISO8859_15)},
}

// escape is what an escape sequence, without its ESC, designates.
type escape struct {
	sequence string
	half     int // 0 for G0, 1 for G1
	set      graphic
}

// escapes of PS3.3 tables C.12-3 and C.12-4.
var escapes = []escape{
	{"\x28\x42", 0, ascii},
	{"\x28\x4A", 0, romaji},
	{"\x29\x49", 1, katakana},
	{"\x2D\x41", 1, upper(charmap.ISO8859_1)},
	{"\x2D\x42", 1, upper(charmap.ISO8859_2)},
	{"\x2D\x43", 1, upper(charmap.ISO8859_3)},
	{"\x2D\x44", 1, upper(charmap.ISO8859_4)},
	{"\x2D\x46", 1, upper(charmap.ISO8859_7)},
	{"\x2D\x47", 1, upper(charmap.ISO8859_6)},
	{"\x2D\x48", 1, upper(charmap.ISO8859_8)},
	{"\x2D\x4C", 1, upper(charmap.ISO8859_5)},
	{"\x2D\x4D", 1, upper(charmap.ISO8859_9)},
	{"\x2D\x54", 1, upper(charmap.Windows874)},
	{"\x2D\x62", 1, upper(charmap.ISO8859_15)},
	{"\x24\x42", 0, jis0208},
	{"\x24\x28\x44", 0, jis0212},
	{"\x24\x29\x43", 1, ksx1001},
	{"\x24\x29\x41", 1, gb2312},
}
