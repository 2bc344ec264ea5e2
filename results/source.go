package results

import (
	"errors"

	"jcsnode/dataset"
	"jcsnode/dicomout/object"
	"jcsnode/pipeline"
	"jcsnode/pipeline/ct"
)

// ErrNoSource says that no file of the study can be read, so that there is no patient to make objects for.
var ErrNoSource = errors.New("no readable instance to copy patient and study from")

// sourceOf opens the file that patient and study attributes are copied from.
func sourceOf(x *pipeline.Examination) (*dataset.File, error) {
	source := x.Source()
	if source == nil {
		return nil, ErrNoSource
	}
	return x.Open(source.Path)
}

// Omissions lists what objects cannot carry of their source as it is.
func Omissions(x *pipeline.Examination) ([]string, error) {
	source, err := sourceOf(x)
	if errors.Is(err, ErrNoSource) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer source.Close()
	omissions, err := object.Omissions(source)
	if err != nil {
		return nil, err
	}
	var texts []string
	for _, o := range omissions {
		texts = append(texts, o.String())
	}
	return texts, nil
}

// lossyOf collects what lossy compression the slices have been through.
func lossyOf(open ct.Opener, v *ct.Volume) (*object.Lossy, error) {
	lossy := &object.Lossy{}
	for i := range v.Slices {
		f, err := open(v.Slices[i].Header.Path)
		if err != nil {
			return nil, err
		}
		lossy.Add(f)
		f.Close()
	}
	return lossy, nil
}
