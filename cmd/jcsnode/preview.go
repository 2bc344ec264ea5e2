package main

import (
	"encoding/json"
	"fmt"
	"image"
	"io"
	"os"
	"path/filepath"
	"strings"

	"jcsnode/findings"

	"jcsnode/dataset"
)

func unmarshalFindings(text json.RawMessage, r *findings.Findings) error {
	if err := json.Unmarshal(text, r); err != nil {
		return fmt.Errorf("read the findings: %w", err)
	}
	return nil
}

// previewAll writes a PNG of every true-colour picture among the DICOM files of a folder, as a PACS viewer would show it.
func previewAll(from, to string) (int, error) {
	entries, err := os.ReadDir(from)
	if err != nil {
		return 0, fmt.Errorf("list what the PACS received: %w", err)
	}
	count := 0
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".dcm") {
			continue
		}
		f, err := dataset.Open(filepath.Join(from, e.Name()), dataset.Limits{})
		if err != nil {
			return count, err
		}
		picture, name, err := picture(f)
		f.Close()
		if err != nil {
			return count, fmt.Errorf("%s: %w", e.Name(), err)
		}
		if picture == nil {
			continue
		}
		if err := writePNG(filepath.Join(to, name+".png"), picture); err != nil {
			return count, err
		}
		count++
	}
	return count, nil
}

// picture decodes an uncompressed 8-bit RGB image (PS3.3 C.7.6.3); nil for anything else. The name is series and instance number.
func picture(f *dataset.File) (image.Image, string, error) {
	set := f.Set()
	if set.String(dataset.PhotometricInterpretation) != "RGB" {
		return nil, "", nil
	}
	rows, err := set.Int(dataset.Rows)
	if err != nil {
		return nil, "", err
	}
	columns, err := set.Int(dataset.Columns)
	if err != nil {
		return nil, "", err
	}
	px, ok := f.PixelData()
	if !ok {
		return nil, "", fmt.Errorf("no pixel data")
	}
	rgb, err := io.ReadAll(px.Reader())
	if err != nil {
		return nil, "", err
	}
	if len(rgb) < 3*rows*columns {
		return nil, "", fmt.Errorf("%d bytes of pixel data for %d x %d", len(rgb), rows, columns)
	}
	img := image.NewRGBA(image.Rect(0, 0, columns, rows))
	for i := range rows * columns {
		copy(img.Pix[4*i:], rgb[3*i:3*i+3])
		img.Pix[4*i+3] = 255
	}
	series, err := set.Int(dataset.SeriesNumber)
	if err != nil {
		return nil, "", err
	}
	number, err := set.Int(dataset.InstanceNumber)
	if err != nil {
		return nil, "", err
	}
	return img, fmt.Sprintf("%d-%04d", series, number), nil
}
