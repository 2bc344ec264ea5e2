package object

import (
	"strconv"
	"strings"
)

// ASCII makes a text of ours safe in every Specific Character Set and in every text VR: printable ASCII only, without the
// backslash (value separator) and the tilde (an overline in ISO_IR 13), cut to limit characters, no spaces at the ends.
// Everything else becomes a question mark.
func ASCII(text string, limit int) string {
	safe := strings.Map(func(r rune) rune {
		if r < ' ' || r > '}' || r == '\\' {
			return '?'
		}
		return r
	}, text)
	if len(safe) > limit {
		safe = safe[:limit]
	}
	return strings.TrimSpace(safe)
}

// Decimal formats a finite number as a Decimal String: at most 16 characters (PS3.5 6.2), as exact as fits.
func Decimal(v float64) string {
	if text := strconv.FormatFloat(v, 'f', -1, 64); len(text) <= 16 {
		return text
	}
	for precision := 15; ; precision-- {
		if text := strconv.FormatFloat(v, 'g', precision, 64); len(text) <= 16 || precision == 1 {
			return text
		}
	}
}
