package ct

import (
	"cmp"
	"fmt"
	"math"
	"sort"
	"strings"

	"jcsnode/dataset"
)

// preferences say which of two stacks is read, the weightiest first: the one whose value is lower.
//
// Not labelled as another part of the body; covers the patient (the longest stack and all that reach 70 % of it are equal, and nothing
// is longer than a chest); as the scanner made it, before what was derived, before what is read only for want of something better; not in
// expiration, where healthy lung looks like ground glass; planes close enough for the count of the paper (classes up to 1.5, 3, 5.5 mm and
// more); lung kernel before unknown before soft kernel, since the networks see the lung window; of two energies that nearer to what a chest
// is usually taken with; closer planes, but none under 0.5 mm is closer than another (it only costs time); more slices.
var preferences = []struct {
	reason string
	value  func(c *Series, longest float64) float64
}{
	{"is not labelled as another part of the body",
		func(c *Series, _ float64) float64 { return boolRank(otherBodyPart(c.Headers[0].BodyPart)) }},
	{"covers more of the patient", func(c *Series, longest float64) float64 { return boolRank(c.Length < 0.7*longest) }},
	{"is original, or nearer to it", func(c *Series, _ float64) float64 { return c.derived() }},
	{"is not said to be in expiration", func(c *Series, _ float64) float64 {
		return boolRank(find(expiration, words(c.Headers[0].SeriesDescription+" "+c.Headers[0].value(dataset.ImageComments))) != "")
	}},
	{"has planes closer together", func(c *Series, _ float64) float64 { return stepClass(c.Spacing) }},
	{"has a kernel nearer to a lung kernel", func(c *Series, _ float64) float64 {
		return -float64(kernelClass(c.Headers[0].Kernel, c.Headers[0].SeriesDescription))
	}},
	{"has a tube voltage nearer to 120 kV", func(c *Series, _ float64) float64 { return voltageRank(&c.Headers[0]) }},
	{"has planes closer together", func(c *Series, _ float64) float64 { return max(c.Spacing, 0.5) }},
	{"has more slices", func(c *Series, _ float64) float64 { return -float64(len(c.Headers)) }},
}

var expiration = phrases("EXP", "EXPIR", "EXPIRATION", "EXPIRATORY", "EXPIRIUM", "EXSP", "EXSPIRATION", "EXSPIRATORISCH", "EXPIRATOIRE",
	"ESPIRACION", "ESPIRAZIONE", "EXPIRACAO", "UITADEMING")

// derived is 0 for a stack as the scanner made it, 1 for a derived one, 2 for one that is read only for want of something better.
func (s *Series) derived() float64 {
	h := &s.Headers[0]
	switch {
	case s.Lesser != "":
		return 2
	case len(h.ImageType) > 0 && !strings.EqualFold(h.ImageType[0], "ORIGINAL"):
		return 1
	}
	return 0
}

// rank sorts readable stacks by preference and returns why the first is first. Of equal ones it is that of the lower series number, the
// lower acquisition number, the lower value of what tells it from the others of its series, the lower UID.
func rank(s []*Series) string {
	// A scan down to the pelvis covers no more of the lungs than one of the chest.
	const chestLength = 320 // mm, apex to the lowest recess: 70 % of it is the chest of a small adult

	var longest float64
	for _, c := range s {
		longest = max(longest, min(c.Length, chestLength))
	}
	values := map[*Series][]float64{}
	for _, c := range s {
		for _, p := range preferences {
			values[c] = append(values[c], p.value(c, longest))
		}
	}
	difference := func(a, b *Series) (int, float64) {
		for i := range preferences {
			// Spacings are means of measured steps: equal to a micrometre is equal.
			if d := values[a][i] - values[b][i]; d < -1e-3 || d > 1e-3 {
				return i, d
			}
		}
		return -1, 0
	}
	sort.SliceStable(s, func(i, j int) bool {
		if _, d := difference(s[i], s[j]); d != 0 {
			return d < 0
		}
		a, b := &s[i].Headers[0], &s[j].Headers[0]
		for _, c := range []int{
			compareInts(a.SeriesNumber, b.SeriesNumber),
			compareInts(a.AcquisitionNumber, b.AcquisitionNumber),
			strings.Compare(a.SeriesInstanceUID, b.SeriesInstanceUID),
			compareMarks(s[i].Marks, s[j].Marks),
		} {
			if c != 0 {
				return c < 0
			}
		}
		return before(a, b)
	})
	if len(s) == 1 {
		return fmt.Sprintf("%s is the only stack that can be read", s[0].Name)
	}
	i, _ := difference(s[0], s[1])
	if i < 0 {
		why := "the lower series or acquisition number"
		if m := lastShared(s[0], s[1]); m != "" {
			why = "the first by " + m
		}
		return fmt.Sprintf("%s was chosen of %d equal stacks: %s", describe(s[0]), len(s), why)
	}
	return fmt.Sprintf("%s was chosen of %d stacks: next to %s it %s", describe(s[0]), len(s), describe(s[1]), preferences[i].reason)
}

// compareMarks orders stacks of one series by the values that tell them apart, numbers as numbers.
func compareMarks(a, b []Mark) int {
	for i := range min(len(a), len(b)) {
		if a[i].Element != b[i].Element {
			return 0
		}
		x, errX := parseDecimal(a[i].Own)
		y, errY := parseDecimal(b[i].Own)
		if c := cmp.Compare(x, y); errX == nil && errY == nil && c != 0 {
			return c
		}
		if c := strings.Compare(a[i].Own, b[i].Own); c != 0 {
			return c
		}
	}
	return 0
}

// lastShared is the element that tells two stacks of one series apart, "" if they are of two series.
func lastShared(a, b *Series) string {
	if a.SeriesInstanceUID != b.SeriesInstanceUID {
		return ""
	}
	for i := range min(len(a.Marks), len(b.Marks)) {
		if a.Marks[i].Element == b.Marks[i].Element && a.Marks[i].Own != b.Marks[i].Own {
			return a.Marks[i].Element
		}
	}
	return ""
}

// describe names a stack, with its acquisition and what tells it from the others, since a series can hold several.
func describe(s *Series) string {
	name := s.Name
	if a := s.Headers[0].AcquisitionNumber; a != nil {
		name = fmt.Sprintf("%s, acquisition %d", name, *a)
	}
	for _, m := range s.Marks {
		if m.Own != "" && !strings.HasPrefix(m.Element, "AcquisitionNumber") {
			name += fmt.Sprintf(", %s %s", m.Element, printable(m.Own))
		}
	}
	return name
}

func boolRank(worse bool) float64 {
	if worse {
		return 1
	}
	return 0
}

// voltageRank is how far the tube voltage lies from 120 kV; 0 where it is not told.
func voltageRank(h *Header) float64 {
	kv, ok := h.number(dataset.KVP)
	if !ok {
		return 0
	}
	return math.Abs(kv - 120)
}

func stepClass(mm float64) float64 {
	switch {
	case mm <= 1.5:
		return 0
	case mm <= 3:
		return 1
	case mm <= 5.5:
		return 2
	}
	return 3
}

// otherBodyPart knows values of BodyPartExamined (PS3.16 annex L) that exclude a
// chest. Others say little: a PET/CT from skull to thigh is labelled by one part.
func otherBodyPart(s string) bool {
	switch strings.ToUpper(s) {
	case "HEAD", "BRAIN", "SKULL", "SINUS", "IAC", "ORBIT", "JAW", "CSPINE", "LSPINE", "PELVIS", "HIP", "KNEE", "LEG", "FOOT", "ANKLE",
		"EXTREMITY", "HAND", "ARM", "ELBOW", "WRIST", "ABDOMEN", "KIDNEY", "COLON":
		return true
	}
	return false
}

// Classes of reconstruction kernels.
const (
	kernelSoft = iota
	kernelUnknown
	kernelLung
)

// kernelClass sorts kernel names of the common vendors. Siemens: letters and a
// number that grows with sharpness (B20s, I70f, Br59, Bl57); Canon: FC numbers,
// 30..39, 50..59 and 80..89 being sharp; GE, Philips and United Imaging: names.
// The description of the series speaks when the kernel does not.
func kernelClass(kernel, description string) int {
	k := strings.ToUpper(strings.TrimSpace(kernel))
	if i := strings.IndexByte(k, '\\'); i >= 0 {
		k = k[:i]
	}
	switch k {
	case "LUNG", "BONE", "BONEPLUS", "EDGE", "HD LUNG", "L", "YC", "YD", "D", "E", "B_SHARP_C", "B_VSHARP_C":
		return kernelLung
	case "SOFT", "STANDARD", "STD", "STD+", "CHST", "A", "B", "C", "UB", "YA", "B_SOFT_B", "B_SOFT_C":
		return kernelSoft
	}
	digits := strings.IndexAny(k, "0123456789")
	letters, number := k, 0
	if digits >= 0 {
		letters = k[:digits]
		for _, c := range k[digits:] {
			if c < '0' || c > '9' || number > 99 {
				break
			}
			number = number*10 + int(c-'0')
		}
	}
	switch {
	case letters == "FC" && number > 0:
		if n := number / 10; n == 3 || n == 5 || n == 8 {
			return kernelLung
		}
		return kernelSoft
	case len(letters) >= 1 && len(letters) <= 2 && strings.ContainsAny(letters[:1], "BIDHQ") && number >= 10 && number < 100:
		if number >= 50 {
			return kernelLung
		}
		return kernelSoft
	}
	d := strings.ToUpper(description)
	if strings.Contains(d, "LUNG") || strings.Contains(d, "PULMO") {
		return kernelLung
	}
	return kernelUnknown
}
