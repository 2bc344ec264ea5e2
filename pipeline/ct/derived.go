package ct

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"jcsnode/dataset"
)

// What was calculated from slices: projections through slabs, maps of a material, pictures of several images. Their values are not
// those of a slice, or not of one at a usual tube voltage. It is told by words of ImageType (PS3.3 C.8.2.1.1.1, C.8.16.1), of vendors'
// own values among them ("CT_SOM5 MIP"), and of what people or scanners write into descriptions.

// madeOf are phrases, words separated by a space, that say in ImageType what no slice is.
var madeOf = phrases(
	// projections and pictures
	"MIP", "MIPS", "MINIP", "MIN IP", "MAXIP", "MAX IP", "PROJECTION IMAGE", "CPR",
	"CURVED", "VRT", "SSD", "SCREEN SAVE", "SCREENSAVE", "DOSE INFO",
	"REFORMATTED", "RENDERED",
	// maps (PS3.3 C.8.2.1.1.1: value 4 of multi-energy images) and vendors' names of them
	"MAT SPECIFIC", "MAT REMOVED", "MAT FRACTIONAL", "MAT MODIFIED", "MAT VALUE BASED", "EFF ATOMIC NUM", "EFFECTIVE ATOMIC",
	"ELECTRON DENSITY", "MATERIAL", "IODINE", "WATER", "VNC", "VUE", "VIRTUAL NON CONTRAST", "VIRTUAL UNENHANCED", "MONO Z",
	"EFFECTIVE Z", "Z EFFECTIVE", "ZEFF", "Z EFF", "RHO Z", "URIC ACID", "PBV", "PERFUSION",
	"RCBF", "RCBV", "CBF", "CBV", "MTT", "TTP", "BLOOD VOLUME", "BLOOD FLOW", "LUNG VESSELS",
	// pictures of two images
	"FUSED", "FUSION", "SUBTRACTION", "SUBTRACTED", "BONE MASK", "BONE REMOVAL", "BONE REMOVED",
	"REF SURVIEW")

// describedAs are phrases that say the same in a description, in any of the languages that scanners are used in most.
var describedAs = phrases(
	"MIP", "MIPS", "MINIP", "MIN IP", "MAXIP", "MAX IP", "MAXIMUM INTENSITY",
	"MINIMUM INTENSITY", "VRT", "VOLUME RENDERING", "VOLUME RENDERED",
	"VNC", "VUE", "VIRTUAL NON CONTRAST", "VIRTUAL NONCONTRAST", "VIRTUAL UNENHANCED",
	"VIRTUAL NATIVE", "VIRTUELL NATIV", "VIRTUELL NATIVE",
	"MD IODINE", "MD WATER", "IODINE WATER", "WATER IODINE", "WATER HAP", "IODINE NO", "IODINE DENSITY", "IODINE MAP", "IODINE MAPS",
	"IODINE OVERLAY", "IODINE IMAGE", "IODINE CONCENTRATION", "JODKARTE", "JOD KARTE", "JODBILD", "JODBILDER", "JOD MAP", "CARTE IODE",
	"CARTE D IODE", "CARTOGRAPHIE IODE", "MAPA DE YODO", "MAPA YODO", "MAPPA IODIO", "MAPPA DI IODIO", "MAPPA DELLO IODIO",
	"MAPA DE IODO", "JODIUM MAP", "Z EFFECTIVE", "EFFECTIVE Z", "ZEFF", "Z EFF", "EFFECTIVE ATOMIC", "ELECTRON DENSITY", "RHO Z",
	"URIC ACID", "CALCIUM SUPPRESSED", "CALCIUM SUPPRESSION", "PBV", "LUNG VESSELS", "PERFUSION MAP", "PERFUSED BLOOD VOLUME",
	"BLOOD VOLUME", "BLOOD FLOW", "VENTILATION MAP", "SUBTRACTION", "SUBTRACTED", "SUBTRAKTION", "SOUSTRACTION", "SUSTRACCION",
	"BONE REMOVAL", "BONE REMOVED", "FUSED", "FUSIONIERT", "PET FUSION", "FUSION PET")

// perhapsDescribedAs are phrases that name a map in the description of an image that is not original. An original that is described so
// may be a scan with contrast or one of a spine, and is read if there is nothing better.
var perhapsDescribedAs = phrases("IODINE", "JOD", "IODE", "YODO", "IODIO", "WATER", "PERFUSION", "FUSION", "FUSIE")

// lesser are phrases of images in Hounsfield units that are no chest as the scanner made it: averages of slabs, reformats, a heart for
// the count of its calcium. They are read if there is nothing better.
var lesser = phrases("AVG", "AVERAGE", "AVE IP", "AVEIP", "MEAN IP", "MEANIP", "MITTELWERT", "MPR", "MPRS", "REFORMAT", "REFORMATS", "SLAB",
	"CASC", "CA SC", "CASCORE", "CA SCORE", "CA SCORING", "CALCIUM SCORE", "CALCIUM SCORING", "CALCIUMSCORE", "CALCIUMSCORING",
	"KALKSCORING", "SCORE CALCIQUE")

func phrases(all ...string) [][]string {
	out := make([][]string, len(all))
	for i, p := range all {
		out[i] = strings.Fields(p)
	}
	return out
}

// words splits text where letters and digits end, where one begins after the other, and where a capital follows a small letter:
// "CT_SOM5 MIP" has CT, SOM, 5, MIP, and "LungPBV" LUNG, PBV.
func words(text string) []string {
	var out []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			out = append(out, word.String())
			word.Reset()
		}
	}
	kind := func(r rune) int {
		switch {
		case unicode.IsDigit(r):
			return 1
		case unicode.IsLetter(r):
			return 2
		}
		return 0
	}
	last := ' '
	for _, r := range strings.NewReplacer("keV", "KEV", "KeV", "KEV").Replace(text) {
		if kind(r) != kind(last) || unicode.IsLower(last) && unicode.IsUpper(r) {
			end()
		}
		if kind(r) != 0 {
			word.WriteRune(unicode.ToUpper(r))
		}
		last = r
	}
	end()
	return out
}

// find returns the first of the phrases in the words, "" if there is none.
func find(list [][]string, in []string) string {
	for i := range in {
		for _, p := range list {
			if len(in)-i >= len(p) && slices.Equal(in[i:i+len(p)], p) {
				return strings.Join(p, " ")
			}
		}
	}
	return ""
}

// Words in a description that say what an image is not, of the word behind them, and what it is for, of all that follow:
// "Lung 1.0 for MIP".
var (
	negations = []string{"NO", "NON", "NOT", "WITHOUT", "OHNE", "SANS", "SIN", "SENZA", "ZONDER"}
	purposes  = []string{"FOR", "FUER", "FÜR", "POUR", "PARA", "PER", "VOOR"}
)

// described are the words of a description that say what the image is.
func described(text string) []string {
	w := words(text)
	var out []string
	for i := 0; i < len(w); i++ {
		switch {
		case slices.Contains(purposes, w[i]):
			return out
		case slices.Contains(negations, w[i]) && (i == 0 || w[i-1] != "IODINE" && w[i-1] != "VIRTUAL"):
			out = append(out, "") // no phrase goes on here
			i++
		default:
			out = append(out, w[i])
		}
	}
	return out
}

// longDescription is a count of words that no name of a kind of image has: a sentence may speak of other series.
const longDescription = 10

// checkDerived refuses localizers and what was calculated out of slices, and says of what is read for want of something better what it
// is: "" for a slice as any other. DERIVED\PRIMARY axial images stay: lossy compression and many archives write it.
func checkDerived(set *dataset.Set, imageType []string) (lesserKind string, r *Refusal) {
	if r := checkImageType(imageType); r != nil {
		return "", r
	}
	original := len(imageType) > 0 && strings.EqualFold(imageType[0], "ORIGINAL")
	var types []string // words of the values that say what kind of image it is
	for i, v := range imageType {
		if i >= 2 {
			types = append(types, words(v)...)
		}
	}
	kind := find(lesser, types)
	texts := []struct {
		name string
		tag  dataset.Tag
	}{{"SeriesDescription", dataset.SeriesDescription},
		{"DerivationDescription", dataset.DerivationDescription}, {"FilterType", dataset.FilterType},
		{"ImageComments", dataset.ImageComments}}
	all := [][]string{types}
	for _, t := range texts {
		w := described(strings.Join(set.Strings(t.tag), " "))
		if len(w) > longDescription && t.tag != dataset.SeriesDescription {
			continue
		}
		all = append(all, w)
		found := find(describedAs, w)
		if found == "" && !original {
			found = find(perhapsDescribedAs, w)
		}
		if found != "" {
			return "", refuse(CodeDerived, fmt.Sprintf("not a slice as the scanner made it, %s %v says %q", t.name, t.tag, found), "")
		}
		if kind == "" {
			kind = find(lesser, w)
		}
		if kind == "" {
			kind = find(perhapsDescribedAs, w)
		}
	}
	if kind != "" {
		kind = "described as " + kind
	}
	mono, r := monoenergetic(set, all)
	if mono != "" {
		kind = mono
	}
	return kind, r
}

// checkImageType refuses by ImageType alone.
func checkImageType(values []string) *Refusal {
	shown := printable(strings.Join(values, `\`))
	for i, v := range values {
		w := words(v)
		if strings.EqualFold(v, "LOCALIZER") || i >= 2 && find(phrases("LOCALIZER", "SCOUT", "SURVIEW", "TOPOGRAM", "TOP"), w) != "" {
			return refuse(CodeLocalizer, fmt.Sprintf("a localizer, ImageType (0008,0008) is %s", shown), "")
		}
		if i >= 2 && (find(madeOf, w) != "" || strings.EqualFold(v, "MPR")) {
			return refuse(CodeDerived, fmt.Sprintf("not a slice as the scanner made it, ImageType (0008,0008) has %s", printable(v)), "")
		}
	}
	if len(values) >= 2 && strings.EqualFold(values[0], "DERIVED") && strings.EqualFold(values[1], "SECONDARY") {
		return refuse(CodeDerived, fmt.Sprintf("made after the examination, ImageType (0008,0008) is %s", shown), "")
	}
	return nil
}

// Energies in keV at which a monoenergetic image is as one of 120 kV: scanners of two energies show such a one by default. Lower ones are
// far brighter where there is contrast medium.
const (
	leastUsualKeV = 65
	mostUsualKeV  = 75
)

// Energies of monoenergetic images that scanners calculate, in keV.
const (
	leastKeV = 40
	mostKeV  = 200
)

var (
	monoWords = phrases("VMI", "MONOENERGETIC", "MONOENERGETISCH", "MONOENERGETIQUE", "MONOÉNERGÉTIQUE", "MONOENERGETICA", "MONOCHROMATIC",
		"MONO E", "MONOE", "MONO PLUS", "VIRTUAL MONO", "MONO ENERGETIC")
	beforeKeV = []string{"VMI", "E", "MONOE", "MONOENERGETIC", "PLUS", "MONO"} // words that an energy without its unit follows
)

// monoenergetic recognizes images as of one energy (PS3.3 C.8.2.1.1.1, VMI). They are refused but for usual energies.
func monoenergetic(set *dataset.Set, texts [][]string) (kind string, r *Refusal) {
	var kev float64
	mono := false
	for _, w := range texts {
		mono = mono || find(monoWords, w) != ""
		for i := 1; i < len(w); i++ {
			if v, err := parseDecimal(w[i-1]); err == nil && w[i] == "KEV" {
				mono, kev = true, v
			}
			if v, err := parseDecimal(w[i]); err == nil && kev == 0 && v >= leastKeV && v <= mostKeV && slices.Contains(beforeKeV, w[i-1]) {
				kev = v
			}
		}
	}
	for _, p := range set.Items(dataset.MultienergyCTProcessingSequence) {
		for _, c := range p.Items(dataset.MultienergyCTCharacteristicsSequence) {
			if v, err := c.Floats(dataset.MonoenergeticEnergyEquivalent); err == nil && len(v) > 0 {
				kev = v[0]
			}
		}
	}
	switch {
	case !mono:
		return "", nil
	case kev >= leastUsualKeV && kev <= mostUsualKeV:
		return fmt.Sprintf("a monoenergetic image of %g keV", kev), nil
	case kev == 0:
		return "", refuse(CodeDerived, "a monoenergetic image of an unknown energy: its Hounsfield units are not those of a slice", "")
	}
	return "", refuse(CodeDerived, fmt.Sprintf("a monoenergetic image of %g keV: its Hounsfield units are not those of a slice", kev), "")
}

// Slices as thick as thickSlab mm that lie closer than about half of that are no slices of a scanner: those overlap by half at most, and
// are as thick only where they touch. They are projections or means through slabs, as 20 mm every 4 mm. Thinner ones that overlap by two
// thirds may be either.
const (
	thickSlab     = 10.0
	mostOverlap   = 2.05
	thinSlab      = 5.0
	doubtfulTimes = 3.05
)

// slabs tells slabs by thickness against the distance of planes.
func slabs(st *stack, name string) (kind string, r *Refusal) {
	var all []float64
	for i := range st.headers {
		if mm := st.headers[i].SliceThickness; mm > 0 {
			all = append(all, mm)
		}
	}
	if len(all) == 0 || st.widest <= 0 {
		return "", nil
	}
	slices.Sort(all)
	thick := all[len(all)/2]
	switch text := fmt.Sprintf("slabs of %g mm (SliceThickness (0018,0050)) every %.4g mm", thick, st.widest); {
	case thick >= thickSlab && thick > mostOverlap*st.widest:
		return "", refuse(CodeDerived, fmt.Sprintf("%s has %s: projections or means, not slices", name, text),
			"send the axial slices of the chest as the scanner made them")
	case thick >= thinSlab && thick > doubtfulTimes*st.widest:
		return text, nil
	}
	return "", nil
}
