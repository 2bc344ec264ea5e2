package ct

import (
	"fmt"
	"sort"
	"strings"
)

// rank sorts readable stacks by preference and returns why the first is first.
//
// In this order: not labelled as another part of the body; covers the patient
// (the longest stack and all that reach 70 % of it are equal, and nothing is longer than a chest); as the scanner made it, before what was derived, before
// what is read only for want of something better; planes close
// enough for the count of the paper (classes up to 1.5, 3, 5.5 mm and more);
// lung kernel before unknown before soft kernel, since the networks see the
// lung window; closer planes, but none under 0.5 mm is
// closer than another (it only costs time); more slices; lower series number;
// UID.
func rank(s []*Series) string {
	// A scan down to the pelvis covers no more of the lungs than one of the chest.
	const chestLength = 320 // mm, apex to the lowest recess: 70 % of it is the chest of a small adult

	var longest float64
	for _, c := range s {
		longest = max(longest, min(c.Length, chestLength))
	}
	keys := func(c *Series) []float64 {
		h := &c.Headers[0]
		return []float64{
			boolRank(otherBodyPart(h.BodyPart)),
			boolRank(c.Length < 0.7*longest),
			c.derived(),
			stepClass(c.Spacing),
			-float64(kernelClass(h.Kernel, h.SeriesDescription)),
			max(c.Spacing, 0.5),
			-float64(len(c.Headers)),
		}
	}
	reasons := []string{
		"is not labelled as another part of the body",
		"covers more of the patient",
		"is original, or nearer to it",
		"has planes closer together",
		"has a kernel nearer to a lung kernel",
		"has planes closer together",
		"has more slices",
	}
	difference := func(a, b *Series) (int, float64) {
		ka, kb := keys(a), keys(b)
		for i := range ka {
			// Spacings are means of measured steps: equal to a micrometre is equal.
			if d := ka[i] - kb[i]; d < -1e-3 || d > 1e-3 {
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
		return fmt.Sprintf("%s was chosen of %d equal stacks: the lower series or acquisition number", describe(s[0]), len(s))
	}
	return fmt.Sprintf("%s was chosen of %d stacks: next to %s it %s", describe(s[0]), len(s), describe(s[1]), reasons[i])
}

// describe names a stack, with its acquisition since a series can hold several.
func describe(s *Series) string {
	if a := s.Headers[0].AcquisitionNumber; a != nil {
		return fmt.Sprintf("%s, acquisition %d", s.Name, *a)
	}
	return s.Name
}

func boolRank(worse bool) float64 {
	if worse {
		return 1
	}
	return 0
}

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
