package seg

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// framesOf makes a frame of each mask, all of whose pixels that are not zero belong to it.
func framesOf(masks [][]byte) []frame {
	frames := make([]frame, len(masks))
	for i, m := range masks {
		frames[i].mask = m
	}
	return frames
}

func TestPack(t *testing.T) {
	for _, c := range []struct {
		name  string
		masks [][]byte
		want  []byte
	}{
		{"first pixel is the least bit", [][]byte{{1, 0, 0, 0, 0, 0, 0, 0}}, []byte{0x01, 0}},
		{"any value but zero counts", [][]byte{{0, 255, 7, 0, 0, 0, 0, 128}}, []byte{0x86, 0}},
		{"frames join inside a byte", [][]byte{{1, 1, 1}, {0, 0, 1}, {1, 0, 1}}, []byte{0x67, 0x01}},
		{"sixteen bits need no padding", [][]byte{bytes.Repeat([]byte{1}, 16)}, []byte{0xff, 0xff}},
		{"seventeen bits end even", [][]byte{bytes.Repeat([]byte{1}, 17)}, []byte{0xff, 0xff, 0x01, 0}},
		{"nothing", nil, []byte{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := pack(framesOf(c.masks)); !bytes.Equal(got, c.want) {
				t.Fatalf("got %x, want %x", got, c.want)
			}
		})
	}
}

// TestPack_ReadsBackAsAStream reads bit n of the stream as pixel n of all frames, whatever the frame size.
func TestPack_ReadsBackAsAStream(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pixels := rapid.IntRange(1, 40).Draw(t, "pixels")
		masks := make([][]byte, rapid.IntRange(1, 9).Draw(t, "frames"))
		var stream []byte
		for i := range masks {
			masks[i] = rapid.SliceOfN(rapid.ByteRange(0, 1), pixels, pixels).Draw(t, "mask")
			stream = append(stream, masks[i]...)
		}
		packed := pack(framesOf(masks))
		if len(packed)%2 != 0 || len(packed) < (len(stream)+7)/8 || len(packed) > (len(stream)+7)/8+1 {
			t.Fatalf("%d bytes for %d bits", len(packed), len(stream))
		}
		for n := range len(packed) * 8 {
			want := byte(0)
			if n < len(stream) {
				want = stream[n]
			}
			if got := packed[n/8] >> (n % 8) & 1; got != want {
				t.Fatalf("bit %d is %d, want %d", n, got, want)
			}
		}
	})
}

func BenchmarkPack(b *testing.B) {
	mask := make([]byte, 512*512)
	for i := range mask {
		mask[i] = byte(i >> 3 & 1)
	}
	frames := framesOf([][]byte{mask, mask, mask, mask})
	b.SetBytes(int64(len(frames) * len(mask)))
	for b.Loop() {
		pack(frames)
	}
}
