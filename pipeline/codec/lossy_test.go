package codec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"testing"

	"jcsnode/corpus"
	"jcsnode/dataset"
	"jcsnode/pipeline/codec/codestream"
)

// Values of a lossy codec that overshoot are clamped to what is stored, at both ends, signed or not; what is far away is refused.
func TestClamp(t *testing.T) {
	for name, c := range map[string]struct {
		stored    int
		signed    bool
		precision int
		in, want  []int32
	}{
		"metal":                            {12, false, 16, []int32{4123, 4095, 4096, 0, 27}, []int32{4095, 4095, 4095, 0, 27}},
		"below 0":                          {12, false, 16, []int32{-3, 5}, []int32{0, 5}},
		"11 of 12 bits":                    {11, false, 12, []int32{2047, 2048, 2100}, []int32{2047, 2047, 2047}},
		"7 of 8 bits":                      {7, false, 8, []int32{127, 128, 140}, []int32{127, 127, 127}},
		"signed":                           {12, true, 16, []int32{2100, 2047, -2048, -2060, -1}, []int32{2047, 2047, -2048, -2048, -1}},
		"signed, all bits":                 {16, true, 16, []int32{32767, -32768}, []int32{32767, -32768}},
		"signed, in an unsigned one":       {16, true, 16, []int32{65535, 64536, 100}, []int32{-1, -1000, 100}},
		"signed, unsigned words":           {12, true, 16, []int32{3096, 3072, 40, 2047}, []int32{-1000, -1024, 40, 2047}},
		"signed, unsigned, overshooting":   {12, true, 16, []int32{65535, 2070, 2047}, []int32{-1, 2047, 2047}},
		"not what the header says":         {12, false, 16, []int32{60000}, nil},
		"signed, not what the header says": {12, true, 16, []int32{-20000, 5}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := header{allocated: 16, stored: c.stored, signed: c.signed}
			got := slices.Clone(c.in)
			err := h.clamp(got, c.precision)
			var mismatch *codestream.Mismatch
			if c.want == nil && !errors.As(err, &mismatch) || c.want != nil && (err != nil || !slices.Equal(got, c.want)) {
				t.Errorf("%v, %v, want %v", got, err, c.want)
			}
		})
	}
}

// Every lossy process of real files, told that a bit less is stored than the image has, gives the largest value for what does not fit,
// and nothing else changes.
func TestDecode_LossyOvershoot(t *testing.T) {
	for _, name := range []string{
		"ct_u12/jpeg-extended-12bit.dcm", "ct_u12/j2k-lossy.dcm", "ct_u12/jpegls-near2.dcm", "ct_u12/htj2k-lossy.dcm",
	} {
		t.Run(name, func(t *testing.T) {
			file, err := os.ReadFile(corpus.Shared(t, "syntaxes", name))
			if err != nil {
				t.Fatal(err)
			}
			whole := decodeBytes(t, file)
			stored := []byte("\x28\x00\x01\x01US\x02\x00")
			at := bytes.Index(file, stored) + len(stored)
			bits := binary.LittleEndian.Uint16(file[at:])
			most := slices.Max(whole)
			for most>>(bits-1) == 0 {
				bits--
			}
			bits-- // now the largest values do not fit
			binary.LittleEndian.PutUint16(file[at:], bits)
			if high := bytes.Index(file, []byte("\x28\x00\x02\x01US\x02\x00")); high > 0 {
				binary.LittleEndian.PutUint16(file[high+8:], bits-1)
			}
			limit := int32(1)<<bits - 1
			clamped := 0
			for i, v := range decodeBytes(t, file) {
				if v != min(whole[i], limit) {
					t.Fatalf("pixel %d is %d, want %d of %d", i, v, min(whole[i], limit), whole[i])
				}
				if whole[i] > limit {
					clamped++
				}
			}
			if clamped == 0 {
				t.Error("nothing overshoots: this proves nothing")
			}
		})
	}
}

func decodeBytes(t *testing.T, file []byte) []int32 {
	t.Helper()
	f, err := dataset.Read(bytes.NewReader(file), int64(len(file)), dataset.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if !Supported(f.TransferSyntax().UID) {
		t.Skipf("SKIPPED: %s is left out of this build", f.TransferSyntax().Name)
	}
	s, err := Decode(f, 0)
	if err != nil {
		t.Fatal(err)
	}
	return s.Values
}
