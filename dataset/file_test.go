package dataset_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"jcsnode/corpus"
	"jcsnode/dataset"
)

func explicit() dataset.TransferSyntax {
	ts, _ := dataset.LookupTransferSyntax(dataset.ExplicitVRLittleEndian)
	return ts
}

func read(t *testing.T, b []byte) *dataset.File {
	t.Helper()
	f, err := dataset.Read(bytes.NewReader(b), int64(len(b)), dataset.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

var someNodes = []node{
	{tag: dataset.SOPClassUID, vr: "UI", value: []byte("1.2.840.10008.5.1.4.1.1.2\x00")},
	{tag: dataset.PatientID, vr: "LO", value: []byte(" 42 ")},
	{tag: dataset.PixelSpacing, vr: "DS", value: []byte(`0.5 \ 0.25`)},
	{tag: dataset.NumberOfFrames, vr: "IS", value: []byte("3 ")},
	{tag: dataset.Rows, vr: "US", value: []byte{1, 2}},
}

func TestWriteMeta_IsReadBack(t *testing.T) {
	set := encode(someNodes, explicit())
	b := part10(dataset.ExplicitVRLittleEndian, set)
	f := read(t, b)
	if got := f.DataSetOffset(); !bytes.Equal(b[got:], set) {
		t.Errorf("data set begins at %d, want %d", got, len(b)-len(set))
	}
	if got, _ := f.Meta().Int(dataset.FileMetaInformationGroupLength); got != len(b)-len(set)-144 {
		t.Errorf("group length %d, want %d", got, len(b)-len(set)-144)
	}
	for tag, want := range map[dataset.Tag]string{
		dataset.MediaStorageSOPClassUID: "1.2.840.10008.5.1.4.1.1.2", dataset.MediaStorageSOPInstanceUID: "1.2.3",
		dataset.TransferSyntaxUID: dataset.ExplicitVRLittleEndian, dataset.ImplementationClassUID: "2.25.1",
		dataset.ImplementationVersionName: "TEST", dataset.SourceApplicationEntityTitle: "SCANNER",
	} {
		if got := f.Meta().String(tag); got != want {
			t.Errorf("%v is %q, want %q", tag, got, want)
		}
	}
}

// TestRead_FindsTheDataSet: with and without preamble and meta, in every native syntax.
func TestRead_FindsTheDataSet(t *testing.T) {
	for _, uid := range walkSyntaxes {
		ts, _ := dataset.LookupTransferSyntax(uid)
		set := encode(someNodes, ts)
		if !ts.Deflated {
			f := read(t, set)
			if f.TransferSyntax() != ts || f.Set().String(dataset.PatientID) != "42" {
				t.Errorf("bare %s: read as %v", ts.Name, f.TransferSyntax())
			}
		} else {
			set = deflate(set)
		}
		b := part10(uid, set)
		for name, b := range map[string][]byte{"whole": b, "without preamble": b[132:]} {
			if f := read(t, b); f.TransferSyntax() != ts || f.Set().String(dataset.PatientID) != "42" {
				t.Errorf("%s %s: read as %v", name, ts.Name, f.TransferSyntax())
			}
		}
	}
}

// TestRead_EveryCutIsNoticed: however a file is cut, it is an error or ends between two
// elements of the top level.
func TestRead_EveryCutIsNoticed(t *testing.T) {
	nodes := append([]node(nil), someNodes...)
	nodes = append(nodes, node{tag: dataset.RequestAttributesSequence, vr: "SQ", open: true, items: [][]node{someNodes}},
		node{tag: dataset.PixelDataTag, vr: "OW", value: make([]byte, 32)})
	b := part10(dataset.ExplicitVRLittleEndian, encode(nodes, explicit()))
	whole := map[int]bool{}
	for i := range nodes {
		whole[len(part10(dataset.ExplicitVRLittleEndian, encode(nodes[:i+1], explicit())))] = true
	}
	for n := range len(b) {
		_, err := dataset.Read(bytes.NewReader(b[:n]), int64(n), dataset.Limits{})
		if (err == nil) != whole[n] {
			t.Errorf("cut at %d of %d: %v", n, len(b), err)
		}
		if err != nil && !errors.Is(err, dataset.ErrTruncated) && !errors.Is(err, dataset.ErrNotDICOM) && n > 300 {
			t.Errorf("cut at %d of %d: %v, want ErrTruncated", n, len(b), err)
		}
	}
}

func TestRead_Limits(t *testing.T) {
	deep := []node{{tag: dataset.Modality, vr: "CS"}}
	for range 1025 {
		deep = []node{{tag: dataset.ReferencedImageSequence, vr: "SQ", open: true, items: [][]node{deep}}}
	}
	many := make([]node, 50)
	for i := range many {
		many[i] = node{tag: dataset.NewTag(0x29, uint16(0x1000+i)), vr: "LO"}
	}
	for name, c := range map[string]struct {
		nodes []node
		lim   dataset.Limits
	}{
		"depth":    {deep, dataset.Limits{}},
		"elements": {many, dataset.Limits{Elements: 49}},
	} {
		b := part10(dataset.ExplicitVRLittleEndian, encode(c.nodes, explicit()))
		if _, err := dataset.Read(bytes.NewReader(b), int64(len(b)), c.lim); !errors.Is(err, dataset.ErrLimit) {
			t.Errorf("%s: %v, want ErrLimit", name, err)
		}
	}
}

func TestSet_Accessors(t *testing.T) {
	nodes := []node{
		{tag: dataset.ImageType, vr: "CS", value: []byte(`ORIGINAL\PRIMARY \AXIAL`)},
		{tag: dataset.SliceThickness, vr: "DS", value: []byte("NaN ")},
		{tag: dataset.SpacingBetweenSlices, vr: "DS", value: []byte("1,5 ")},
		{tag: dataset.KVP, vr: "DS", value: []byte("1e999 ")},
		{tag: dataset.ExposureTime, vr: "IS", value: []byte(`+12\3 `)},
		{tag: dataset.Exposure, vr: "IS", value: []byte("1.5 ")},
		{tag: dataset.InstanceNumber, vr: "IS", value: []byte("  ")},
		{tag: dataset.PixelPaddingValue, vr: "SS", value: []byte{0x30, 0xF8}},
		{tag: dataset.RescaleSlope, vr: "UN", value: []byte("2 ")},
		{tag: dataset.NewTag(0x29, 0x1001), vr: "FD", value: binary.LittleEndian.AppendUint64(nil, 0x7FF0000000000000)},
		{tag: dataset.Modality, vr: "CS", value: []byte("CT")},
		{tag: dataset.Modality, vr: "CS", value: []byte("MR")},
	}
	s := read(t, part10(dataset.ExplicitVRLittleEndian, encode(nodes, explicit()))).Set()
	if got := s.Strings(dataset.ImageType); len(got) != 3 || got[1] != "PRIMARY" {
		t.Errorf("ImageType %q", got)
	}
	if got := s.String(dataset.Modality); got != "CT" {
		t.Errorf("duplicate Modality: %q, want the first", got)
	}
	if v, err := s.Int(dataset.ExposureTime); v != 12 || err != nil {
		t.Errorf("ExposureTime %d, %v", v, err)
	}
	if v, err := s.Int(dataset.PixelPaddingValue); v != -2000 || err != nil {
		t.Errorf("PixelPaddingValue %d, %v", v, err)
	}
	if v, err := s.Floats(dataset.RescaleSlope); err != nil || v[0] != 2 {
		t.Errorf("RescaleSlope of VR UN: %v, %v", v, err)
	}
	for _, tag := range []dataset.Tag{dataset.SliceThickness, dataset.SpacingBetweenSlices, dataset.KVP, dataset.NewTag(0x29, 0x1001)} {
		_, err := s.Floats(tag)
		var broken *dataset.ValueError
		if !errors.As(err, &broken) || broken.Tag != tag || broken.Value == "" {
			t.Errorf("Floats(%v): %v, want a ValueError with the text", tag, err)
		}
	}
	if _, err := s.Int(dataset.Exposure); err == nil {
		t.Error("Int of 1.5: no error")
	}
	for _, tag := range []dataset.Tag{dataset.InstanceNumber, dataset.PatientID} {
		if _, err := s.Int(tag); !errors.Is(err, dataset.ErrAbsent) {
			t.Errorf("Int(%v): %v, want ErrAbsent", tag, err)
		}
	}
	if _, err := s.Floats(dataset.ImageType); err == nil || errors.Is(err, dataset.ErrAbsent) {
		t.Errorf("Floats of a CS: %v", err)
	}
}

// TestSet_AmbiguousVR: US or SS in implicit VR follows Pixel Representation.
func TestSet_AmbiguousVR(t *testing.T) {
	ts, _ := dataset.LookupTransferSyntax(dataset.ImplicitVRLittleEndian)
	for signed, want := range map[byte]int{0: 63536, 1: -2000} {
		nodes := []node{
			{tag: dataset.Modality, value: []byte("CT")},
			{tag: dataset.PixelRepresentation, value: []byte{signed, 0}},
			{tag: dataset.PixelPaddingValue, value: []byte{0x30, 0xF8}},
		}
		s := read(t, part10(ts.UID, encode(nodes, ts))).Set()
		if v, err := s.Int(dataset.PixelPaddingValue); v != want || err != nil {
			t.Errorf("Pixel Representation %d: %d, %v, want %d", signed, v, err, want)
		}
	}
}

// TestRead_SequenceOfVRUN: of undefined length it is implicit VR little endian.
func TestRead_SequenceOfVRUN(t *testing.T) {
	implicit, _ := dataset.LookupTransferSyntax(dataset.ImplicitVRLittleEndian)
	inner := encode([]node{{tag: dataset.RequestAttributesSequence, open: true,
		items: [][]node{{{tag: dataset.RequestedProcedureID, value: []byte("P1")}}}}}, implicit)
	set := append(encode(someNodes[:1], explicit()), inner[:4]...)
	set = append(append(append(set, "UN\x00\x00"...), inner[4:]...),
		encode([]node{{tag: dataset.NewTag(0x41, 1), vr: "LO"}}, explicit())...)
	items := read(t, part10(dataset.ExplicitVRLittleEndian, set)).Set().Items(dataset.RequestAttributesSequence)
	if len(items) != 1 || items[0].String(dataset.RequestedProcedureID) != "P1" {
		t.Errorf("items %v", items)
	}
}

// TestPixelData_Frames: every way to tell frames apart gives frame i its own bytes.
func TestPixelData_Frames(t *testing.T) {
	frames := []string{"aaaa\xff\xd9", "bb\xff\xd9", "cccccc\xff\xd9\x00\x00"}
	item := func(v string) string {
		return "\xfe\xff\x00\xe0" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(v)))) + v
	}
	split := item("aa") + item("aa\xff\xd9") + item("bb\xff\xd9") + item("cccc") + item("cc\xff\xd9\x00\x00")
	for name, items := range map[string]string{
		"one fragment each": item("") + item(frames[0]) + item(frames[1]) + item(frames[2]),
		"empty fragments":   item("") + item("") + item(frames[0]) + item(frames[1]) + item("") + item(frames[2]),
		"offset table":      item("\x00\x00\x00\x00\x16\x00\x00\x00\x22\x00\x00\x00") + split,
		"markers":           item("") + split,
		"useless table":     item("\x00\x00\x00\x00\x07\x00\x00\x00\x22\x00\x00\x00") + split,
	} {
		t.Run(name, func(t *testing.T) {
			set := append(encode(someNodes, explicit()), "\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff"...)
			set = append(set, items+"\xfe\xff\xdd\xe0\x00\x00\x00\x00"...)
			p, ok := read(t, part10(dataset.JPEGLSLossless, set)).PixelData()
			if !ok || !p.Encapsulated {
				t.Fatalf("pixel data %v %+v", ok, p)
			}
			for i, want := range frames {
				if got, err := p.Frame(i); string(got) != want || err != nil {
					t.Errorf("frame %d is %q, %v, want %q", i, got, err, want)
				}
			}
			if _, err := p.Frame(3); err == nil {
				t.Error("frame 3 of 3: no error")
			}
		})
	}
}

func TestPixelData_Native(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
	for _, uid := range walkSyntaxes {
		ts, _ := dataset.LookupTransferSyntax(uid)
		set := encode(append(append([]node(nil), someNodes...), node{tag: dataset.PixelDataTag, vr: "OW", value: want}), ts)
		if ts.Deflated {
			set = deflate(set)
		}
		p, ok := read(t, part10(uid, set)).PixelData()
		if !ok || p.Encapsulated || p.Length != int64(len(want)) {
			t.Fatalf("%s: pixel data %v %+v", ts.Name, ok, p)
		}
		got, err := io.ReadAll(p.Reader())
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v, want %d", ts.Name, len(got), err, len(want))
		}
		part := make([]byte, 16) // backwards
		if _, err := p.Reader().ReadAt(part, 32); err != nil || !bytes.Equal(part, want[:16]) {
			t.Errorf("%s: at 32: %q, %v", ts.Name, part, err)
		}
	}
}

// opened counts how often it is closed.
type opened struct {
	*bytes.Reader
	closed int
}

func (o *opened) Close() error { o.closed++; return nil }

// Whoever hands an open file over is rid of it, whether it can be read or not.
func TestOpenReader_CloserIsTheFile(t *testing.T) {
	whole := part10(dataset.ExplicitVRLittleEndian, []byte("\x08\x00\x18\x00UI\x04\x001.2\x00"))
	good := &opened{Reader: bytes.NewReader(whole)}
	f, err := dataset.OpenReader(good, good.Size(), dataset.Limits{})
	if err != nil || good.closed != 0 || f.Set().String(dataset.SOPInstanceUID) != "1.2" {
		t.Fatalf("%v, closed %d times", err, good.closed)
	}
	if err := f.Close(); err != nil || good.closed != 1 {
		t.Errorf("%v, closed %d times", err, good.closed)
	}
	cut := &opened{Reader: bytes.NewReader(whole[:len(whole)-2])}
	if _, err := dataset.OpenReader(cut, cut.Size(), dataset.Limits{}); !errors.Is(err, dataset.ErrTruncated) || cut.closed != 1 {
		t.Errorf("%v, closed %d times; want it cut short and closed", err, cut.closed)
	}
}

// TestOpen_RealStudies opens every file of the CT and the odd studies.
func TestOpen_RealStudies(t *testing.T) {
	for _, folder := range []string{"ct", "odd"} {
		err := filepath.WalkDir(corpus.Shared(t, folder), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".dcm") {
				return err
			}
			f, err := dataset.Open(path, dataset.Limits{})
			if cut := strings.HasSuffix(path, "ax4_file_cut.dcm"); cut != errors.Is(err, dataset.ErrTruncated) || !cut && err != nil {
				t.Errorf("%s: %v", path, err)
			}
			if err == nil {
				f.Close()
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// BenchmarkOpen reads the header of a CT slice of 526 KB, as the reception does.
func BenchmarkOpen(b *testing.B) {
	path := corpus.Shared(b, "syntaxes", "ct_u12", "explicit-le.dcm")
	b.ReportAllocs()
	for b.Loop() {
		f, err := dataset.Open(path, dataset.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
}
