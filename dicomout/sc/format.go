package sc

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// notMeasured stands where a number would.
const notMeasured = "not measured"

// formatProbability writes a probability with two digits; what is not quite 1 or 0 does not read as such.
func formatProbability(p float64) string {
	switch {
	case p > 0.99 && p < 1:
		return "> 0.99"
	case p > 0 && p < 0.01:
		return "< 0.01"
	}
	return strconv.FormatFloat(p, 'f', 2, 64)
}

// formatArea writes mm2 as mm² under 1 cm², otherwise as cm².
func formatArea(mm2 float64) string {
	if mm2 < 100 {
		return fmt.Sprintf("%.0f mm²", mm2)
	}
	return fmt.Sprintf("%.1f cm²", mm2/100)
}

// formatVolume writes mL, with one digit under 10.
func formatVolume(ml float64) string {
	if ml < 10 {
		return fmt.Sprintf("%.1f mL", ml)
	}
	return fmt.Sprintf("%.0f mL", ml)
}

// formatShare writes a share 0..1 in per cent; a negative one was not measured.
func formatShare(share float64) string {
	switch {
	case share < 0 || math.IsNaN(share):
		return notMeasured
	case share > 0 && share < 0.001:
		return "< 0.1 %"
	case share == 0:
		return "0 %"
	case share < 0.1:
		return fmt.Sprintf("%.1f %%", 100*share)
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}

// formatNumber writes a number with three significant digits.
func formatNumber(v float64) string {
	if math.Abs(v) >= 1000 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// formatLength writes mm with the digit that tells a length from a threshold just beside it, if there is one.
func formatLength(mm float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(mm, 'f', 1, 64), ".0") + " mm"
}
