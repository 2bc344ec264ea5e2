package cascade

import "testing"

func BenchmarkActivation_At(b *testing.B) {
	c := newCanvas(views()[0], 512, 512, 0.7, 0.7)
	a := Activation{Rows: 64, Columns: 64, Values: make([]float32, 64*64), canvas: c}
	for i := range a.Values {
		a.Values[i] = float32(i % 17)
	}
	for b.Loop() {
		a.At(512, 512)
	}
}
