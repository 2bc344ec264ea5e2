package picture

import (
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"io"

	"jcsnode/dataset"
	"jcsnode/dicomout/object"
	"jcsnode/dicomout/sc"
	"jcsnode/findings"
)

// Overlay is a slice and what an object of ours holds about it in frames, from 0, with what was found.
type Overlay struct {
	Slice      string // name of its file
	SliceFrame int
	Object     string
	Frames     []int
	Found      *findings.Findings
	Index      int // of the slice in Found
}

// Outline draws a slice with the edges of its lesions, out of a segmentation.
func (d *Drawer) Outline(ctx context.Context, o Overlay) (image.Image, error) {
	return d.over(ctx, o, func(f *dataset.File, s *sc.Picture) (err error) {
		s.Mask, err = mask(f, o.Frames, s)
		return err
	}, func(p *sc.Painter, s *sc.Picture) (*image.RGBA, error) {
		study := sc.StudyMeasures{LungShare: -1} // not measured
		if o.Found.Lesions != nil {
			study.LesionVolumeML = o.Found.Lesions.VolumeML
		}
		if l := o.Found.Lungs; l != nil && l.VolumeML > 0 {
			study.LungShare = l.LesionShare
		}
		return p.RenderOutline(s, study, modelsOf(o.Found))
	})
}

// Lungs draws a slice with the edges of the lungs, out of their segmentation.
func (d *Drawer) Lungs(ctx context.Context, o Overlay) (image.Image, error) {
	return d.over(ctx, o, func(f *dataset.File, s *sc.Picture) (err error) {
		s.Lung, err = mask(f, o.Frames, s)
		return err
	}, (*sc.Painter).RenderLungs)
}

// Activation draws a slice with the activation in colour over it, out of a parametric map.
func (d *Drawer) Activation(ctx context.Context, o Overlay) (image.Image, error) {
	var values []float32
	return d.over(ctx, o, func(f *dataset.File, s *sc.Picture) (err error) {
		values, err = numbers(f, o.Frames[0], s)
		return err
	}, func(p *sc.Painter, s *sc.Picture) (*image.RGBA, error) {
		return p.RenderActivation(s, values, sc.Scale{Max: 1, Text: "study maximum", Relative: true}, modelsOf(o.Found))
	})
}

// over decodes the slice, has take read the object, and draws.
func (d *Drawer) over(ctx context.Context, o Overlay, take func(*dataset.File, *sc.Picture) error,
	draw func(*sc.Painter, *sc.Picture) (*image.RGBA, error),
) (image.Image, error) {
	img, err := d.paint(ctx, func(p *sc.Painter) (image.Image, error) {
		s, err := d.slice(ctx, o.Slice, o.SliceFrame)
		if err != nil {
			return nil, err
		}
		f, err := d.open(ctx, o.Object)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		found := &o.Found.Slices[o.Index]
		s.Label = label(found)
		s.Probability, s.Smoothed, s.Positive, s.LesionAreaMM2 = found.Probability, found.Smoothed, found.Positive, found.LesionAreaMM2
		if err := take(f, s); err != nil {
			return nil, err
		}
		return draw(p, s)
	})
	if err != nil {
		return nil, fmt.Errorf("draw object %s over slice %s: %w", o.Object, o.Slice, err)
	}
	return img, nil
}

// label names a slice as a reader finds it in the CT.
func label(s *findings.Slice) string {
	switch {
	case s.Frame > 0:
		return fmt.Sprintf("CT image %d", s.Frame)
	case s.InstanceNumber != nil:
		return fmt.Sprintf("CT image %d", *s.InstanceNumber)
	}
	return "CT image"
}

func modelsOf(found *findings.Findings) []object.Model {
	var all []object.Model
	for _, m := range found.Models {
		all = append(all, object.Model{Name: m.Name, Version: m.Version, SHA256: m.SHA256, Status: m.Status})
	}
	return all
}

// mask reads frames of a segmentation, BINARY or LABELMAP (PS3.3 C.8.20.2), as one: not 0 where one of them is not.
func mask(f *dataset.File, frames []int, s *sc.Picture) ([]byte, error) {
	bits, err := f.Set().Int(dataset.BitsAllocated)
	if err != nil {
		return nil, err
	}
	if bits != 1 && bits != 8 {
		return nil, fmt.Errorf("a segmentation of %d bits", bits)
	}
	all := make([]byte, s.Rows*s.Columns)
	for _, frame := range frames {
		from := frame * len(all) * bits // in bits: frames follow each other without padding
		read, err := pixels(f, (*dataset.File).PixelData, s, from/8, (from+len(all)*bits+7)/8)
		if err != nil {
			return nil, err
		}
		for i := range all {
			if bits == 8 {
				all[i] |= read[i]
			} else if at := from%8 + i; read[at/8]>>(at%8)&1 != 0 {
				all[i] = 1
			}
		}
	}
	return all, nil
}

// numbers reads a frame of a parametric map.
func numbers(f *dataset.File, frame int, s *sc.Picture) ([]float32, error) {
	values := make([]float32, s.Rows*s.Columns)
	const size = 4
	read, err := pixels(f, (*dataset.File).FloatPixels, s, size*frame*len(values), size*(frame+1)*len(values))
	if err != nil {
		return nil, err
	}
	_, err = binary.Decode(read, binary.LittleEndian, values)
	return values, err
}

// pixels reads bytes of the pixel data of an object of the size of the slice.
func pixels(f *dataset.File, of func(*dataset.File) (dataset.PixelData, bool), s *sc.Picture, from, to int) ([]byte, error) {
	rows, err := f.Set().Int(dataset.Rows)
	if err != nil {
		return nil, err
	}
	columns, err := f.Set().Int(dataset.Columns)
	if err != nil {
		return nil, err
	}
	px, ok := of(f)
	if !ok || px.Encapsulated || rows != s.Rows || columns != s.Columns || from < 0 || int64(to) > px.Length {
		return nil, fmt.Errorf("no such frame of %d x %d pixels", s.Rows, s.Columns)
	}
	read := make([]byte, to-from)
	_, err = io.ReadFull(io.NewSectionReader(px.Reader(), int64(from), int64(len(read))), read)
	return read, err
}
