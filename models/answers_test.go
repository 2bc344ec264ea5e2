package models

import (
	"slices"
	"testing"
)

// The same numbers as in models/training/tests/test_export.py.
func TestBlockMeans(t *testing.T) {
	ramp := make([]float32, 64)
	for i := range ramp {
		ramp[i] = float32(i)
	}
	if got := blockMeans(ramp, 8, 8); !slices.Equal(got[:5], []float64{4.5, 6.5, 8.5, 10.5, 20.5}) || len(got) != 16 {
		t.Errorf("8 x 8: %v", got)
	}
	if got, want := blockMeans([]float32{1, 2}, 1, 2), slices.Repeat([]float64{1, 1, 2, 2}, 4); !slices.Equal(got, want) {
		t.Errorf("1 x 2: %v, want %v", got, want)
	}
}

func TestAnswersApart_MapsOfZeros(t *testing.T) {
	if d := said(0.5, 0, 0).apart(said(0.5, 0, 0)); d != "" {
		t.Errorf("the same: %s", d)
	}
	if d := said(0.5, 0, 0).apart(said(0.5, 0, 0.001)); d == "" {
		t.Error("a mask where there should be none: no difference")
	}
}

// The picture shows a network something: a body, lungs, and a lesion.
func TestChest(t *testing.T) {
	hu, digest := chest()
	air := 0
	for _, v := range hu {
		if v < -1024 || v > 3056 {
			t.Fatalf("%v HU", v)
		}
		if v < -950 {
			air++
		}
	}
	if len(hu) != warmSide*warmSide || len(digest) != 64 || air < len(hu)/4 || air > len(hu)*3/4 {
		t.Errorf("%d pixels, %d of them air, digest %s", len(hu), air, digest)
	}
}
