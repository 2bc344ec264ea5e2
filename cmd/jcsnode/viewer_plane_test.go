//go:build viewer

package main

import (
	"io"
	"math"
	"slices"
	"testing"

	"jcsnode/dataset"
	"jcsnode/scu"
)

// labelled is the digest of a slice's labels.
type labelled struct {
	Instance string `json:"instance"`
	Count    int    `json:"count"`
	Digest   uint32 `json:"digest"`
}

// plane is where an image lies, as the viewer takes it from the image.
type plane struct {
	Rows        int       `json:"rows"`
	Columns     int       `json:"columns"`
	Position    []float64 `json:"position"`
	Orientation []float64 `json:"orientation"`
	Spacing     []float64 `json:"spacing"`
}

func (v *viewer) open(t *testing.T, i archived) *dataset.File {
	t.Helper()
	f, err := dataset.Open(v.archive.file(t, i.ID), dataset.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// frames reads the segmentation of the study in the archive: the labels of each slice, by instance.
func (v *viewer) frames(t *testing.T, study string) map[string]labelled {
	t.Helper()
	var f *dataset.File
	for _, i := range v.archive.instances(t, study) {
		if i.Modality == "SEG" {
			f = v.open(t, i)
		}
	}
	if f == nil {
		t.Fatal("the archive has no segmentation")
	}
	px, ok := f.PixelData()
	if !ok {
		t.Fatal("the segmentation has no pixels")
	}
	bits, err := io.ReadAll(px.Reader())
	if err != nil {
		t.Fatal(err)
	}
	rows, _ := f.Set().Int(dataset.Rows)
	columns, _ := f.Set().Int(dataset.Columns)
	all := map[string]labelled{}
	for k, group := range f.Set().Items(dataset.NewTag(0x5200, 0x9230)) {
		source := group.Items(dataset.NewTag(0x0008, 0x9124))[0].Items(dataset.NewTag(0x0008, 0x2112))[0]
		digest, count := newDigest(), 0
		for i := range rows * columns {
			if n := k*rows*columns + i; bits[n/8]>>(n%8)&1 == 1 {
				digest.add(i)
				count++
			}
		}
		all[source.String(dataset.ReferencedSOPInstanceUID)] = labelled{Count: count, Digest: uint32(digest)}
	}
	return all
}

// digest is that of look.js: FNV-1a over numbers.
type digest uint32

func newDigest() digest { return 2166136261 }

func (d *digest) add(n int) { *d = (*d ^ digest(uint32(n))) * 16777619 }

// planesOf reads where the slices of a folder lie, by instance.
func planesOf(t *testing.T, folder string) map[string]plane {
	t.Helper()
	files, _ := scu.Find([]string{folder})
	all := map[string]plane{}
	for _, i := range files {
		f, err := dataset.Open(i.Path, dataset.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		all[f.Set().String(dataset.SOPInstanceUID)] = planeOf(t, f.Set())
		f.Close()
	}
	return all
}

func planeOf(t *testing.T, set *dataset.Set) (p plane) {
	t.Helper()
	for tag, to := range map[dataset.Tag]*[]float64{
		dataset.ImagePositionPatient:    &p.Position,
		dataset.ImageOrientationPatient: &p.Orientation,
		dataset.PixelSpacing:            &p.Spacing,
	} {
		values, err := set.Floats(tag)
		if err != nil {
			t.Fatal(err)
		}
		*to = values
	}
	for tag, to := range map[dataset.Tag]*int{dataset.Rows: &p.Rows, dataset.Columns: &p.Columns} {
		n, err := set.Int(tag)
		if err != nil {
			t.Fatal(err)
		}
		*to = n
	}
	return p
}

func (p plane) equals(q plane) bool {
	return p.Rows == q.Rows && p.Columns == q.Columns && agree(p.Position, q.Position) &&
		agree(p.Orientation, q.Orientation) && agree(p.Spacing, q.Spacing)
}

// covers tells whether both have the same corner, the same directions and sides of the same length.
func (p plane) covers(q plane) bool {
	rectangle := func(s plane) []float64 {
		if len(s.Position) != 3 || len(s.Orientation) != 6 || len(s.Spacing) != 2 {
			return nil
		}
		all := []float64{s.Spacing[0] * float64(s.Rows), s.Spacing[1] * float64(s.Columns)}
		for k, at := range s.Position {
			all = append(all, at-s.Spacing[1]/2*s.Orientation[k]-s.Spacing[0]/2*s.Orientation[3+k])
		}
		return append(all, s.Orientation...)
	}
	return agree(rectangle(p), rectangle(q))
}

func agree(a, b []float64) bool {
	return len(a) > 0 && slices.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) < 1e-3 })
}

// near tells whether a colour is red, green, blue but for the rounding of CIELab.
func near(colour []int, rgb ...int) bool {
	return len(colour) >= 3 && slices.EqualFunc(colour[:3], rgb, func(a, b int) bool { return max(a-b, b-a) <= 3 })
}
