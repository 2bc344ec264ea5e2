package ct

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"jcsnode/dataset"
)

// What was calculated from slices is told by words of ImageType and of descriptions, wherever in a
// value they stand, and what is a slice is not.
func TestReadHeader_Derived(t *testing.T) {
	const (
		slice0 = ""        // a slice as any other
		less   = "lesser"  // read for want of something better
		no     = "refused" // never read
	)
	typed := func(v string) func(elements) {
		return func(e elements) { e[dataset.ImageType] = value("CS", v) }
	}
	called := func(v string) func(elements) {
		return func(e elements) { e[dataset.SeriesDescription] = value("LO", v) }
	}
	calledDerived := func(v string) func(elements) {
		return func(e elements) {
			e[dataset.ImageType] = value("CS", `DERIVED\PRIMARY\AXIAL`)
			e[dataset.SeriesDescription] = value("LO", v)
		}
	}
	said := func(tag dataset.Tag, vr, v string) func(elements) {
		return func(e elements) { e[tag] = value(vr, v) }
	}
	keV := func(kev float64) func(elements) {
		return func(e elements) {
			e[dataset.ImageType] = value("CS", `DERIVED\PRIMARY\AXIAL\VMI`)
			fd := element{"FD", string(binary.LittleEndian.AppendUint64(nil, math.Float64bits(kev)))}
			e[dataset.MultienergyCTProcessingSequence] = items(elements{
				dataset.MultienergyCTCharacteristicsSequence: items(elements{dataset.MonoenergeticEnergyEquivalent: fd})})
		}
	}
	tests := []struct {
		name   string
		change func(elements)
		want   string
		text   string
	}{
		{"spiral of Siemens", typed(`ORIGINAL\PRIMARY\AXIAL\CT_SOM5 SPI`), slice0, ""},
		{"mixed from two tubes", typed(`ORIGINAL\PRIMARY\AXIAL\CT_SOM7 SPI DUAL\STD\SNRG\DET_AB`), slice0, ""},
		{"helix", typed(`ORIGINAL\PRIMARY\AXIAL\HELIX`), slice0, ""},
		{"recompressed", typed(`DERIVED\PRIMARY\AXIAL\JP2K LOSSY 6:1`), slice0, ""},
		{"no third value", typed(`ORIGINAL\PRIMARY`), slice0, ""},
		{"MIP of Siemens", typed(`DERIVED\PRIMARY\AXIAL\CT_SOM5 MIP`), no, "CT_SOM5 MIP"},
		{"MIP of a perfusion", typed(`DERIVED\PRIMARY\AXIAL\CT_SOM7 VPCT\MIP`), no, "MIP"},
		{"small letters", typed(`DERIVED\PRIMARY\AXIAL\Ct_Som5 Mip`), no, "Mip"},
		{"minimum", typed(`DERIVED\PRIMARY\AXIAL\CT_SOM10 MINIP`), no, "MINIP"},
		{"minimum in two words", typed(`ORIGINAL\PRIMARY\AXIAL\MIN_IP`), no, "MIN_IP"},
		{"a value that only begins so", typed(`ORIGINAL\PRIMARY\AXIAL\MIPPER`), slice0, ""},
		{"average of a perfusion", typed(`DERIVED\PRIMARY\AXIAL\CT_SOM7 VPCT\AVG`), less, "AVG"},
		{"axial reformat of Siemens", typed(`DERIVED\PRIMARY\AXIAL\CT_SOM5 MPR`), less, "MPR"},
		{"reformat", typed(`DERIVED\PRIMARY\MPR`), no, "MPR"},
		{"fused reformat", typed(`DERIVED\PRIMARY\AXIAL\MPR FUSION`), no, "FUSION"},
		{"material", typed(`DERIVED\PRIMARY\AXIAL\MAT_SPECIFIC`), no, "MAT_SPECIFIC"},
		{"material removed", typed(`DERIVED\PRIMARY\AXIAL\MAT_REMOVED\VIRTUAL_NON_CONTRAST`), no, "MAT_REMOVED"},
		{"fraction", typed(`ORIGINAL\PRIMARY\AXIAL\MAT_FRACTIONAL`), no, "MAT_FRACTIONAL"},
		{"atomic number", typed(`DERIVED\PRIMARY\AXIAL\EFF_ATOMIC_NUM`), no, "EFF_ATOMIC_NUM"},
		{"density of electrons", typed(`DERIVED\PRIMARY\AXIAL\ELECTRON_DENSITY`), no, "ELECTRON_DENSITY"},
		{"perfused blood", typed(`DERIVED\PRIMARY\AXIAL\DE_LungPBV`), no, "DE_LungPBV"},
		{"bones removed", typed(`DERIVED\PRIMARY\AXIAL\BONE_REMOVAL`), no, "BONE_REMOVAL"},
		{"subtracted", typed(`DERIVED\PRIMARY\AXIAL\SUBTRACTED`), no, "SUBTRACTED"},
		{"topogram", typed(`ORIGINAL\PRIMARY\AXIAL\CT_SOM5 TOP`), no, "localizer"},
		{"70 keV by its element", keV(70), less, "70 keV"},
		{"40 keV by its element", keV(40), no, "40 keV"},
		{"no energy", typed(`DERIVED\PRIMARY\AXIAL\VMI`), no, "unknown energy"},
		{"70 keV by ImageType", typed(`DERIVED\PRIMARY\AXIAL\CT_SOM7 SPI DUAL MONO E 70 KEV`), less, "70 keV"},
		{"70 keV by description", called("Thorax 1.0 Monoenergetic Plus 70 keV"), less, "70 keV"},
		{"GE", called("70 keV Std"), less, "70 keV"},
		{"Philips", called("MonoE 70keV[HU]"), less, "70 keV"},
		{"low energy", called("MonoE 40keV[HU]"), no, "40 keV"},
		{"high energy", called("VMI 190 keV"), no, "190 keV"},
		{"French", called("Monoénergétique 55 keV"), no, "55 keV"},
		{"a tube voltage", called("Thorax 70 kV lung"), slice0, ""},
		{"two tube voltages", called("Thorax Sn150kV A 1.0"), slice0, ""},

		{"a plain description", called("Thorax 1.0 Bl57 LUNG"), slice0, ""},
		{"MIP by description", called("Thorax 20/4 MIP ax"), no, "MIP"},
		{"MIPs", called("MIPs 10x2"), no, "MIPS"},
		{"MIP with its thickness", called("AX_MIP10"), no, "MIP"},
		{"minimum by description", called("MinIP lung"), no, "MIN IP"},
		{"maximum in words", called("Maximum Intensity Projection"), no, "MAXIMUM INTENSITY"},
		{"for a MIP", called("Thorax 0.6 for MIP/MPR"), slice0, ""},
		{"for a MIP, German", called("Thorax dünn für MIP"), slice0, ""},
		{"no MIP", called("Lunge ohne MIP"), slice0, ""},
		{"a name with mip in it", called("Compliment 2.0"), slice0, ""},
		{"a MIP without contrast medium", called("Thorax w/o contrast MIP"), no, "MIP"},
		{"virtually without contrast medium", called("Thorax VNC 2.0"), no, "VNC"},
		{"in words", called("Virtual Non-Contrast 1.5"), no, "VIRTUAL NON CONTRAST"},
		{"truly without", called("Thorax non contrast 2.0"), slice0, ""},
		{"truly native", called("TNC thorax"), slice0, ""},
		{"iodine map", called("Iodine map"), no, "IODINE MAP"},
		{"GE iodine", called("Iodine(Water) 0.625"), no, "IODINE WATER"},
		{"GE iodine, short", called("MD Iodine"), no, "MD IODINE"},
		{"Philips iodine", called("Iodine no Water [mg/ml]"), no, "IODINE NO"},
		{"German", called("Jodkarte 3.0"), no, "JODKARTE"},
		{"French map", called("Carte d'iode"), no, "CARTE D IODE"},
		{"Spanish", called("Mapa de yodo"), no, "MAPA DE YODO"},
		{"Italian", called("Mappa di iodio"), no, "MAPPA DI IODIO"},
		{"contrast medium with iodine, original", called("Thorax iodine 80 ml"), less, "IODINE"},
		{"iodine, derived", calledDerived("Thorax iodine 3.0"), no, "IODINE"},
		{"atomic number by description", called("Z Effective"), no, "Z EFFECTIVE"},
		{"rho/z", called("DE Rho/Z Maps"), no, "RHO Z"},
		{"perfused blood by description", called("DE Lung PBV"), no, "PBV"},
		{"vessels of the lung", called("DE_LungVessels"), no, "LUNG VESSELS"},
		{"subtraction", called("CE Subtraction Lung"), no, "SUBTRACTION"},
		{"bones", called("Bone removed CTA"), no, "BONE REMOVED"},
		{"PET on CT", called("Fused PET/CT axial"), no, "FUSED"},
		{"a spine", called("Post fusion"), less, "FUSION"},
		{"average", called("AVG 5/5 ax"), less, "AVG"},
		{"reformat by description", called("MPR axial 3.0"), less, "MPR"},
		{"calcium", called("CaScSeq 3.0 B35f"), less, "CA SC"},
		{"calcium in words", called("Calcium Scoring"), less, "CALCIUM SCORING"},
		{"derivation", said(dataset.DerivationDescription, "ST", "MIP 20 mm"), no, "DerivationDescription (0008,2111)"},
		{"compression", said(dataset.DerivationDescription, "ST", "Lossless JPEG compression, selection value 1"), slice0, ""},
		{"filter", said(dataset.FilterType, "SH", "MIP"), no, "FilterType (0018,1160)"},
		{"comment", said(dataset.ImageComments, "LT", "MinIP"), no, "ImageComments (0020,4000)"},
		{"a sentence about other series",
			said(dataset.ImageComments, "LT", "Thin slices of the lung, see the series with MIP and MPR for the rest of it"), slice0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := slice()
			tt.change(e)
			h := e.headers(t)[0]
			got, text := slice0, h.Lesser
			if h.Lesser != "" {
				got = less
			}
			if h.Refusal != nil {
				got, text = no, h.Refusal.Text
				if h.Refusal.Code != CodeDerived && h.Refusal.Code != CodeLocalizer {
					t.Errorf("code %s", h.Refusal.Code)
				}
			}
			if got != tt.want || !strings.Contains(text, tt.text) {
				t.Errorf("%q, %q; want %q with %q", got, text, tt.want, tt.text)
			}
		})
	}
}

// What the scanner made is read, however close the planes of what was derived from it lie; of nothing better that is read which has
// Hounsfield units.
func TestSelect_DerivedBesideOriginals(t *testing.T) {
	whole := func(series string, step float64, f func(*Header)) []Header {
		return change(planes(series, steps(0, step, int(300/step))...), f)
	}
	thick := func(mm float64) func(*Header) {
		return func(h *Header) { h.SliceThickness = mm }
	}
	plain := func(*Header) {}
	derived := func(h *Header) { h.ImageType = []string{"DERIVED", "PRIMARY", "AXIAL"} }
	lesser := func(h *Header) { h.Lesser = "a monoenergetic image of 70 keV" }
	tests := []struct {
		name    string
		headers [][]Header
		chosen  string // series, "" for none
		text    string // of the reason, a note or the refusal
	}{
		{"an average every millimetre", [][]Header{whole("1.1", 10, plain), whole("1.2", 1, lesser)}, "1.1", "is original"},
		{"a derived stack every millimetre", [][]Header{whole("1.1", 5, plain), whole("1.2", 1, derived)}, "1.1", "is original"},
		{"lesser beside derived", [][]Header{whole("1.1", 5, derived), whole("1.2", 1, lesser)}, "1.1", "is original, or nearer to it"},
		{"lesser alone", [][]Header{whole("1.2", 1, lesser)}, "1.2",
			"a monoenergetic image of 70 keV: read for want of slices as the scanner made them"},
		{"slabs of 20 mm every 4 mm", [][]Header{whole("1.1", 8, plain), whole("1.2", 4, thick(20))}, "1.1", "only stack"},
		{"nothing but slabs", [][]Header{whole("1.2", 4, thick(20))}, "", "slabs of 20 mm (SliceThickness (0018,0050)) every 4 mm"},
		{"nothing but slabs of 10 mm every 3 mm", [][]Header{whole("1.2", 3, thick(10))}, "", "slabs of 10 mm"},
		{"slabs of 8 mm every 2 mm", [][]Header{whole("1.1", 5, plain), whole("1.2", 2, thick(8))}, "1.1", "is original"},
		{"nothing but what may be slabs", [][]Header{whole("1.2", 2, thick(8))}, "1.2", "slabs of 8 mm"},
		{"slices that overlap by half", [][]Header{whole("1.2", 5, thick(10))}, "1.2", "only stack"},
		{"thin slices that overlap by two thirds", [][]Header{whole("1.2", 1, thick(3))}, "1.2", "only stack"},
		{"slabs in the series of the originals", [][]Header{whole("1.1", 5, thick(5)),
			change(whole("1.1", 4, thick(20)), func(h *Header) { h.SOPInstanceUID += ".9" })}, "1.1",
			"SliceThickness (0018,0050) is 5, and 20"},
		{"expiration", [][]Header{whole("1.1", 1, func(h *Header) { h.SeriesDescription = "Thorax Exspiration 1.0" }),
			whole("1.2", 5, plain)}, "1.2", "not said to be in expiration"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var all []Header
			for _, h := range tt.headers {
				all = append(all, h...)
			}
			sel := Select(all)
			if sel.Refusal != nil {
				if tt.chosen != "" || !strings.Contains(sel.Refusal.Text, tt.text) || sel.Refusal.Code != CodeDerived {
					t.Fatalf("%s: %v", sel.Refusal.Code, sel.Refusal)
				}
				return
			}
			said := sel.Reason + "\n" + strings.Join(sel.Chosen.Notes, "\n")
			if sel.Chosen.SeriesInstanceUID != tt.chosen || !strings.Contains(said, tt.text) {
				t.Errorf("chosen %s of %s, said %q; want %s with %q",
					sel.Chosen.Name, sel.Chosen.SeriesInstanceUID, said, tt.chosen, tt.text)
			}
		})
	}
}
