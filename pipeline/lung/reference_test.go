package lung_test

import (
	"encoding/csv"
	"image"
	"image/draw"
	_ "image/jpeg"
	_ "image/png"
	"math"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"testing"

	"jcsnode/config"
	"jcsnode/corpus"
	"jcsnode/pipeline/lung"
)

// dataDir is something in the larger data.
func dataDir(t *testing.T, parts ...string) string {
	t.Helper()
	return corpus.Shared(t, parts...)
}

// reference is a volume of 8-bit slices with lung masks drawn by radiologists.
type reference struct {
	hu            [][]int16
	mask          [][]bool
	lesions       [][]byte
	rows, columns int
}

func grey(t *testing.T, path string) *image.Gray {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, _, err := image.Decode(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if g, ok := img.(*image.Gray); ok {
		return g
	}
	g := image.NewGray(img.Bounds())
	draw.Draw(g, g.Bounds(), img, img.Bounds().Min, draw.Src)
	return g
}

// references reads the slices of a set that have a lung mask, by volume. Slices
// are padded with soft tissue to one size: the pictures are crops to the lungs.
func references(t *testing.T, dir string, pad int) map[string]*reference {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "index.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range table[0] {
		column[name] = i
	}
	rows := table[1:]
	sort.SliceStable(rows, func(i, j int) bool {
		a, _ := strconv.Atoi(rows[i][column["slice"]])
		b, _ := strconv.Atoi(rows[j][column["slice"]])
		return a < b
	})
	out := map[string]*reference{}
	for _, row := range rows {
		if row[column["lung_mask"]] == "" {
			continue
		}
		slope, err := strconv.ParseFloat(row[column["hu_slope"]], 64)
		if err != nil {
			t.Fatal(err)
		}
		intercept, err := strconv.ParseFloat(row[column["hu_intercept"]], 64)
		if err != nil {
			t.Fatal(err)
		}
		img := grey(t, filepath.Join(dir, row[column["file"]]))
		h, w := img.Bounds().Dy(), img.Bounds().Dx()
		mask := grey(t, filepath.Join(dir, row[column["lung_mask"]]))
		drawn := image.NewGray(img.Bounds()) // a slice without lesions has no file
		if name := row[column["mask"]]; name != "" {
			drawn = grey(t, filepath.Join(dir, name))
		}
		v := out[row[column["volume"]]]
		if v == nil {
			v = &reference{rows: h + 2*pad, columns: w + 2*pad}
			out[row[column["volume"]]] = v
		}
		hu := make([]int16, v.rows*v.columns)
		set, lesion := make([]bool, v.rows*v.columns), make([]byte, v.rows*v.columns)
		for i := range hu {
			hu[i] = 40
		}
		for r := range min(h, v.rows-2*pad) {
			for c := range min(w, v.columns-2*pad) {
				k := (r+pad)*v.columns + c + pad
				hu[k] = int16(math.Round(float64(img.GrayAt(c, r).Y)*slope + intercept))
				set[k] = mask.GrayAt(c, r).Y > 127
				if drawn.GrayAt(c, r).Y > 127 {
					lesion[k] = 1
				}
			}
		}
		v.hu, v.mask, v.lesions = append(v.hu, hu), append(v.mask, set), append(v.lesions, lesion)
	}
	return out
}

// Lung masks agree with those of radiologists in lungs with and without disease, and lesions that radiologists drew reach them.
func TestMask_AgreesWithRadiologists(t *testing.T) {
	tests := []struct {
		set     string
		pad     int
		spacing float64
		least   float64 // Dice of each volume
	}{
		// Crops to the lungs at the 512 grid; lungs may touch the border of the crop.
		{"seg20", 4, 0.75, 0.93},
		// The crops as they are, as of a narrow field of view that cuts through lungs.
		{"seg20", 0, 0.75, 0.93},
		// Whole slices, 384 pixels.
		{"seg20rp", 0, 0.95, 0.96},
	}
	for _, tt := range tests {
		t.Run(tt.set, func(t *testing.T) {
			for name, v := range references(t, dataDir(t, "train", tt.set), tt.pad) {
				extents := make([]float64, len(v.hu))
				for i := range extents {
					extents[i] = 1
				}
				g := lung.Grid{Rows: v.rows, Columns: v.columns, RowSpacing: tt.spacing, ColumnSpacing: tt.spacing, Extents: extents}
				mask, _, err := lung.Mask(v.hu, g)
				if err != nil {
					t.Fatal(err)
				}
				var both, ours, theirs int
				for z := range mask {
					for i, m := range mask[z] {
						if m != lung.None {
							ours++
							if v.mask[z][i] {
								both++
							}
						}
						if v.mask[z][i] {
							theirs++
						}
					}
				}
				dice := 2 * float64(both) / float64(ours+theirs)
				_, out, err := lung.Select(v.lesions, mask, g, lung.Rule{InLungs: true})
				if err != nil {
					t.Fatal(err)
				}
				all, err := lung.Measure(v.hu, v.lesions, mask, g)
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%s: %d slices, Dice %.3f; of %d drawn lesions, %.1f mL, %d do not reach the mask, %.3f mL", name, len(mask), dice,
					len(all.Components), all.LesionML, out.Off.Count, out.Off.VolumeML)
				if out.Off.VolumeML > 0.005*all.LesionML {
					t.Errorf("%s: %.1f of %.1f mL of drawn lesions do not reach the lung mask", name, out.Off.VolumeML, all.LesionML)
				}
				least := config.Default().Cascade.LeastLesionML
				if _, small, err := lung.Select(v.lesions, mask, g, lung.Rule{LeastML: least}); err != nil {
					t.Fatal(err)
				} else if tt.set == "seg20" && small.Specks.VolumeML > 0.005*all.LesionML {
					t.Errorf("%s: %d drawn lesions below %v mL hold %.2f of %.1f mL",
						name, small.Specks.Count, least, small.Specks.VolumeML, all.LesionML)
				}
				if dice < tt.least {
					t.Errorf("%s: Dice %.3f, want at least %.2f", name, dice, tt.least)
				}
			}
		})
	}
}
