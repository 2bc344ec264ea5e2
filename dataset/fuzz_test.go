package dataset_test

import (
	"bytes"
	"io"
	"testing"

	"jcsnode/dataset"
)

// fuzzLimits make a data set that exceeds them cheap to find.
var fuzzLimits = dataset.Limits{Depth: 4, Elements: 1000, Inflated: 1 << 20, Value: 16, Header: 512}

func fuzzSeeds(f *testing.F) {
	nodes := []node{
		{tag: dataset.Modality, vr: "CS", value: []byte("CT")},
		{tag: dataset.ReferencedImageSequence, vr: "SQ", open: true, items: [][]node{{
			{tag: dataset.ReferencedSOPInstanceUID, vr: "UI", value: []byte("1.2\x00")},
			{tag: dataset.NewTag(0x29, 0x1001), vr: "SQ", items: [][]node{{}}},
		}, {}}},
		{tag: dataset.PatientName, vr: "PN", value: []byte("\x1b$B;3\x1b(B^T")},
		{tag: dataset.PixelSpacing, vr: "DS", value: []byte(`0.5\0.5 `)},
		{tag: dataset.Rows, vr: "US", value: []byte{0, 2}},
		{tag: dataset.NewTag(0x29, 0x1000), vr: "ZZ", value: bytes.Repeat([]byte{7}, 40)},
		{tag: dataset.PixelDataTag, vr: "OW", value: bytes.Repeat([]byte{1, 2}, 16)},
	}
	fragments := []byte("\xfe\xff\x00\xe0\x04\x00\x00\x00\x00\x00\x00\x00" + // offset table
		"\xfe\xff\x00\xe0\x04\x00\x00\x00\xff\xd8\xff\xd9" + "\xfe\xff\xdd\xe0\x00\x00\x00\x00")
	for _, uid := range append(walkSyntaxes, dataset.JPEGLosslessSV1) {
		ts, _ := dataset.LookupTransferSyntax(uid)
		b := encode(nodes, ts)
		if ts.Encapsulated {
			b = append(encode(nodes[:len(nodes)-1], ts), "\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff"...)
			b = append(b, fragments...)
		}
		if ts.Deflated {
			b = deflate(b)
		}
		f.Add(part10(uid, b))
		f.Add(b)
	}
}

// FuzzRead: no bytes make Read, or any accessor on what it read, panic.
func FuzzRead(f *testing.F) {
	fuzzSeeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := dataset.Read(bytes.NewReader(b), int64(len(b)), fuzzLimits)
		if err != nil {
			return
		}
		touch(file.Meta(), 0)
		touch(file.Set(), 0)
		p, ok := file.PixelData()
		if !ok {
			return
		}
		if !p.Encapsulated {
			p.Reader().Read(make([]byte, 16)) //nolint:errcheck // any answer will do
		}
		frame, err := p.Frame(0)
		if err == nil && len(frame) > len(b) {
			t.Fatalf("frame of %d bytes from a file of %d", len(frame), len(b))
		}
	})
}

// touch calls every accessor on every element.
func touch(s *dataset.Set, depth int) {
	for _, e := range s.Elements() {
		s.Bytes(e.Tag)
		s.Strings(e.Tag)
		s.Text(e.Tag)
		s.Floats(e.Tag) //nolint:errcheck
		s.Int(e.Tag)    //nolint:errcheck
		if depth < 8 {
			for _, item := range s.Items(e.Tag) {
				touch(item, depth+1)
			}
		}
	}
}

// FuzzWalk: a walk over a stream and over a seeker see the same elements and agree
// whether the data set is sound.
func FuzzWalk(f *testing.F) {
	fuzzSeeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, uid := range walkSyntaxes {
			ts, _ := dataset.LookupTransferSyntax(uid)
			var seen [2]int
			var fault [2]error
			for i, r := range []io.Reader{bytes.NewReader(b), io.MultiReader(bytes.NewReader(b))} {
				fault[i] = dataset.Walk(r, ts, fuzzLimits, func(dataset.Element) error {
					seen[i]++
					return nil
				})
			}
			if (fault[0] == nil) != (fault[1] == nil) {
				t.Fatalf("%s: seeking: %v, streaming: %v", ts.Name, fault[0], fault[1])
			}
			if fault[0] == nil && seen[0] != seen[1] {
				t.Fatalf("%s: %d elements seeking, %d streaming", ts.Name, seen[0], seen[1])
			}
		}
	})
}
