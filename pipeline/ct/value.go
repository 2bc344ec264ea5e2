package ct

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// maxUIDLength is twice what PS3.5 9.1 allows: longer UIDs than 64 characters
// are in use (scanners and de-identifiers write them) and are only flagged.
const maxUIDLength = 128

// checkUID tells usable UIDs from text that cannot be one. A UID of dotted
// decimals is fine. GUID strings and over-long or zero-led UIDs exist in the
// field and are kept, with a flag. Anything with a character outside
// letters, digits, dot, hyphen and underscore is malformed.
func checkUID(uid string) (flag string, ok bool) {
	if uid == "" || len(uid) > maxUIDLength {
		return "", false
	}
	strict := len(uid) <= 64
	for _, c := range []byte(uid) {
		switch {
		case c >= '0' && c <= '9', c == '.':
		case c == '-', c == '_', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			strict = false
		default:
			return "", false
		}
	}
	if strings.Contains(uid, "..") || uid[0] == '.' || uid[len(uid)-1] == '.' {
		return "", false
	}
	if strict {
		for _, part := range strings.Split(uid, ".") {
			if len(part) > 1 && part[0] == '0' {
				strict = false
			}
		}
	}
	if !strict {
		flag = "not a valid DICOM UID, used as it is"
	}
	return flag, true
}

// parseDecimal reads one value of VR DS (PS3.5 6.2): digits, sign, '.', E.
// What strconv takes beyond that (hexadecimal, underscores, Inf, NaN) and a
// decimal comma are errors. Leading and trailing spaces are allowed.
func parseDecimal(s string) (float64, error) {
	s = strings.Trim(s, " \x00")
	if s == "" {
		return 0, fmt.Errorf("is empty")
	}
	if len(s) > 64 {
		return 0, fmt.Errorf("is %d characters long, a decimal number has at most 16", len(s))
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && c != '+' && c != '-' && c != '.' && c != 'e' && c != 'E' {
			return 0, fmt.Errorf("holds %q, which is no decimal number", s)
		}
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return 0, fmt.Errorf("holds %q, which is no decimal number", s)
	}
	return v, nil
}

// parseDecimals reads exactly n values separated by backslashes.
func parseDecimals(s string, n int) ([]float64, error) {
	parts := strings.Split(s, `\`)
	if len(parts) != n {
		return nil, fmt.Errorf("has %d values instead of %d", len(parts), n)
	}
	out := make([]float64, n)
	for i, p := range parts {
		v, err := parseDecimal(p)
		if err != nil {
			return nil, fmt.Errorf("value %d %w", i+1, err)
		}
		out[i] = v
	}
	return out, nil
}
