package ct

import (
	"fmt"
	"strings"
	"unicode"
)

// otherUnits are values of RescaleType that say what else the values are (PS3.3 C.11.1.1.2), without signs between letters.
var otherUnits = []string{"OD", "HUMOD", "MGML", "ZEFF", "ED", "EDW", "PCT", "PERCENT", "GML", "BQML", "CNTS", "KEV"}

// unitOf reads a RescaleType. Hounsfield units by any spelling, or by none as the CT Image IOD has it, are "". Otherwise it returns the
// value, and whether it is known to be another unit: US is "unspecified" (PS3.3 C.11.1.1.2), which scanners write for Hounsfield units,
// too.
func unitOf(rescaleType string) (unit string, known bool) {
	letters := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return unicode.ToUpper(r)
		}
		return -1
	}, rescaleType)
	switch {
	case letters == "", letters == "HU", letters == "UH", strings.Contains(letters, "HOUNSFIELD") && !strings.Contains(letters, "MOD"):
		return "", true
	}
	for _, u := range otherUnits {
		if letters == u {
			return rescaleType, true
		}
	}
	return rescaleType, false
}

// What a scan of a body shows in Hounsfield units: air around or in it, and soft tissue of which most is near water, from fat
// (-130) to muscle and blood with contrast medium.
const (
	airLike       = -900
	leastAir      = 0.01
	softLow       = -200
	softHigh      = 400
	usualSoftLow  = -140
	usualSoftHigh = 200
	softBin       = 20
	everyPixel    = 7 // a seventh of the pixels is enough, and no column alone
)

// checkUnit refuses slices whose RescaleType leaves open what the values are and whose pixels are not as Hounsfield units.
func checkUnit(planes []Slice) *Refusal {
	unit := ""
	for i := range planes {
		if u := planes[i].Header.Unit; u != "" {
			unit = u
			break
		}
	}
	if unit == "" {
		return nil
	}
	air, all, mode := 0, 0, 0
	var soft [(softHigh - softLow) / softBin]int
	for i := range planes {
		hu := planes[i].HU
		for k := 0; k < len(hu); k += everyPixel {
			all++
			switch v := int(hu[k]); {
			case v < airLike:
				air++
			case v >= softLow && v < softHigh:
				soft[(v-softLow)/softBin]++
			}
		}
	}
	for i, n := range soft {
		if n > soft[mode] {
			mode = i
		}
	}
	at := softLow + mode*softBin + softBin/2
	if float64(air) >= leastAir*float64(all) && at >= usualSoftLow && at <= usualSoftHigh {
		return nil
	}
	return refuse(CodeBadRescale, fmt.Sprintf("RescaleType (0028,1054) is %q, and the pixels are not as Hounsfield units are: "+
		"%.1f %% are air below %d, most soft tissue is at %d", printable(unit),
		100*float64(air)/float64(max(all, 1)), airLike, at), askSource)
}
