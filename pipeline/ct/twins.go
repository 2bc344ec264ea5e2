package ct

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sort"

	"golang.org/x/sync/errgroup"

	"jcsnode/guard"
)

// unknownPixels is Header.Pixels of a slice that nothing needs to be compared with.
var unknownPixels [sha256.Size]byte

// ComparePixels decodes the slices that lie on a plane where their series has another one, and sets Header.Pixels of them: Select needs
// to know whether a slice came again or is of another scan. The error is the end of ctx or of the machine; a slice that cannot be
// decoded stays without.
func ComparePixels(ctx context.Context, open Opener, headers []Header) error {
	twins := onOnePlane(headers)
	files := openFiles{open: open, byPath: map[string]*openFile{}}
	for _, i := range twins {
		files.expect(headers[i].Path)
	}
	defer files.closeAll()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	if inflated(headers) {
		g.SetLimit(1)
		sort.SliceStable(twins, func(a, b int) bool { return headers[twins[a]].Frame < headers[twins[b]].Frame })
	}
	for _, i := range twins {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			h := &headers[i]
			if err := guard.Call(func() error { h.Pixels = pixelsOf(files.decode(h)); return nil }); err != nil {
				return fmt.Errorf("decode slice %s: %w", h.SOPInstanceUID, err)
			}
			return nil
		})
	}
	return g.Wait()
}

func pixelsOf(d decodedSlice) [sha256.Size]byte {
	if d.refusal != nil {
		return unknownPixels
	}
	b, _ := binary.Append(nil, binary.LittleEndian, d.hu) // no error for numbers
	return sha256.Sum256(b)
}

// onOnePlane finds the usable headers whose plane another instance of the same series and matrix has.
func onOnePlane(headers []Header) []int {
	var order []int
	keys, at := make([]string, len(headers)), make([]float64, len(headers))
	for i := range headers {
		h := &headers[i]
		if h.Refusal == nil {
			order = append(order, i)
			keys[i], at[i] = fmt.Sprint(seriesKey(h), h.Rows, h.Columns), dot(h.Position, h.Normal())
		}
	}
	sort.Slice(order, func(a, b int) bool {
		i, j := order[a], order[b]
		if keys[i] != keys[j] {
			return keys[i] < keys[j]
		}
		return at[i] < at[j]
	})
	var out []int
	for a := 0; a < len(order); {
		b := a + 1
		for b < len(order) && keys[order[b]] == keys[order[a]] && at[order[b]]-at[order[b-1]] < samePlane {
			b++
		}
		h := &headers[order[a]]
		other := func(i int) bool { return headers[i].SOPInstanceUID != h.SOPInstanceUID || headers[i].Frame != h.Frame }
		if slices.ContainsFunc(order[a:b], other) {
			out = append(out, order[a:b]...)
		}
		a = b
	}
	return out
}

// planesOf sorts headers by plane along n, as newStack does.
func planesOf(headers []Header, n [3]float64) [][]*Header {
	order := make([]*Header, len(headers))
	for i := range headers {
		order[i] = &headers[i]
	}
	at := func(h *Header) float64 { return dot(h.Position, n) }
	sort.SliceStable(order, func(a, b int) bool { return at(order[a]) < at(order[b]) })
	var out [][]*Header
	for i := 0; i < len(order); {
		j := i + 1
		for j < len(order) && at(order[j])-at(order[i]) < samePlane {
			j++
		}
		out = append(out, order[i:j])
		i = j
	}
	return out
}

// picturesOn counts the different pictures on each plane; a copy of a slice is the same picture.
func picturesOn(headers []Header, n [3]float64) []int {
	var out []int
	for _, plane := range planesOf(headers, n) {
		seen := map[[sha256.Size]byte]bool{}
		count := 0
		for _, h := range plane {
			if h.Pixels == unknownPixels || !seen[h.Pixels] {
				count++
			}
			seen[h.Pixels] = true
		}
		out = append(out, count)
	}
	return out
}

// surplus counts the pictures on planes that have one already.
func surplus(headers []Header, n [3]float64) int {
	sum := 0
	for _, pictures := range picturesOn(headers, n) {
		sum += pictures - 1
	}
	return sum
}

// isMixed tells whether slices of more than one scan lie on each other: more than what is taken again, or what ranges of one scan share.
func isMixed(headers []Header, n [3]float64) bool {
	pictures := picturesOn(headers, n)
	twice := 0
	for _, count := range pictures {
		if count > 1 {
			twice++
		}
	}
	return float64(twice) > math.Max(takenAgain, mostShared*float64(len(pictures)))
}
