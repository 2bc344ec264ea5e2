// Package preview makes PNG files of our pictures, for people without a viewer at hand.
package preview

import (
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"

	"jcsnode/dataset"
)

// All writes a PNG of every true-colour picture among the DICOM files of a folder, as a PACS viewer would show it, and counts them.
func All(from, to string) (int, error) {
	entries, err := os.ReadDir(from)
	if err != nil {
		return 0, fmt.Errorf("list the pictures: %w", err)
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
		if err := Write(filepath.Join(to, name+".png"), picture); err != nil {
			return count, err
		}
		count++
	}
	return count, nil
}

// Write writes a picture as PNG.
func Write(path string, picture image.Image) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(f, picture); err != nil {
		f.Close()
		return fmt.Errorf("write %s: %w", path, err)
	}
	return f.Close()
}

// picture decodes a picture of ours, nil for anything else. The name is series and instance number.
func picture(f *dataset.File) (image.Image, string, error) {
	img, err := Of(f)
	if img == nil || err != nil {
		return nil, "", err
	}
	series, err := f.Set().Int(dataset.SeriesNumber)
	if err != nil {
		return nil, "", err
	}
	number, err := f.Set().Int(dataset.InstanceNumber)
	if err != nil {
		return nil, "", err
	}
	return img, fmt.Sprintf("%d-%04d", series, number), nil
}

// mostSide bounds a picture: no summary page and no slice has more pixels along a side.
const mostSide = 8192

// Of decodes an uncompressed 8-bit RGB image (PS3.3 C.7.6.3), of several frames the first; nil for anything else.
func Of(f *dataset.File) (image.Image, error) { return Frame(f, 0) }

// Frame is Of for a frame, from 0.
func Frame(f *dataset.File, frame int) (image.Image, error) {
	set := f.Set()
	if set.String(dataset.PhotometricInterpretation) != "RGB" {
		return nil, nil
	}
	rows, err := set.Int(dataset.Rows)
	if err != nil {
		return nil, err
	}
	columns, err := set.Int(dataset.Columns)
	if err != nil {
		return nil, err
	}
	if rows < 1 || columns < 1 || rows > mostSide || columns > mostSide {
		return nil, fmt.Errorf("a picture of %d x %d pixels", rows, columns)
	}
	px, ok := f.PixelData()
	if !ok {
		return nil, fmt.Errorf("no pixel data")
	}
	rgb := make([]byte, 3*rows*columns)
	from := int64(frame) * int64(len(rgb))
	if frame < 0 || from > px.Length {
		return nil, fmt.Errorf("frame %d of %d bytes of pixel data for %d x %d", frame+1, px.Length, rows, columns)
	}
	if n, err := io.ReadFull(io.NewSectionReader(px.Reader(), from, int64(len(rgb))), rgb); err != nil {
		return nil, fmt.Errorf("%d bytes of pixel data for %d x %d: %w", n, rows, columns, err)
	}
	img := image.NewRGBA(image.Rect(0, 0, columns, rows))
	for i := range rows * columns {
		copy(img.Pix[4*i:], rgb[3*i:3*i+3])
		img.Pix[4*i+3] = 255
	}
	return img, nil
}
