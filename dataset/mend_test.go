package dataset_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"jcsnode/dataset"
)

// slice is a data set of which every value is needed, around the place where a test puts what nobody needs.
func slice(before, private, behind []byte, ts dataset.TransferSyntax) []byte {
	low := []node{
		{tag: dataset.SOPClassUID, vr: "UI", value: []byte("1.2.840.10008.5.1.4.1.1.2\x00")},
		{tag: dataset.SOPInstanceUID, vr: "UI", value: []byte("1.2.3\x00")},
		{tag: dataset.PatientID, vr: "LO", value: []byte("P4711 ")},
	}
	high := []node{
		{tag: dataset.StudyInstanceUID, vr: "UI", value: []byte("1.2.4\x00")},
		{tag: dataset.SeriesInstanceUID, vr: "UI", value: []byte("1.2.5\x00")},
		{tag: dataset.ImagePositionPatient, vr: "DS", value: []byte(`0\0\-17.5 `)},
		{tag: dataset.Rows, vr: "US", value: []byte{4, 0}},
		{tag: dataset.Columns, vr: "US", value: []byte{4, 0}},
	}
	pixels := []node{{tag: dataset.PixelDataTag, vr: "OW", value: samples}}
	return slices.Concat(before, encode(low, ts), private, encode(high, ts), encode(pixels, ts), behind)
}

var samples = bytes.Repeat([]byte{1, 2, 3, 4}, 8)

// whole says what is wrong with what was read of a slice.
func whole(f *dataset.File) error {
	s := f.Set()
	for tag, want := range map[dataset.Tag]string{dataset.SOPClassUID: "1.2.840.10008.5.1.4.1.1.2",
		dataset.SOPInstanceUID: "1.2.3", dataset.PatientID: "P4711",
		dataset.StudyInstanceUID: "1.2.4", dataset.SeriesInstanceUID: "1.2.5"} {
		if got := s.String(tag); got != want {
			return fmt.Errorf("%v is %q, want %q", tag, got, want)
		}
	}
	if z, err := s.Floats(dataset.ImagePositionPatient); err != nil || len(z) != 3 || z[2] != -17.5 {
		return fmt.Errorf("position %v, %v", z, err)
	}
	p, ok := f.PixelData()
	if !ok {
		return errors.New("no pixel data")
	}
	if got, err := io.ReadAll(p.Reader()); err != nil || !bytes.Equal(got, samples) {
		return fmt.Errorf("pixels % x, %v", got, err)
	}
	return nil
}

// raw writes an element with a length of its own.
func raw(tag dataset.Tag, vr string, length uint32, value []byte, ts dataset.TransferSyntax) []byte {
	b := binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, tag.Group()), tag.Element())
	switch {
	case !ts.Explicit:
		b = binary.LittleEndian.AppendUint32(b, length)
	case longVR[vr]:
		b = binary.LittleEndian.AppendUint32(append(b, vr[0], vr[1], 0, 0), length)
	default:
		b = binary.LittleEndian.AppendUint16(append(b, vr[0], vr[1]), uint16(length))
	}
	return append(b, value...)
}

func le(tag dataset.Tag, length uint32) string {
	b := binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, tag.Group()), tag.Element())
	return string(binary.LittleEndian.AppendUint32(b, length))
}

// TestRead_PassesWhatNobodyNeeds: whatever is wrong in a private element, or behind the pixel data, costs nothing else, and is told.
func TestRead_PassesWhatNobodyNeeds(t *testing.T) {
	const undefined = 0xFFFFFFFF
	sq, text := dataset.NewTag(0x0019, 0x105F), dataset.NewTag(0x0019, 0x1060)
	for _, uid := range []string{dataset.ImplicitVRLittleEndian, dataset.ExplicitVRLittleEndian} {
		ts, _ := dataset.LookupTransferSyntax(uid)
		inner := raw(text, "LO", 4, []byte("abcd"), ts)
		item := le(dataset.Item, uint32(len(inner))) + string(inner)
		open := le(dataset.Item, undefined) + string(inner)
		endItem, endSQ := le(dataset.ItemDelimitation, 0), le(dataset.SequenceDelimitation, 0)
		sequence := func(value string, wrong int) []byte {
			return raw(sq, "SQ", uint32(len(value)+wrong), []byte(value), ts)
		}
		list := func(value string) []byte { return raw(sq, "SQ", undefined, []byte(value), ts) }
		deep := string(inner)
		for range 1200 {
			deep = le(dataset.Item, undefined) + string(raw(sq, "SQ", undefined, []byte(deep), ts)) + endItem
		}
		cases := map[string][]byte{
			"surplus sequence delimiter inside":        sequence(item+endSQ, 0),
			"surplus item delimiter inside":            sequence(item+endItem, 0),
			"both, twice":                              sequence(item+endItem+endSQ+item+endItem+endSQ, 0),
			"surplus sequence delimiter behind":        append(sequence(item, 0), endSQ...),
			"surplus item delimiter behind":            append(sequence(item, 0), endItem...),
			"surplus item delimiter, undefined length": list(item + endItem + endSQ),
			"surplus sequence delimiter, nested": list(
				le(dataset.Item, undefined) + string(sequence(item, 0)) + endSQ + endItem + endSQ),
			"surplus delimiters behind undefined length": append(list(open+endItem+endSQ), endSQ...),
			"delimiter with a length": list(
				open + le(dataset.ItemDelimitation, 8) + le(dataset.SequenceDelimitation, 4)),
			"item delimiter missing before the sequence's": list(open + endSQ),
			"item delimiter missing before an item":        list(open + item + endSQ),
			"delimiters missing, length stated":            sequence(open, 0),
			"item too long":                                sequence(le(dataset.Item, 400)+string(inner), 0),
			"item too short":                               sequence(le(dataset.Item, 6)+string(inner), 0),
			"element in the item too long": sequence(
				le(dataset.Item, uint32(len(inner)))+string(raw(text, "LO", 90, []byte("abcd"), ts)), 0),
			"noise in place of items":             sequence("noise in place of items.", 0),
			"sequence too short":                  sequence(item, -6),
			"sequence too short by its item":      sequence(item+item, -len(item)),
			"sequence too long":                   sequence(item, 6),
			"sequence that swallows what follows": sequence(item, 60),
			"sequence beyond the end of the file": sequence(item, 1<<20),
			"text too short":                      raw(text, "LO", 4, []byte("abcdefgh"), ts),
			"text too long":                       raw(text, "LO", 8, []byte("abcd"), ts),
			"bytes beyond the end of the file":    raw(text, "OB", 1<<24, []byte("abcd"), ts),
			"odd length":                          raw(text, "LO", 3, []byte("abc"), ts),
			"odd length, padded all the same":     raw(text, "LO", 3, []byte("abc "), ts),
			"two of them":                         append(sequence(item, -6), raw(text, "LO", 8, []byte("abcd"), ts)...),
			"out of order":                        append(raw(text, "LO", 4, []byte("abcd"), ts), sequence(item, 0)...),
			"twice": append(raw(text, "LO", 4, []byte("abcd"), ts),
				raw(text, "LO", 4, []byte("abcd"), ts)...),
			"too deep, length stated": sequence(deep, 0),
		}
		if ts.Explicit {
			implicit, _ := dataset.LookupTransferSyntax(dataset.ImplicitVRLittleEndian)
			bare := raw(text, "", 4, []byte("abcd"), implicit)
			plain := le(dataset.Item, uint32(len(bare))) + string(bare)
			cases["VR that is not known"] = raw(text, "ZZ", 4, []byte("abcd"), ts)
			cases["VR that is not known, long form"] = append(raw(text, "ZZ", 0, nil, ts), "\x04\x00\x00\x00abcd"...)
			cases["VR of two NULs"] = raw(text, "\x00\x00", 4, []byte("abcd"), ts)
			cases["VR in small letters"] = raw(text, "lo", 4, []byte("abcd"), ts)
			cases["question marks, long form"] = append(raw(text, "??", 0, nil, ts), "\x04\x00\x00\x00abcd"...)
			cases["no VR"] = bare
			cases["items in implicit VR"] = sequence(plain, 0)
			cases["items in implicit VR, undefined length"] = list(plain + endSQ)
			cases["UN of undefined length in explicit VR"] = raw(sq, "UN", undefined, []byte(item+endSQ), ts)
			cases["UT of undefined length"] = raw(text, "UT", undefined, []byte(item+endSQ), ts)
		}
		for name, private := range cases {
			t.Run(ts.Name+", "+name, func(t *testing.T) {
				b := part10(uid, slice(nil, private, nil, ts))
				f, err := dataset.Read(bytes.NewReader(b), int64(len(b)), dataset.Limits{})
				if err != nil {
					t.Fatal(err)
				}
				if err := whole(f); err != nil {
					t.Error(err)
				}
				opaque := !ts.Explicit && string(private[4:8]) != "\xff\xff\xff\xff"
				if !opaque && (len(f.Faults()) == 0 || f.Faults()[0].Text == "") {
					t.Errorf("faults %+v", f.Faults())
				}
				touch(f.Set(), 0)
			})
		}
		for name, c := range map[string]struct{ before, behind string }{
			"noise behind":           {"", "noise"},
			"much noise behind":      {"", strings.Repeat("noise from somewhere ", 100)},
			"zeros, then noise":      {"", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00noise"},
			"erased memory":          {"", strings.Repeat("\xff", 512)},
			"surplus delimiter":      {"", endSQ},
			"group length that lies": {string(raw(dataset.NewTag(8, 0), "UL", 4, []byte{9, 9, 9, 0}, ts)), ""},
		} {
			t.Run(ts.Name+", "+name, func(t *testing.T) {
				b := part10(uid, slice([]byte(c.before), nil, []byte(c.behind), ts))
				f, err := dataset.Read(bytes.NewReader(b), int64(len(b)), dataset.Limits{})
				if err != nil {
					t.Fatal(err)
				}
				if err := whole(f); err != nil {
					t.Error(err)
				}
				if c.behind != "" && len(f.Faults()) == 0 {
					t.Error("no fault told")
				}
			})
		}
	}
}

// TestRead_ReadsWhatCanBeRead: the items of a sequence that is not well-formed are there.
func TestRead_ReadsWhatCanBeRead(t *testing.T) {
	ts := explicit()
	inner := encode([]node{{tag: dataset.RequestedProcedureID, vr: "SH", value: []byte("P1")}}, ts)
	item := le(dataset.Item, uint32(len(inner))) + string(inner)
	implicit, _ := dataset.LookupTransferSyntax(dataset.ImplicitVRLittleEndian)
	bare := encode([]node{{tag: dataset.RequestedProcedureID, value: []byte("P1")}}, implicit)
	for name, value := range map[string]string{
		"surplus delimiter": item + le(dataset.SequenceDelimitation, 0),
		"implicit VR":       le(dataset.Item, uint32(len(bare))) + string(bare),
		"cut item behind":   item + le(dataset.Item, 500),
		"noise behind":      item + "noise",
	} {
		b := part10(ts.UID, slice(nil, nil, nil, ts))
		sequence := raw(dataset.RequestAttributesSequence, "SQ", uint32(len(value)), []byte(value), ts)
		at := bytes.Index(b, raw(dataset.PixelDataTag, "OW", uint32(len(samples)), nil, ts))
		b = slices.Concat(b[:at], sequence, b[at:])
		f := read(t, b)
		if err := whole(f); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		items := f.Set().Items(dataset.RequestAttributesSequence)
		if len(items) == 0 || items[0].String(dataset.RequestedProcedureID) != "P1" {
			t.Errorf("%s: items %v", name, items)
		}
	}
}

// TestRead_RefusesWhatIsCutOrNeeded: a cut data set stays an error whatever it holds, and so does a wrong length where it matters.
func TestRead_RefusesWhatIsCutOrNeeded(t *testing.T) {
	ts := explicit()
	text := dataset.NewTag(0x0019, 0x1060)
	inner := slices.Concat(raw(text, "LO", 4, []byte("abcd"), ts),
		raw(text+1, "LO", 4, []byte("abcd"), ts), raw(text+2, "LO", 4, []byte("abcd"), ts),
		raw(text+3, "LO", 4, []byte("abcd"), ts), raw(text+4, "LO", 4, []byte("abcd"), ts))
	value := le(dataset.Item, uint32(len(inner))) + string(inner)
	b := part10(ts.UID, slice(nil, raw(dataset.NewTag(0x0019, 0x105F), "SQ", uint32(len(value)), []byte(value), ts), nil, ts))
	open := part10(ts.UID,
		slice(nil, raw(dataset.NewTag(0x0019, 0x105F), "SQ", 0xFFFFFFFF, []byte(value+le(dataset.SequenceDelimitation, 0)), ts), nil, ts))
	for _, b := range [][]byte{b, open} {
		ends := map[int]bool{} // of elements of the top level
		f := read(t, b)
		for _, e := range f.Set().Elements() {
			ends[int(e.Offset)] = true
		}
		for n := 300; n < len(b); n++ {
			_, err := dataset.Read(bytes.NewReader(b[:n]), int64(n), dataset.Limits{})
			if !errors.Is(err, dataset.ErrTruncated) && !ends[n] {
				t.Errorf("cut at %d of %d: %v", n, len(b), err)
			}
		}
	}
	long := raw(dataset.PatientID, "LO", 600, []byte("P4711 "), ts)
	good := raw(dataset.PatientID, "LO", 6, []byte("P4711 "), ts)
	b = bytes.Replace(part10(ts.UID, slice(nil, nil, nil, ts)), good, long, 1)
	if _, err := dataset.Read(bytes.NewReader(b), int64(len(b)), dataset.Limits{}); err == nil {
		t.Error("a Patient ID that swallows the rest was read")
	}
}

// TestRead_ForeignSequencesDoNotPassForTheSlice: elements inside a damaged sequence, be they those that name an instance, are never
// taken for those of the slice.
func TestRead_ForeignSequencesDoNotPassForTheSlice(t *testing.T) {
	ts := explicit()
	foreign := encode([]node{
		{tag: dataset.StudyInstanceUID, vr: "UI", value: []byte("6.6.6\x00")},
		{tag: dataset.SeriesInstanceUID, vr: "UI", value: []byte("6.6.7\x00")},
		{tag: dataset.ImagePositionPatient, vr: "DS", value: []byte(`9\9\9 `)},
		{tag: dataset.Rows, vr: "US", value: []byte{6, 0}},
		{tag: dataset.Columns, vr: "US", value: []byte{6, 0}},
		{tag: dataset.PixelDataTag, vr: "OW", value: make([]byte, 72)},
	}, ts)
	item := le(dataset.Item, uint32(len(foreign))) + string(foreign)
	for wrong := -len(item) - 8; wrong < 200; wrong++ {
		if wrong == 0 || len(item)+wrong < 0 {
			continue
		}
		b := part10(ts.UID, slice(nil, raw(dataset.NewTag(0x0019, 0x105F), "SQ", uint32(len(item)+wrong), []byte(item), ts), nil, ts))
		f, err := dataset.Read(bytes.NewReader(b), int64(len(b)), dataset.Limits{})
		if err != nil {
			continue
		}
		if err := whole(f); err != nil {
			t.Errorf("length wrong by %d: %v", wrong, err)
		}
	}
}

// TestRead_DamageThatReachesBehindItsSequence: what a damaged byte makes of an element inside a private sequence may end just where an
// element of the slice begins. Those in between are the slice's.
func TestRead_DamageThatReachesBehindItsSequence(t *testing.T) {
	ts := explicit()
	inner := raw(dataset.NewTag(0x0029, 0x1000), "LO", 8, []byte("8 bytes."), ts)
	tag := dataset.NewTag(0x0019, 0x105F)
	for wrong := 8; wrong < 200; wrong++ {
		inner[6] = byte(wrong)
		b := part10(ts.UID, slice(nil, raw(tag, "SQ", uint32(len(inner)), inner, ts), nil, ts))
		f, err := dataset.Read(bytes.NewReader(b), int64(len(b)), dataset.Limits{})
		if err != nil {
			t.Fatalf("length %d: %v", wrong, err)
		}
		if err := whole(f); err != nil {
			t.Errorf("length %d: %v", wrong, err)
		}
	}
}

// TestRead_AnyDamageInsideAPrivateSequence: random bytes over the value of a private sequence of stated length cost nothing else.
func TestRead_AnyDamageInsideAPrivateSequence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ts, _ := dataset.LookupTransferSyntax(rapid.SampledFrom(walkSyntaxes[:2]).Draw(t, "syntax"))
		value := encode([]node{{tag: dataset.NewTag(0x29, 0x1000), vr: "SQ", items: [][]node{drawNodes(t, 1), drawNodes(t, 1)}}}, ts)
		for range rapid.IntRange(1, 8).Draw(t, "damages") {
			at := rapid.IntRange(0, len(value)-1).Draw(t, "at")
			value[at] = rapid.Byte().Draw(t, "byte")
		}
		b := part10(ts.UID, slice(nil, raw(dataset.NewTag(0x0019, 0x105F), "SQ", uint32(len(value)), value, ts), nil, ts))
		f, err := dataset.Read(bytes.NewReader(b), int64(len(b)), dataset.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if err := whole(f); err != nil {
			t.Fatal(err)
		}
		touch(f.Set(), 0)
	})
}

// TestRead_SearchIsBounded: a file made of nothing but places where a data set could go on takes no time worth mentioning.
func TestRead_SearchIsBounded(t *testing.T) {
	for _, uid := range walkSyntaxes[:2] {
		ts, _ := dataset.LookupTransferSyntax(uid)
		var many []byte
		for round := range 20 {
			for i := range 6000 {
				many = append(many, raw(dataset.NewTag(uint16(0x21+2*round), uint16(i)), "LO", 0, nil, ts)...)
			}
		}
		for _, length := range []uint32{1 << 30, 5, 0xFFFFFFFF} {
			b := part10(uid, slice(nil, nil, nil, ts))
			b = append(b[:len(b)-len(samples)-12], raw(dataset.NewTag(0x0019, 0x105F), "SQ", length, many, ts)...)
			start := time.Now()
			_, err := dataset.Read(bytes.NewReader(b), int64(len(b)), dataset.Limits{})
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("%s, length %x: %v after %v", ts.Name, length, err, took)
			}
		}
	}
}

// What is no sequence has no items, however forgiving the walk is.
func TestSet_ItemsOfWhatIsNoSequence(t *testing.T) {
	value := []byte("no items, but some text ")
	for _, vr := range []string{"LO", "UN", "OB"} {
		wrong := encode([]node{{tag: dataset.OtherPatientIDsSequence, vr: vr, value: value}}, explicit())
		set := read(t, part10(dataset.ExplicitVRLittleEndian, slice(nil, wrong, nil, explicit()))).Set()
		if items := set.Items(dataset.OtherPatientIDsSequence); items != nil {
			t.Errorf("%s: %d items", vr, len(items))
		}
	}
}
