// Package picture draws what the page shows of a study: a slice of the CT in the lung window, pictures of ours out of their objects, and
// over the slice what objects hold as numbers. Files are named by the ledger or by who read the study, never by a request.
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

// In draws what is in another store, no more pictures at a time together.
func (d *Drawer) In(files store.Reader) *Drawer { return &Drawer{files, d.painters} }

// Slice draws a frame, from 0, of an instance that was received.
func (d *Drawer) Slice(ctx context.Context, name string, frame int) (image.Image, error) {
	img, err := d.paint(ctx, func(p *sc.Painter) (image.Image, error) {
		s, err := d.slice(ctx, name, frame)
		if err != nil {
			return nil, err
		}
		return p.RenderSlice(s)
	})
	if err != nil {
		return nil, fmt.Errorf("draw slice %s: %w", name, err)
	}
	return img, nil
}

// slice decodes a slice.
func (d *Drawer) slice(ctx context.Context, name string, frame int) (*sc.Picture, error) {
	f, err := d.open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	headers := ct.ReadHeaders(name, f)
	if frame < 0 || frame >= len(headers) {
		return nil, fmt.Errorf("frame %d of %d", frame+1, len(headers))
	}
	h := &headers[frame]
	if h.Rows < 1 || h.Columns < 1 || h.Rows > mostPixels/h.Columns {
		return nil, fmt.Errorf("a slice of %d x %d pixels is not drawn", h.Rows, h.Columns)
	}
	hu, err := ct.Decode(f, h)
	if err != nil {
		return nil, err
	}
	left, top := sc.Edges(h.OrientationDS)
	return &sc.Picture{
		Left:          left,
		Top:           top,
		Rows:          h.Rows,
		Columns:       h.Columns,
		RowSpacing:    h.PixelSpacing[0],
		ColumnSpacing: h.PixelSpacing[1],
		HU:            hu,
	}, nil
}

// Capture is the picture in a frame, from 0, of a secondary capture of ours.
func (d *Drawer) Capture(ctx context.Context, name string, frame int) (image.Image, error) {
	img, err := d.paint(ctx, func(*sc.Painter) (image.Image, error) {
		f, err := d.open(ctx, name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		img, err := preview.Frame(f, frame)
		if img == nil && err == nil {
			err = errors.New("it holds no picture in colour")
		}
		return img, err
	})
	if err != nil {
		return nil, fmt.Errorf("draw object %s: %w", name, err)
	}
	return img, nil
}

// paint draws when a painter is free.
func (d *Drawer) paint(ctx context.Context, draw func(*sc.Painter) (image.Image, error)) (image.Image, error) {
	select {
	case p := <-d.painters:
		defer func() { d.painters <- p }()
		return draw(p)
	case <-ctx.Done():
		return nil, ctx.Err()
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
