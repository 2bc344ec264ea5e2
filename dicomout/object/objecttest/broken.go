package objecttest

import (
	"bytes"
	"encoding/binary"

	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"jcsnode/dataset"
)

// odd are attributes that objects take from their source, and their VR.
var odd = []struct {
	tag      uint32
	vr       string
	identity bool // carried byte for byte, whatever it is
}{
	{0x00080005, "CS", true}, {0x00080020, "DA", false}, {0x00080030, "TM", false}, {0x00080050, "SH", true}, {0x00080051, "SQ", false},
	{0x00080070, "LO", false}, {0x00080090, "PN", false}, {0x00080201, "SH", false}, {0x00081010, "SH", false}, {0x00081030, "LO", false},
	{0x00081032, "SQ", false}, {0x00081090, "LO", false}, {0x00100010, "PN", true}, {0x00100020, "LO", true}, {0x00100021, "LO", true},
	{0x00100024, "SQ", false}, {0x00100030, "DA", false}, {0x00100040, "CS", false}, {0x00101002, "SQ", false}, {0x00101010, "AS", false},
	{0x00101020, "DS", false}, {0x00101030, "DS", false}, {0x00102160, "SH", false}, {0x00104000, "LT", false}, {0x00120010, "LO", false},
	{0x00120020, "LO", false}, {0x00120021, "LO", false}, {0x00120030, "LO", false}, {0x00120040, "LO", false}, {0x00120050, "LO", false},
	{0x00120051, "ST", false}, {0x00120060, "LO", false}, {0x00120062, "CS", false}, {0x00120063, "LO", false}, {0x00120064, "SQ", false},
	{0x00120071, "LO", false}, {0x00120081, "LO", false}, {0x00120082, "LO", false}, {0x001200F0, "LO", false}, {0x00180015, "CS", false},
	{0x00181000, "LO", false}, {0x00181020, "LO", false}, {0x00200010, "SH", true}, {0x00282110, "CS", false}, {0x00282112, "DS", false},
	{0x00282114, "CS", false},
}

// texts are values that somebody wrote somewhere.
var texts = []string{"", " ", "\x00\x00", "ISO_IR 100", "UTF-8", "YES", "NO", "MAYBE",
	"M", "male", "X", "042Y", "42", "42Y", "none", "20240229", "2024.02.29", "20241399", "00000000",
	"101112", "10:11:12", "101112.5", "996161", "1.75", "1,75", "1e400", "-",
	"NaN", "72.123456789012345678", "LUNG", "BREAST", "Chest", "CHEST", "THORAX", "ABC", "01", "00", "1",
	`a\b`, `a\b\c`, "Meyer^Anna", "a^b^c^d^e^f^g", "a=b=c=d", "M\xfcller", "M\xc3\xbcller",
	"\x1b$B;3ED", "bell\x07", "line\r\nline", "tab\there", "ends in NUL\x00",
	strings.Repeat("x", 17), strings.Repeat("x", 65), strings.Repeat("x", 1025), strings.Repeat("x", 10241),
	strings.Repeat("long ", 16000), "\xfe\xff\x00\xe0\x04\x00\x00\x00abcd", "\xff\xfe\xdd\xe0"}

// wrong are VRs under which a value may stand.
var wrong = []string{"LO", "UN", "SH", "OB", "US", "CS", "FD", "UT", "ST", "PN", "DS", "SQ", "AT"}

// short tells whether the length of a VR has 16 bits.
func short(vr string) bool {
	return !slices.Contains([]string{"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}, vr)
}

func rawElement(tag uint32, vr string, value []byte) []byte {
	b := binary.LittleEndian.AppendUint16(nil, uint16(tag>>16))
	b = binary.LittleEndian.AppendUint16(b, uint16(tag))
	if len(value)%2 == 1 {
		value = append(slices.Clone(value), ' ')
	}
	if short(vr) && len(value) > 0xfffe {
		vr = "UN"
	}
	b = append(b, vr...)
	if short(vr) {
		return append(binary.LittleEndian.AppendUint16(b, uint16(len(value))), value...)
	}
	return append(binary.LittleEndian.AppendUint32(append(b, 0, 0), uint32(len(value))), value...)
}

func rawItem(value []byte) []byte {
	return append(binary.LittleEndian.AppendUint32([]byte{0xfe, 0xff, 0x00, 0xe0}, uint32(len(value))), value...)
}

// rawItems are items of what a sequence may hold, and of what it may not.
func rawItems(r *rand.Rand, depth int) []byte {
	var all []byte
	for range r.IntN(3) {
		elements := map[uint32][]byte{}
		for range r.IntN(6) {
			t := []uint32{0x00080005, 0x00080100, 0x00080102, 0x00080104, 0x0008010F,
				0x00080105, 0x00080106, 0x00100020, 0x00100021, 0x00100022, 0x00100024, 0x00400031,
				0x00400032, 0x00400033, 0x00091001, 0x00280010, 0x00089999}[r.IntN(17)]
			vr := map[uint32]string{0x00080100: "SH", 0x00080102: "SH", 0x00080104: "LO",
				0x00100020: "LO", 0x00100024: "SQ", 0x00400031: "UT", 0x00400032: "UT"}[t]
			if vr == "" {
				vr = "CS"
			}
			elements[t] = rawValue(r, t, vr, depth)
		}
		if r.IntN(2) == 0 { // a code as it should be
			elements[0x00080100] = rawElement(0x00080100, "SH", []byte("P5-0808E "))
			elements[0x00080102] = rawElement(0x00080102, "SH", []byte("SRT "))
			elements[0x00080104] = rawElement(0x00080104, "LO", []byte("CT"))
		}
		all = append(all, rawItem(joined(elements))...)
	}
	return all
}

// rawValue is an element that is right, wrong or strange.
func rawValue(r *rand.Rand, tag uint32, vr string, depth int) []byte {
	under := vr
	if r.IntN(4) == 0 {
		under = wrong[r.IntN(len(wrong))]
	}
	var value []byte
	switch {
	case (under == "SQ" || vr == "SQ" && r.IntN(2) == 0) && depth < 4:
		value = rawItems(r, depth+1)
	case r.IntN(8) == 0:
		value = make([]byte, 2*r.IntN(9))
		for i := range value {
			value[i] = byte(r.UintN(256))
		}
	default:
		value = []byte(texts[r.IntN(len(texts))])
	}
	if under == "SQ" && (depth >= 4 || len(value) > 0 && !bytes.HasPrefix(value, []byte{0xfe, 0xff, 0x00, 0xe0})) {
		under = "UN" // text under SQ is no data set at all
	}
	return rawElement(tag, under, value)
}

func joined(elements map[uint32][]byte) []byte {
	var tags []uint32
	for t := range elements {
		tags = append(tags, t)
	}
	slices.Sort(tags)
	var all []byte
	for _, t := range tags {
		all = append(all, elements[t]...)
	}
	return all
}

// Broken returns a source whose attributes of patient, study and scanner are wrong in ways that a seed chooses: of other VRs, with values
// that these cannot have, text for sequences and the other way round. Identity attributes are so only on demand.
func Broken(t testing.TB, seed uint64, identity bool) *dataset.File {
	t.Helper()
	for r := rand.New(rand.NewPCG(seed, 0)); ; {
		elements := map[uint32][]byte{
			0x00080016: rawElement(0x00080016, "UI", []byte("1.2.840.10008.5.1.4.1.1.2\x00")),
			0x00080018: rawElement(0x00080018, "UI", []byte("1.2.3.4.1\x00")),
			0x00100010: rawElement(0x00100010, "PN", []byte("Meyer^Anna")),
			0x00100020: rawElement(0x00100020, "LO", []byte("P-1 ")),
			0x0020000D: rawElement(0x0020000D, "UI", []byte("1.2.3\x00")),
			0x0020000E: rawElement(0x0020000E, "UI", []byte("1.2.3.4\x00")),
		}
		for _, o := range odd {
			if (identity || !o.identity) && r.IntN(3) > 0 {
				elements[o.tag] = rawValue(r, o.tag, o.vr, 0)
			}
		}
		var file bytes.Buffer
		err := dataset.WriteMeta(&file, dataset.Meta{
			SOPClassUID:            "1.2.840.10008.5.1.4.1.1.2",
			SOPInstanceUID:         "1.2.3.4.1",
			TransferSyntaxUID:      dataset.ExplicitVRLittleEndian,
			ImplementationClassUID: "2.25.1",
		})
		if err != nil {
			t.Fatal(err)
		}
		file.Write(joined(elements))
		f, err := dataset.Read(bytes.NewReader(file.Bytes()), int64(file.Len()), dataset.Limits{})
		if err == nil {
			return f
		} // what cannot be read never becomes a source: the next one from the same seed
	}
}
