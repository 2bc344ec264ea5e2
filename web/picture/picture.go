// Package picture draws what the page shows of a study: a slice of the CT in the lung window, and pictures of ours out of their objects.
// Files are named by the ledger, never by a request.
package picture

import (
	"context"
	"errors"
	"fmt"
	"image"

	"jcsnode/dataset"
	"jcsnode/dicomout/sc"
	"jcsnode/pipeline/ct"
	"jcsnode/preview"
	"jcsnode/store"
)

// atOnce is how many pictures are drawn at a time; the networks need the processors more.
const atOnce = 2

// mostPixels bounds a slice that is drawn: CT has 512 x 512 to 2048 x 2048.
const mostPixels = 1 << 22

// Drawer draws. Its methods may be called from any goroutine.
type Drawer struct {
	files    store.Reader
	painters chan *sc.Painter
}

// NewDrawer draws what is in a store.
func NewDrawer(files store.Reader) (*Drawer, error) {
	d := &Drawer{files, make(chan *sc.Painter, atOnce)}
	for range atOnce {
		p, err := sc.NewPainter(sc.LungWindow())
		if err != nil {
			return nil, err
		}
		d.painters <- p
	}
	return d, nil
}

// Slice draws a frame, from 0, of an instance that was received.
func (d *Drawer) Slice(ctx context.Context, name string, frame int) (image.Image, error) {
	var img image.Image
	err := d.with(ctx, name, func(p *sc.Painter, f *dataset.File) error {
		headers := ct.ReadHeaders(name, f)
		if frame < 0 || frame >= len(headers) {
			return fmt.Errorf("frame %d of %d", frame+1, len(headers))
		}
		h := &headers[frame]
		if h.Rows < 1 || h.Columns < 1 || h.Rows > mostPixels/h.Columns {
			return fmt.Errorf("a slice of %d x %d pixels is not drawn", h.Rows, h.Columns)
		}
		hu, err := ct.Decode(f, h)
		if err != nil {
			return err
		}
		img, err = p.RenderSlice(&sc.Picture{
			Rows:          h.Rows,
			Columns:       h.Columns,
			RowSpacing:    h.PixelSpacing[0],
			ColumnSpacing: h.PixelSpacing[1],
			HU:            hu,
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("draw slice %s: %w", name, err)
	}
	return img, nil
}

// Capture is the picture in a secondary capture of ours.
func (d *Drawer) Capture(ctx context.Context, name string) (image.Image, error) {
	var img image.Image
	err := d.with(ctx, name, func(_ *sc.Painter, f *dataset.File) (err error) {
		if img, err = preview.Of(f); img == nil && err == nil {
			err = errors.New("it holds no picture in colour")
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("draw object %s: %w", name, err)
	}
	return img, nil
}

// Place names a slice: its instance and, of a multi-frame one, its frame from 1.
type Place struct {
	SOPInstanceUID string
	Frame          int
}

// referencedFrame is Referenced Frame Number.
var referencedFrame = dataset.NewTag(0x0008, 0x1160)

// Shows says of which slice an object of ours is a picture, the zero Place if of none or several.
func (d *Drawer) Shows(ctx context.Context, name string) (Place, error) {
	f, err := d.open(ctx, name)
	if err != nil {
		return Place{}, err
	}
	defer f.Close()
	items := f.Set().Items(dataset.SourceImageSequence)
	if len(items) != 1 {
		return Place{}, nil
	}
	frame, err := items[0].Int(referencedFrame)
	if err != nil {
		frame = 0 // a slice that is an instance has none
	}
	return Place{items[0].String(dataset.ReferencedSOPInstanceUID), frame}, nil
}

// with opens a file and has it drawn when a painter is free.
func (d *Drawer) with(ctx context.Context, name string, draw func(*sc.Painter, *dataset.File) error) error {
	select {
	case p := <-d.painters:
		defer func() { d.painters <- p }()
		f, err := d.open(ctx, name)
		if err != nil {
			return err
		}
		defer f.Close()
		return draw(p, f)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *Drawer) open(ctx context.Context, name string) (*dataset.File, error) {
	if err := store.CheckName(name); err != nil {
		return nil, err
	}
	file, err := d.files.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	return dataset.OpenReader(file, file.Size(), dataset.Limits{}) // closes the file when it fails
}
