package s3

import (
	"bytes"
	"strings"
	"testing"
)

func TestPieces(t *testing.T) {
	for size, want := range map[int64]struct {
		count int
		step  int64
	}{
		0: {1, headSize}, 1: {1, headSize}, headSize: {1, headSize}, headSize + 1: {2, headSize}, 526_000: {9, headSize},
		64 * headSize: {64, headSize}, 64*headSize + 1: {33, 2 * headSize}, 500 << 20: {64, 8 << 20},
	} {
		p := piecesOf(size)
		if p.count() != want.count || p.step != want.step {
			t.Errorf("%d: %d pieces of %d, want %+v", size, p.count(), p.step, want)
		}
		if p.start(0) != 0 || p.start(p.count()) != size {
			t.Errorf("%d: from %d to %d", size, p.start(0), p.start(p.count()))
		}
		for i := range p.count() {
			if from, to := p.start(i), p.start(i+1); size > 0 && (from >= to || p.at(from) != i || p.at(to-1) != i) {
				t.Errorf("%d: piece %d from %d to %d", size, i, from, to)
			}
		}
	}
}

func TestParseSums(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 30_000)
	all, err := sumsOf(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	text := all.String()
	if back, err := parseSums(text, int64(len(content))); err != nil || back.String() != text {
		t.Errorf("%v, %v", back, err)
	}
	for name, bad := range map[string]string{
		"none": "", "another format": "2:" + text[2:], "cut": text[:len(text)-4], "longer": text + strings.Repeat("A", 22),
		"no base64": "1:!",
	} {
		if _, err := parseSums(bad, int64(len(content))); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if len((make(sums, maxPieces)).String())+len(sumKey) > 1900 {
		t.Error("more than a service must take")
	}
}
