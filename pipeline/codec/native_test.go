package codec_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"jcsnode/dataset"
	"jcsnode/pipeline/codec"
)

// pixels describes an image of 3 x 1 pixels that a test builds.
type pixels struct {
	allocated, stored, high, representation uint16
	frames                                  int
	vr                                      string
	data                                    string
}

// file is build for a test.
func (p pixels) file(t testing.TB, uid string) *dataset.File {
	t.Helper()
	f, err := p.build(uid)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// build makes a Part 10 file in explicit VR, little or big endian.
func (p pixels) build(uid string) (*dataset.File, error) {
	order := binary.AppendByteOrder(binary.LittleEndian)
	if uid == dataset.ExplicitVRBigEndian {
		order = binary.BigEndian
	}
	var b bytes.Buffer
	err := dataset.WriteMeta(&b, dataset.Meta{
		SOPClassUID:            "1.2",
		SOPInstanceUID:         "1.2.3",
		TransferSyntaxUID:      uid,
		ImplementationClassUID: "2.25.1",
	})
	if err != nil {
		return nil, err
	}
	set := []byte(nil)
	add := func(tag dataset.Tag, vr string, value []byte) {
		set = order.AppendUint16(order.AppendUint16(set, tag.Group()), tag.Element())
		set = append(set, vr...)
		if vr == "OB" || vr == "OW" {
			set = order.AppendUint32(append(set, 0, 0), uint32(len(value)))
		} else {
			set = order.AppendUint16(set, uint16(len(value)))
		}
		set = append(set, value...)
	}
	if p.frames > 0 {
		add(dataset.NumberOfFrames, "IS", fmt.Appendf(nil, "%-4d", p.frames))
	}
	for _, e := range []struct {
		tag   dataset.Tag
		value uint16
	}{
		{dataset.SamplesPerPixel, 1}, {dataset.Rows, 1}, {dataset.Columns, 3},
		{dataset.BitsAllocated, p.allocated}, {dataset.BitsStored, p.stored},
		{dataset.HighBit, p.high}, {dataset.PixelRepresentation, p.representation},
	} {
		add(e.tag, "US", order.AppendUint16(nil, e.value))
	}
	add(dataset.PixelDataTag, p.vr, []byte(p.data))
	b.Write(set)
	return dataset.Read(bytes.NewReader(b.Bytes()), int64(b.Len()), dataset.Limits{})
}

func TestDecode_Native(t *testing.T) {
	const le, be = dataset.ExplicitVRLittleEndian, dataset.ExplicitVRBigEndian
	for name, c := range map[string]struct {
		uid   string
		p     pixels
		frame int
		want  []int32
	}{
		"8 bit":            {le, pixels{8, 8, 7, 0, 0, "OB", "\x01\x80\xff\x00"}, 0, []int32{1, 128, 255}},
		"8 bit signed":     {le, pixels{8, 8, 7, 1, 0, "OB", "\x01\x80\xff\x00"}, 0, []int32{1, -128, -1}},
		"8 bit big OB":     {be, pixels{8, 8, 7, 0, 0, "OB", "\x01\x80\xff\x00"}, 0, []int32{1, 128, 255}},
		"8 bit big OW":     {be, pixels{8, 8, 7, 0, 0, "OW", "\x80\x01\x00\xff"}, 0, []int32{1, 128, 255}},
		"12 of 16 signed":  {le, pixels{16, 12, 11, 1, 0, "OW", "\xff\x0f\x00\xf8\x01\xf0"}, 0, []int32{-1, -2048, 1}},
		"16 big":           {be, pixels{16, 16, 15, 1, 0, "OW", "\xff\xfe\x01\x02\x80\x00"}, 0, []int32{-2, 258, -32768}},
		"12 of 16, at top": {le, pixels{16, 12, 15, 0, 0, "OW", "\x1f\x00\xf0\xff\x00\x80"}, 0, []int32{1, 4095, 2048}},
		"32 signed": {le,
			pixels{32, 32, 31, 1, 0, "OW", "\xff\xff\xff\xff\x01\x00\x00\x00\x00\x00\x00\x80"}, 0, []int32{-1, 1, -1 << 31}},
		"24 of 32 big": {be,
			pixels{32, 24, 23, 0, 0, "OW", "\xff\x00\x00\x01\x00\xff\xff\xff\x00\x00\x00\x00"}, 0, []int32{1, 1<<24 - 1, 0}},
		"second, 8 bit big":   {be, pixels{8, 8, 7, 0, 2, "OW", "\x02\x01\x04\x03\x06\x05"}, 1, []int32{4, 5, 6}},
		"second frame, 8 bit": {le, pixels{8, 8, 7, 0, 2, "OB", "\x01\x02\x03\x04\x05\x06"}, 1, []int32{4, 5, 6}},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := codec.Decode(c.p.file(t, c.uid), c.frame)
			if err != nil || !slices.Equal(s.Values, c.want) || s.Rows != 1 || s.Columns != 3 || s.SamplesPerPixel != 1 {
				t.Errorf("got %+v, %v, want %v", s, err, c.want)
			}
		})
	}
}

func TestDecode_RefusesWithACode(t *testing.T) {
	for name, c := range map[string]struct {
		p     pixels
		frame int
		want  string
	}{
		"no frame 1":         {pixels{8, 8, 7, 0, 0, "OB", "\x01\x02\x03\x00"}, 1, codec.BadHeader},
		"frame -1":           {pixels{8, 8, 7, 0, 0, "OB", "\x01\x02\x03\x00"}, -1, codec.BadHeader},
		"frame missing":      {pixels{8, 8, 7, 0, 3, "OB", "\x01\x02\x03\x04\x05\x06"}, 0, codec.Truncated},
		"twice as long":      {pixels{8, 8, 7, 0, 0, "OB", "\x01\x02\x03\x04\x05\x06"}, 0, codec.HeaderMismatch},
		"empty":              {pixels{8, 8, 7, 0, 0, "OB", ""}, 0, codec.NoPixelData},
		"32 bits unsigned":   {pixels{32, 32, 31, 0, 0, "OW", "123456789012"}, 0, codec.UnsupportedImage},
		"1 bit":              {pixels{1, 1, 0, 0, 0, "OB", "\x07\x00"}, 0, codec.BadHeader},
		"high bit too low":   {pixels{16, 12, 10, 0, 0, "OW", "123456"}, 0, codec.BadHeader},
		"high bit too high":  {pixels{16, 12, 16, 0, 0, "OW", "123456"}, 0, codec.BadHeader},
		"representation 2":   {pixels{16, 12, 11, 2, 0, "OW", "123456"}, 0, codec.BadHeader},
		"no frames in frame": {pixels{16, 12, 11, 0, 0, "OW", "12"}, 0, codec.Truncated},
	} {
		_, err := codec.Decode(c.p.file(t, dataset.ExplicitVRLittleEndian), c.frame)
		var reason *codec.Error
		if !errors.As(err, &reason) || reason.Code != c.want {
			t.Errorf("%s: %v, want code %s", name, err, c.want)
		}
	}
}

// TestTransferSyntaxes_AreThoseOfTheDataset: none is forgotten, lossy ones come last.
func TestTransferSyntaxes_AreThoseOfTheDataset(t *testing.T) {
	list := codec.TransferSyntaxes()
	if len(list) < 11 || list[0] != dataset.ExplicitVRLittleEndian {
		t.Errorf("%v", list)
	}
	for _, uid := range list {
		if _, ok := dataset.LookupTransferSyntax(uid); !ok || !codec.Supported(uid) {
			t.Errorf("%s is unknown or not supported", uid)
		}
	}
	for _, uid := range []string{dataset.JPEGBaseline8Bit, dataset.JPEGExtended12Bit, dataset.JPEGLSNearLossless} {
		if slices.Index(list, uid) < slices.Index(list, dataset.ExplicitVRBigEndian) {
			t.Errorf("lossy %s stands before a native transfer syntax", uid)
		}
	}
	if codec.Supported("1.2.3") {
		t.Error("1.2.3 is supported")
	}
}

// ExampleDecode reads the stored values of a frame.
func ExampleDecode() {
	f, err := pixels{16, 12, 11, 1, 0, "OW", "\xff\x0f\x00\x08\x01\x00"}.build(dataset.ExplicitVRLittleEndian)
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := codec.Decode(f, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Rows, s.Columns, s.Values)
	// Output: 1 3 [-1 -2048 1]
}
