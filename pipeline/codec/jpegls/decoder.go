package jpegls

import "errors"

// runOrder is the table J of T.87 A.2.1.
var runOrder = [32]int{0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15}

var errDamaged = errors.New("scan data are damaged: prediction error out of range")

// context is the state of one context (T.87 A.2.1).
type context struct{ a, b, c, n int }

// decoder decodes the lines of one scan.
type decoder struct {
	parameters
	in       bitReader
	contexts [365]context
	runs     [2]struct{ a, n, negative int } // contexts of run interruption, by RItype
	runIndex int
	class    []int8 // gradient quantized, by gradient + maxval (T.87 A.3.3)
}

func newDecoder(p parameters, data []byte) *decoder {
	d := &decoder{parameters: p, in: bitReader{data: data}}
	a := max(2, (p.span+32)/64)
	for i := range d.contexts {
		d.contexts[i] = context{a: a, n: 1}
	}
	for i := range d.runs {
		d.runs[i].a, d.runs[i].n = a, 1
	}
	d.class = make([]int8, 2*p.maxval+1)
	for i := range d.class {
		d.class[i] = p.quantize(i - p.maxval)
	}
	return d
}

// quantize puts a gradient into one of nine regions.
func (p *parameters) quantize(g int) int8 {
	sign := int8(1)
	if g < 0 {
		g, sign = -g, -1
	}
	switch {
	case g >= p.t3:
		return 4 * sign
	case g >= p.t2:
		return 3 * sign
	case g >= p.t1:
		return 2 * sign
	case g > p.near:
		return sign
	}
	return 0
}

// line decodes one line between its two border samples, given the one above.
func (d *decoder) line(line, above []int32) error {
	w := len(line) - 2
	above = above[:len(line)]
	ra, rc, rb := int(line[0]), int(above[0]), int(above[1])
	for x := 1; x <= w; {
		rd := int(above[x+1])
		q := 81*int(d.class[rd-rb+d.maxval]) + 9*int(d.class[rb-rc+d.maxval]) + int(d.class[rc-ra+d.maxval])
		if q == 0 {
			next, err := d.run(line, above, x, ra)
			if err != nil {
				return err
			}
			x = next
			ra, rc, rb = int(line[x-1]), int(above[x-1]), int(above[min(x, w+1)])
			continue
		}
		v, err := d.regular(q, ra, rb, rc)
		if err != nil {
			return err
		}
		line[x] = int32(v)
		ra, rc, rb = v, rb, rd
		x++
	}
	return d.in.check()
}

// regular decodes a sample in regular mode (T.87 A.4 to A.6). q is the context with the
// sign of its first quantized gradient that is not 0.
func (d *decoder) regular(q, ra, rb, rc int) (int, error) {
	sign := 1
	if q < 0 {
		q, sign = -q, -1
	}
	ctx := &d.contexts[q]
	px := ra + rb - rc
	if rc >= max(ra, rb) {
		px = min(ra, rb)
	} else if rc <= min(ra, rb) {
		px = max(ra, rb)
	}
	px = min(max(px+sign*ctx.c, 0), d.maxval)

	k := order(ctx.a, ctx.n)
	m := int(d.in.golomb(k, d.limit-d.qbpp-1, d.qbpp))
	if m > 2*d.span {
		return 0, d.damaged()
	}
	e := m >> 1
	if m&1 == 1 {
		e = -e - 1
	}
	if k == 0 && d.near == 0 && 2*ctx.b <= -ctx.n {
		e = -e - 1
	}
	ctx.update(e, d.step, d.reset)
	return d.reconstruct(px + sign*e*d.step), nil
}

// update is T.87 A.6.
func (c *context) update(e, step, reset int) {
	c.b += e * step
	c.a += max(e, -e)
	if c.n == reset {
		c.a >>= 1
		c.b >>= 1
		c.n >>= 1
	}
	c.n++
	if c.b <= -c.n {
		c.b = max(c.b+c.n, 1-c.n)
		c.c = max(c.c-1, -128)
	} else if c.b > 0 {
		c.b = min(c.b-c.n, 0)
		c.c = min(c.c+1, 127)
	}
}

// order is the Golomb parameter k of T.87 A.5.1; it stays below 24, far above what a
// sound stream of 16 bits needs.
func order(a, n int) int {
	k := 0
	for n<<k < a && k < 24 {
		k++
	}
	return k
}

// reconstruct brings a value back into range (T.87 A.4.5).
func (d *decoder) reconstruct(v int) int {
	if v < -d.near {
		v += d.span * d.step
	} else if v > d.maxval+d.near {
		v -= d.span * d.step
	}
	return min(max(v, 0), d.maxval)
}

// run decodes run mode from sample x (T.87 A.7): samples equal to ra, then, unless the
// line ends, the sample that interrupts. It returns the next x.
func (d *decoder) run(line, above []int32, x, ra int) (int, error) {
	end := len(line) - 1
	fill := func(n int) {
		for i := range n {
			line[x+i] = int32(ra)
		}
		x += n
	}
	for d.in.bit() == 1 {
		n := 1 << runOrder[d.runIndex]
		if n > end-x {
			fill(end - x)
			return x, nil
		}
		fill(n)
		if d.runIndex < 31 {
			d.runIndex++
		}
		if x == end {
			return x, nil
		}
	}
	n := int(d.in.bits(runOrder[d.runIndex]))
	if n >= end-x {
		return 0, d.damaged()
	}
	fill(n)
	v, err := d.interruption(ra, int(above[x]))
	if err != nil {
		return 0, err
	}
	line[x] = int32(v)
	if d.runIndex > 0 {
		d.runIndex--
	}
	return x + 1, nil
}

// interruption decodes the sample that ends a run (T.87 A.7.2).
func (d *decoder) interruption(ra, rb int) (int, error) {
	kind, px, sign := 0, rb, 1
	if diff := ra - rb; max(diff, -diff) <= d.near {
		kind, px = 1, ra
	} else if diff > 0 {
		sign = -1
	}
	ctx := &d.runs[kind]
	k := order(ctx.a+kind*(ctx.n>>1), ctx.n)
	m := int(d.in.golomb(k, d.limit-runOrder[d.runIndex]-1-d.qbpp-1, d.qbpp))
	if m > 2*d.span {
		return 0, d.damaged()
	}
	t := m + kind
	e := (t + 1) >> 1
	if (k != 0 || 2*ctx.negative >= ctx.n) == (t&1 == 1) {
		e = -e
	}
	if e < 0 {
		ctx.negative++
	}
	ctx.a += (m + 1 - kind) >> 1
	if ctx.n == d.reset {
		ctx.a >>= 1
		ctx.n >>= 1
		ctx.negative >>= 1
	}
	ctx.n++
	return d.reconstruct(px + sign*e*d.step), nil
}

// damaged is the error of a value that no encoder writes: past the end of the data it is
// the truncation that made it.
func (d *decoder) damaged() error {
	if err := d.in.check(); err != nil {
		return err
	}
	return errDamaged
}
