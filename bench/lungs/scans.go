package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"image"
	_ "image/jpeg" // decoders of the training slices
	_ "image/png"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"jcsnode/phantom"
	"jcsnode/phantom/alter"
	"jcsnode/pipeline/ct"
	"jcsnode/pipeline/lung"
)

// inside is the value of lung in a scan of lungs.
const inside = 1000

func everyScan(data string) ([]scan, error) {
	var out []scan
	for _, seed := range []uint64{1, 2} {
		hu, mm, err := phantom.Slices(phantom.Options{Slices: 30, Spacing: 10, Seed: seed, Lesions: seed == 2})
		if err != nil {
			return nil, err
		}
		s := alter.Scan{HU: hu, Rows: 512, Columns: 512, RowMM: mm, ColMM: mm, Extents: slices.Repeat([]float64{10}, len(hu))}
		out = append(out, scan{name: fmt.Sprintf("phantom %d", seed), scan: s})
	}
	for _, study := range []string{"ct/normal_001", "ct/covid_p001", "ct/lidc_0003", "field/head_to_mid_chest"} {
		s, err := readStudy(filepath.Join(data, study))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", study, err)
		}
		out = append(out, scan{name: filepath.Base(study), scan: s})
	}
	for i, s := range out {
		mask, _, err := lung.Mask(s.scan.HU, lung.Grid{
			Rows:          s.scan.Rows,
			Columns:       s.scan.Columns,
			RowSpacing:    s.scan.RowMM,
			ColumnSpacing: s.scan.ColMM,
			Extents:       s.scan.Extents,
		})
		if err != nil {
			return nil, err
		}
		out[i].lungs = s.scan
		out[i].lungs.HU = make([][]int16, len(mask))
		for z := range mask {
			out[i].lungs.HU[z] = make([]int16, len(mask[z]))
			for k, m := range mask[z] {
				if m != lung.None {
					out[i].lungs.HU[z][k] = inside
				}
			}
		}
	}
	for set, mm := range map[string]float64{"seg20": 0.75, "seg20rp": 0.95} {
		drawn, err := readDrawn(filepath.Join(data, "train", set), mm, set == "seg20")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", set, err)
		}
		out = append(out, drawn...)
	}
	slices.SortFunc(out, func(a, b scan) int { return slices.Compare([]byte(a.name), []byte(b.name)) })
	return out, nil
}

func readStudy(dir string) (alter.Scan, error) {
	var headers []ct.Header
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			headers = append(headers, ct.ReadFile(ct.OpenPath, path)...)
		}
		return err
	})
	if err != nil {
		return alter.Scan{}, err
	}
	v, _, _, err := ct.LoadBest(context.Background(), ct.OpenPath, ct.Select(headers), nil, nil)
	if err != nil {
		return alter.Scan{}, err
	}
	s := alter.Scan{Rows: v.Rows, Columns: v.Columns, RowMM: v.RowSpacing, ColMM: v.ColumnSpacing}
	for i := range v.Slices {
		s.HU, s.Extents = append(s.HU, v.Slices[i].HU), append(s.Extents, v.Slices[i].Extent)
	}
	return few(s), nil
}

// few keeps 20 to 40 slices of a scan: more say little more and take long.
func few(s alter.Scan) alter.Scan { return s.Thinned(max(1, len(s.HU)/20)) }

// readDrawn reads the volumes of a training set whose slices have a lung mask. Their spacing is not known: mm stands for it.
func readDrawn(dir string, mm float64, crop bool) ([]scan, error) {
	f, err := os.Open(filepath.Join(dir, "index.csv"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	table, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, err
	}
	column := map[string]int{}
	for i, name := range table[0] {
		column[name] = i
	}
	rows := table[1:]
	number := func(row []string, name string) float64 { v, _ := strconv.ParseFloat(row[column[name]], 64); return v }
	slices.SortStableFunc(rows, func(a, b []string) int { return int(number(a, "slice") - number(b, "slice")) })
	out := map[string]*scan{}
	for _, row := range rows {
		if row[column["lung_mask"]] == "" {
			continue
		}
		picture, err := grey(filepath.Join(dir, row[column["file"]]))
		if err != nil {
			return nil, err
		}
		drawn, err := grey(filepath.Join(dir, row[column["lung_mask"]]))
		if err != nil {
			return nil, err
		}
		volume := row[column["volume"]]
		s := out[volume]
		if s == nil {
			size := picture.Bounds()
			empty := alter.Scan{Rows: size.Dy(), Columns: size.Dx(), RowMM: mm, ColMM: mm}
			s = &scan{name: volume, scan: empty, lungs: empty, drawn: true, crop: crop}
			out[volume] = s
		}
		hu, lungs := make([]int16, s.scan.Rows*s.scan.Columns), make([]int16, s.scan.Rows*s.scan.Columns)
		for i := range hu {
			r, c := i/s.scan.Columns, i%s.scan.Columns
			hu[i] = 40 // crops are of several sizes
			if (image.Point{X: c, Y: r}).In(picture.Bounds()) {
				hu[i] = int16(math.Round(float64(picture.GrayAt(c, r).Y)*number(row, "hu_slope") + number(row, "hu_intercept")))
				if drawn.GrayAt(c, r).Y > 127 {
					lungs[i] = inside
				}
			}
		}
		s.scan.HU, s.lungs.HU = append(s.scan.HU, hu), append(s.lungs.HU, lungs)
		s.scan.Extents, s.lungs.Extents = append(s.scan.Extents, 1), append(s.lungs.Extents, 1)
	}
	var all []scan
	for _, name := range slices.Sorted(maps.Keys(out)) {
		s := *out[name]
		s.scan, s.lungs = few(s.scan), few(s.lungs)
		all = append(all, s)
	}
	return all, nil
}

func grey(path string) (*image.Gray, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	picture, _, err := image.Decode(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	g, ok := picture.(*image.Gray)
	if !ok {
		return nil, fmt.Errorf("%s: %T, not grey", path, picture)
	}
	return g, nil
}
