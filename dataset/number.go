package dataset

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ValueError says that the value of an element cannot be used as asked.
type ValueError struct {
	Tag   Tag
	Value string // the offending text, shortened; empty for binary values
	Err   error
}

// Error implements error.
func (e *ValueError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("%v: %v", e.Tag, e.Err)
	}
	return fmt.Sprintf("%v %q: %v", e.Tag, e.Value, e.Err)
}

// Unwrap gives the cause.
func (e *ValueError) Unwrap() error { return e.Err }

func valueError(t Tag, value, format string, args ...any) error {
	if len(value) > 64 {
		value = value[:64] + "..."
	}
	return &ValueError{Tag: t, Value: value, Err: fmt.Errorf(format, args...)}
}

// number finds a value and the VR by which its bytes are read as numbers: that of the
// dictionary where the file has none or UN.
func (s *Set) number(t Tag) (vr string, b []byte, err error) {
	e, ok := s.find(t)
	if !ok || e.Length == 0 {
		return "", nil, &ValueError{Tag: t, Err: ErrAbsent}
	}
	if e.VR == "UN" {
		e.VR = implicitVR(t)
	}
	b, ok = s.Bytes(t)
	if !ok {
		return "", nil, valueError(t, "", "value cannot be read")
	}
	return s.vr(e), b, nil
}

// Floats returns the numbers of an element of VR DS, IS, FL or FD. Every text must be
// a decimal number as PS3.5 6.2 has it; NaN, infinities, numbers beyond float64 and
// empty values among others are errors that name the element and the text. Absent or
// empty: ErrAbsent.
func (s *Set) Floats(t Tag) ([]float64, error) {
	vr, b, err := s.number(t)
	if err != nil {
		return nil, err
	}
	switch vr {
	case "DS", "IS":
		return s.decimals(t)
	case "FL", "FD":
		n := unit(vr)
		if len(b)%n != 0 {
			return nil, valueError(t, "", "%d bytes are not a number of %s values", len(b), vr)
		}
		out := make([]float64, 0, len(b)/n)
		for ; len(b) > 0; b = b[n:] {
			v := 0.0
			if n == 4 {
				v = float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
			} else {
				v = math.Float64frombits(binary.LittleEndian.Uint64(b))
			}
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, valueError(t, fmt.Sprint(v), "not a finite number")
			}
			out = append(out, v)
		}
		return out, nil
	}
	return nil, valueError(t, "", "VR %q holds no decimal numbers", vr)
}

func (s *Set) decimals(t Tag) ([]float64, error) {
	texts := s.Strings(t)
	if len(texts) == 0 {
		return nil, &ValueError{Tag: t, Err: ErrAbsent}
	}
	out := make([]float64, len(texts))
	for i, text := range texts {
		if strings.Trim(text, "0123456789+-.eE") != "" || text == "" {
			return nil, valueError(t, text, "not a decimal number")
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, valueError(t, text, "not a decimal number that can be used")
		}
		out[i] = v
	}
	return out, nil
}

// Int returns the first value of an element of VR IS, US, SS, UL, SL, UV or SV.
// Absent or empty: ErrAbsent.
func (s *Set) Int(t Tag) (int, error) {
	vr, b, err := s.number(t)
	if err != nil {
		return 0, err
	}
	if vr == "IS" {
		text := s.String(t)
		if text == "" {
			return 0, &ValueError{Tag: t, Err: ErrAbsent}
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, valueError(t, text, "not a whole number that can be used")
		}
		return int(n), nil
	}
	n := unit(vr)
	if n == 1 || vr[0] == 'O' || vr[0] == 'F' || vr == "AT" {
		return 0, valueError(t, "", "VR %q holds no whole numbers", vr)
	}
	if len(b) < n {
		return 0, valueError(t, "", "%d bytes are too short for VR %s", len(b), vr)
	}
	switch vr {
	case "US":
		return int(binary.LittleEndian.Uint16(b)), nil
	case "SS":
		return int(int16(binary.LittleEndian.Uint16(b))), nil
	case "UL":
		return int(binary.LittleEndian.Uint32(b)), nil
	case "SL":
		return int(int32(binary.LittleEndian.Uint32(b))), nil
	}
	v := binary.LittleEndian.Uint64(b)
	if vr == "UV" && v > math.MaxInt64 {
		return 0, valueError(t, "", "number is too large")
	}
	return int(int64(v)), nil
}
