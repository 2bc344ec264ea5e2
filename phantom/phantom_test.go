package phantom

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"jcsnode/pipeline/ct"
	"jcsnode/pipeline/lung"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The node takes the phantom for a chest, with lungs of a plausible size.
func TestWrite_IsAChest(t *testing.T) {
	v := volume(t, Options{Slices: 24, Spacing: 12})
	if len(v.Slices) != 24 || len(v.Dropped) > 0 {
		t.Errorf("%d slices, left out: %v; want 24 and none", len(v.Slices), v.Dropped)
	}
	if len(v.Notes) > 0 {
		t.Errorf("notes %q, want none", v.Notes)
	}
	right, left := lungs(t, v)
	if right < 1500 || right > 3500 || left < 1300 || left > 3500 {
		t.Errorf("lungs of %.0f and %.0f mL, want 1500 to 3500", right, left)
	}
	t.Logf("lungs of %.0f and %.0f mL", right, left)
}

// Feet first, the same patient lies at the same places, seen from the head.
func TestWrite_FeetFirst(t *testing.T) {
	head := volume(t, Options{Slices: 3, Spacing: 12, Rows: 96, Columns: 128})
	feet := volume(t, Options{Slices: 3, Spacing: 12, Rows: 96, Columns: 128, FeetFirst: true})
	if head.Normal[2] < 0.99 || feet.Normal[2] > -0.99 {
		t.Fatalf("normals %v and, feet first, %v", head.Normal, feet.Normal)
	}
	for i := range head.Slices {
		a, b := &head.Slices[i], &feet.Slices[2-i]
		p, q := a.Header.Position, b.Header.Position
		across := 127 * head.ColumnSpacing
		if math.Abs(p[0]+across-q[0]) > 1e-3 || p[1] != q[1] || p[2] != q[2] {
			t.Errorf("slice %d begins at %v and, feet first, at %v", i, p, q)
		}
		if got := *b.Header.InstanceNumber; got != i+1 {
			t.Errorf("slice %d from below has number %d, want %d", i, got, i+1)
		}
		for k, v := range a.HU {
			if mirrored := k/128*128 + 127 - k%128; b.HU[mirrored] != v {
				t.Fatalf("slice %d, pixel %d is %d and, feet first, %d", i, k, v, b.HU[mirrored])
			}
		}
	}
}

func TestWrite_UnevenStepsAndSize(t *testing.T) {
	v := volume(t, Options{Slices: 5, Spacing: 10, Uneven: 0.15, Rows: 99, Columns: 131})
	if v.Rows != 99 || v.Columns != 131 || math.Abs(v.RowSpacing-fieldOfView/131) > 1e-6 || v.RowSpacing != v.ColumnSpacing {
		t.Errorf("%d x %d pixels of %v x %v mm", v.Rows, v.Columns, v.RowSpacing, v.ColumnSpacing)
	}
	for i, want := range []float64{11.5, 8.5, 11.5, 8.5} {
		if got := v.Slices[i+1].Position - v.Slices[i].Position; math.Abs(got-want) > 1e-6 {
			t.Errorf("step %d is %v mm, want %v", i, got, want)
		}
	}
}

// volume writes the phantom and loads it.
func volume(t *testing.T, o Options) *ct.Volume {
	t.Helper()
	dir := t.TempDir()
	if err := Write(context.Background(), dir, o); err != nil {
		t.Fatal(err)
	}
	sel := ct.Select(headers(t, dir))
	if sel.Refusal != nil {
		t.Fatal(sel.Refusal)
	}
	v, err := ct.Load(context.Background(), ct.OpenPath, sel.Chosen, nil)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func headers(t *testing.T, dir string) []ct.Header {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []ct.Header
	for _, e := range entries {
		out = append(out, ct.ReadFile(ct.OpenPath, filepath.Join(dir, e.Name()))...)
	}
	return out
}

func lungs(t *testing.T, v *ct.Volume) (right, left float64) {
	t.Helper()
	g := lung.Grid{Rows: v.Rows, Columns: v.Columns, RowSpacing: v.RowSpacing, ColumnSpacing: v.ColumnSpacing}
	var hu [][]int16
	for i := range v.Slices {
		hu, g.Extents = append(hu, v.Slices[i].HU), append(g.Extents, v.Slices[i].Extent)
	}
	_, volumes, err := lung.Mask(hu, g)
	if err != nil {
		t.Fatal(err)
	}
	return volumes.Right, volumes.Left
}

func TestWrite_SameOptionsSameFiles(t *testing.T) {
	sum := func(o Options) string {
		dir := t.TempDir()
		if err := Write(context.Background(), dir, o); err != nil {
			t.Fatal(err)
		}
		h := sha256.New()
		for i := range o.Slices {
			b, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("IM%04d.dcm", i+1)))
			if err != nil {
				t.Fatal(err)
			}
			h.Write(b)
		}
		return fmt.Sprintf("%x", h.Sum(nil))
	}
	base := Options{Slices: 2, Lesions: true, Rows: 96, Columns: 96}
	first := sum(base)
	if again := sum(base); again != first {
		t.Errorf("the same options gave %s, then %s", first, again)
	}
	for _, change := range []func(*Options){
		func(o *Options) { o.Lesions = false }, func(o *Options) { o.Seed = 1 }, func(o *Options) { o.Spacing = 4 },
		func(o *Options) { o.Rows = 128 }, func(o *Options) { o.FeetFirst = true }, func(o *Options) { o.Uneven = 0.1 },
	} {
		o := base
		change(&o)
		if sum(o) == first {
			t.Errorf("options %+v gave the files of %+v", o, base)
		}
	}
}

// Lesions make lung denser in both lungs, over a long stretch, and change nothing
// elsewhere.
func TestRender_Lesions(t *testing.T) {
	plain, ill := newModel(3, false), newModel(3, true)
	const size = matrix / 2 // its pixels are of 1.5 mm
	half := Options{Rows: size, Columns: size}.grid()
	noise := func() *rand.Rand { return rand.New(rand.NewPCG(1, 1)) }
	stretch := 0.0
	for z := 15.0; z < 220; z += 15 {
		a, b := plain.render(half, z, 5, noise()), ill.render(half, z, 5, noise())
		var sides [2]int
		for i := range a {
			if d := int(b[i]) - int(a[i]); d > 100 {
				if a[i] > -500 {
					continue // a vessel at the border of a lesion
				}
				sides[i%size*2/size]++
			} else if d < -150 {
				t.Fatalf("z %v: pixel %d is %d HU with lesions, %d without", z, i, b[i], a[i])
			}
		}
		if sides[0] > 25 && sides[1] > 25 {
			stretch += 15
		}
	}
	if stretch < 90 {
		t.Errorf("lesions in both lungs over %.0f mm, want at least 90", stretch)
	}
}

func TestWrite_RefusesNonsense(t *testing.T) {
	for _, tt := range []struct {
		opt  Options
		want string
	}{
		{Options{Slices: -1}, "-1 slices"},
		{Options{Slices: 5000}, "5000 slices"},
		{Options{Spacing: 0.01}, "0.01 mm"},
		{Options{Rows: 8}, "8 x 512 pixels"},
		{Options{Columns: 5000}, "512 x 5000 pixels"},
		{Options{Uneven: 0.5}, "moved by 0.5"},
	} {
		if err := Write(context.Background(), t.TempDir(), tt.opt); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: error %v, want one with %q", tt.opt, err, tt.want)
		}
	}
}

func TestWrite_EndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := Write(ctx, t.TempDir(), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

// The files are valid by the tool that knows the standard best.
func TestWrite_IsValidDICOM(t *testing.T) {
	tool, err := exec.LookPath("dciodvfy")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("dciodvfy (dicom3tools) is missing")
		}
		t.Skip("dciodvfy (dicom3tools) is missing")
	}
	dir := t.TempDir()
	if err := Write(context.Background(), dir, Options{Slices: 2, Lesions: true}); err != nil {
		t.Fatal(err)
	}
	out, _ := exec.Command(tool, "-new", filepath.Join(dir, "IM0001.dcm")).CombinedOutput()
	if bytes.Contains(out, []byte("Error")) || bytes.Contains(out, []byte("Warning")) {
		t.Errorf("dciodvfy says:\n%s", out)
	}
}

func BenchmarkRender(b *testing.B) {
	m := newModel(1, true)
	for b.Loop() {
		m.render(Options{Rows: matrix, Columns: matrix}.grid(), 100, 5, rand.New(rand.NewPCG(1, 1)))
	}
}
