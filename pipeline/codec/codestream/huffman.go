package codestream

import (
	"errors"
	"fmt"
)

// fastBits is how many bits one table look-up sees: with 12 nearly every code of a CT
// together with its additional bits is found at once, in 24 KiB of table.
const fastBits = 12

// entry is what the next fastBits bits mean.
type entry struct {
	value  int16 // with its additional bits, if total is not 0
	total  uint8 // bits of code and additional bits; 0 if they are more than fastBits
	length uint8 // bits of the code; 0 if they are more than fastBits, or if there is none
	symbol uint8
}

// Table decodes one Huffman table (T.81 annex C).
type Table struct {
	fast   [1 << fastBits]entry
	last   [17]int // largest code of each length, -1 for none
	offset [17]int // add to a code of that length: index of its symbol
	values []byte
}

// Tables are the Huffman tables that are in force, by class (0: DC or lossless, 1: AC)
// and destination.
type Tables [2][4]*Table

// Parse reads a DHT segment, which may define several tables.
func (ts *Tables) Parse(b []byte) error {
	for len(b) > 0 {
		if len(b) < 17 {
			return fmt.Errorf("table of Huffman codes has %d bytes", len(b))
		}
		class, destination := b[0]>>4, b[0]&15
		if class > 1 || destination > 3 {
			return fmt.Errorf("table of Huffman codes is for class %d, destination %d", class, destination)
		}
		n := 0
		for _, c := range b[1:17] {
			n += int(c)
		}
		if n > 256 || n > len(b)-17 {
			return fmt.Errorf("table of Huffman codes counts %d codes, %d bytes follow", n, len(b)-17)
		}
		t, err := newTable(b[1:17], b[17:17+n], class == 1)
		if err != nil {
			return err
		}
		ts[class][destination] = t
		b = b[17+n:]
	}
	return nil
}

// newTable builds a table from the number of codes of each length and their symbols.
func newTable(counts, values []byte, ac bool) (*Table, error) {
	t := &Table{values: values}
	code, k := 0, 0
	for length := 1; length <= 16; length++ {
		t.offset[length] = k - code
		t.last[length] = -1
		for range counts[length-1] {
			if code >= 1<<length {
				return nil, errors.New("table of Huffman codes has more codes than fit")
			}
			if !ac && values[k] > 16 {
				return nil, fmt.Errorf("table of Huffman codes has difference category %d", values[k])
			}
			if length <= fastBits {
				t.enter(code, length, values[k], ac)
			}
			t.last[length] = code
			code++
			k++
		}
		code <<= 1
	}
	return t, nil
}

// enter fills the look-up for one code, with every value of its additional bits that
// still fits.
func (t *Table) enter(code, length int, symbol byte, ac bool) {
	size := int(symbol)
	if ac {
		size = int(symbol & 15)
	}
	free := fastBits - length
	first := code << free
	for i := range 1 << free {
		e := entry{length: uint8(length), symbol: symbol}
		switch {
		case size == 16: // a difference of 32768 has no additional bits (H.1.2.2)
			e.value, e.total = -32768, uint8(length)
		case size <= free:
			e.value, e.total = int16(extend(i>>(free-size), size)), uint8(length+size)
		}
		t.fast[first+i] = e
	}
}

// extend is EXTEND of T.81 F.2.2.1: bits with a leading 0 are negative.
func extend(v, size int) int {
	if size > 0 && v < 1<<(size-1) {
		return v - 1<<size + 1
	}
	return v
}

// long finds the symbol of a code of more than fastBits bits at the top of acc; length
// is 0 if there is none.
func (t *Table) long(acc uint64) (symbol, length uint8) {
	for l := fastBits + 1; l <= 16; l++ {
		if code := int(acc >> (64 - l)); code <= t.last[l] {
			return t.values[code+t.offset[l]], uint8(l)
		}
	}
	return 0, 0
}
