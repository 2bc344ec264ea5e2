package jpegdct

// idctScale are the factors that the algorithm of Arai, Agui and Nakajima (Trans. IEICE
// E71, 1988) leaves to the quantization table.
var idctScale = [8]float32{1, 1.387039845, 1.306562965, 1.175875602, 1, 0.785694958, 0.541196100, 0.275899379}

// idct is the inverse DCT of T.81 A.3.3 on a block whose coefficients are scaled by
// idctScale in both directions, divided by 8.
func idct(b *[64]float32) {
	for i := range 8 {
		idct8(b, i, 8)
	}
	for i := range 8 {
		idct8(b, 8*i, 1)
	}
}

// idct8 transforms the 8 values of b from at in steps of step.
func idct8(b *[64]float32, at, step int) {
	p := b[at:]
	_ = p[7*step]
	// Even part.
	s, d := p[0]+p[4*step], p[0]-p[4*step]
	e := p[2*step] + p[6*step]
	f := (p[2*step]-p[6*step])*1.414213562 - e
	t0, t3, t1, t2 := s+e, s-e, d+f, d-f
	// Odd part.
	z13, z10 := p[5*step]+p[3*step], p[5*step]-p[3*step]
	z11, z12 := p[step]+p[7*step], p[step]-p[7*step]
	t7 := z11 + z13
	z5 := (z10 + z12) * 1.847759065
	t6 := z5 - 2.613125930*z10 - t7
	t5 := (z11-z13)*1.414213562 - t6
	t4 := 1.082392200*z12 - z5 + t5

	p[0], p[7*step] = t0+t7, t0-t7
	p[step], p[6*step] = t1+t6, t1-t6
	p[2*step], p[5*step] = t2+t5, t2-t5
	p[4*step], p[3*step] = t3+t4, t3-t4
}
