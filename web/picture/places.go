package picture

import (
	"context"

	"jcsnode/dataset"
)

// Place names a slice: its instance and, of a multi-frame one, its frame from 1.
type Place struct {
	SOPInstanceUID string
	Frame          int
}

var (
	derivationImages = dataset.NewTag(0x0008, 0x9124) // Derivation Image Sequence
	referencedFrame  = dataset.NewTag(0x0008, 0x1160)
)

// Places says of which slice each frame of an object of ours is a picture: nothing if it is one of none or of all.
func (d *Drawer) Places(ctx context.Context, name string) ([]Place, error) {
	f, err := d.open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	set := f.Set()
	frames, err := set.Int(dataset.NumberOfFrames)
	if err != nil {
		frames = 1 // without the attribute
	}
	var sources []*dataset.Set
	for _, group := range set.Items(dataset.PerFrameFunctionalGroupsSequence) {
		for _, derived := range group.Items(derivationImages) {
			sources = append(sources, derived.Items(dataset.SourceImageSequence)...)
		}
	}
	if len(sources) == 0 { // a secondary capture names the slices of its frames in their order
		sources = set.Items(dataset.SourceImageSequence)
	}
	if len(sources) != frames {
		return nil, nil
	}
	places := make([]Place, frames)
	for i, source := range sources {
		frame, err := source.Int(referencedFrame)
		if err != nil {
			frame = 0 // a slice that is an instance has none
		}
		places[i] = Place{source.String(dataset.ReferencedSOPInstanceUID), frame}
	}
	return places, nil
}
