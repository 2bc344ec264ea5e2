package dicomout

import (
	"fmt"
	"image"

	"jcsnode/dicomout/object"
	"jcsnode/dicomout/pmap"
	"jcsnode/dicomout/sc"
)

// activationText says how the maps were made, for every slice alike.
func (r *Study) activationText() string {
	return fmt.Sprintf("positive from %s, activation 0 to %s (%s).",
		object.Decimal(r.Decision.OperatingPoint), object.Decimal(r.Scale.Max), r.Scale.Text)
}

// probabilityText is the probability of a slice, and that which counts in its place.
func probabilityText(s *sc.Picture) string {
	if s.Smoothed == nil {
		return object.Decimal(s.Probability)
	}
	return object.Decimal(s.Probability) + ", smoothed " + object.Decimal(*s.Smoothed)
}

func (r *Study) activation(i int, s *sc.Picture) job {
	return func(p *sc.Painter) (*object.Object, image.Image, error) {
		values := r.Activation(i)
		if values == nil {
			return nil, nil, nil
		}
		picture, err := p.RenderActivation(s, values, r.Scale, r.Shared.Models)
		if err != nil {
			return nil, nil, err
		}
		o, err := sc.Activation(r.Shared, sc.Capture{
			Index:      i,
			Derivation: fmt.Sprintf("class positive, slice probability %s, %s", probabilityText(s), r.activationText()),
			Geometry:   r.Options.Geometry,
		}, picture)
		return o, picture, err
	}
}

// activationMultiFrame makes one object of the activation of all positive slices; its preview is the most probable of them.
func (r *Study) activationMultiFrame(slices []sc.Picture) job {
	return func(p *sc.Painter) (*object.Object, image.Image, error) {
		indices, best := r.activated(slices)
		if len(indices) == 0 {
			return nil, nil, nil
		}
		var preview image.Image
		o, err := sc.ActivationMultiFrame(r.Shared, sc.Frames{
			Indices: indices, Derivation: "class positive, " + r.activationText(), Geometry: r.Options.Geometry,
			Render: func(i int) (*image.RGBA, error) {
				picture, err := p.RenderActivation(&slices[i], r.Activation(i), r.Scale, r.Shared.Models)
				if i == best {
					preview = picture
				}
				return picture, err
			},
		})
		return o, preview, err
	}
}

// activated returns the positive slices that have an activation, and the most probable of them.
func (r *Study) activated(slices []sc.Picture) (indices []int, best int) {
	for i := range slices {
		if !slices[i].Positive || r.Activation(i) == nil {
			continue
		}
		if len(indices) == 0 || slices[i].Counted() > slices[best].Counted() {
			best = i
		}
		indices = append(indices, i)
	}
	return indices, best
}

// parametricMap makes the map of all positive slices; its preview is the overlay of the most probable of them.
func (r *Study) parametricMap(slices []sc.Picture) job {
	return func(p *sc.Painter) (*object.Object, image.Image, error) {
		indices, best := r.activated(slices)
		if len(indices) == 0 || !(r.Scale.Max > 0) {
			return nil, nil, nil
		}
		o, err := pmap.Build(r.Shared, pmap.Input{Indices: indices, Values: r.Activation, Max: r.Scale.Max,
			SpacingBetweenSlices: r.Segmentation.SpacingBetweenSlices})
		if err != nil {
			return nil, nil, err
		}
		picture, err := p.RenderActivation(&slices[best], r.Activation(best), r.Scale, r.Shared.Models)
		return o, picture, err
	}
}
