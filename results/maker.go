package results

import (
	"context"
	"image"
	"runtime"
	"slices"

	"jcsnode/dataset"
	"jcsnode/dicomout"
	"jcsnode/dicomout/object"
	"jcsnode/dicomout/sc"
	"jcsnode/ledger"
	"jcsnode/models"
	"jcsnode/pipeline"
	"jcsnode/pipeline/cascade"
	"jcsnode/pipeline/ct"
)

// Maker makes the objects of examinations.
type Maker struct {
	Version    string // of the program
	NodeID     string // serial number of this node, of the site's choice
	SeriesBase int    // number of the first series
	Geometry   bool   // secondary captures carry the plane of their slice
	Recipients Recipients
	Manifest   models.Manifest
	Engine     string           // of models.Runtime
	Cascade    cascade.Settings // with which examinations were made
}

// Emit takes one object with its picture.
type Emit func(pipeline.Made, image.Image) error

// Build hands each object with its picture to emit, in the order in which they are sent. The error is ErrNoSource if there is no patient
// to make objects for.
func (m *Maker) Build(ctx context.Context, x *pipeline.Examination, id pipeline.Identity, emit Emit) error {
	study, done, err := m.study(x, id)
	if err != nil {
		return err
	}
	defer done()
	return dicomout.Build(ctx, study, func(o *object.Object, picture image.Image) error {
		return emit(pipeline.Made{
			Outgoing: ledger.Outgoing{
				Object: ledger.Object{
					SOPInstanceUID:    o.SOPInstanceUID,
					SOPClassUID:       o.SOPClassUID,
					SeriesUID:         o.SeriesInstanceUID,
					Kind:              o.Kind,
					Title:             o.Title,
					TransferSyntaxUID: o.TransferSyntaxUID,
				},
				Destinations: m.Recipients.of(o.Kind, x.Refusal != nil),
			},
			File: o.File,
		}, picture)
	})
}

// study converts the examination; done closes the source file.
func (m *Maker) study(x *pipeline.Examination, id pipeline.Identity) (s dicomout.Study, done func(), err error) {
	s.Options = dicomout.Options{Kinds: m.Recipients.Kinds(x.Refusal != nil), Geometry: m.Geometry, Workers: runtime.GOMAXPROCS(0)}
	source, err := sourceOf(x)
	if err != nil {
		return s, nil, err
	}
	done = func() { source.Close() }
	s.Shared = &object.Study{
		Source:           source,
		StudyInstanceUID: source.Set().String(dataset.StudyInstanceUID),
		Revision:         id.Revision,
		InputDigest:      id.InputDigest,
		Time:             id.Time,
		Replaces:         replaced(id.Replaced),

		SeriesBase:      seriesBase(m.SeriesBase, x.Headers),
		SoftwareVersion: m.Version,
		NodeID:          m.NodeID,
		Models:          []object.Model{modelOf(m.Manifest.Classifier), modelOf(m.Manifest.Segmenter)},
		Settings:        m.settings(),
		Corrected:       x.Moved > 0 || x.Refusal != nil && x.Refusal.Code == ct.CodePartCorrected,
	}
	if x.Refusal != nil {
		s.Outcome, s.Reason, s.Remedy = sc.NotProcessed, x.Refusal.Text, x.Refusal.Remedy
		s.Retracts = x.Refusal.Code == ct.CodePartCorrected
		return s, done, nil
	}
	s.Shared.SeriesInstanceUID, s.Shared.FrameOfReferenceUID = x.Chosen.SeriesInstanceUID, x.Chosen.FrameOfReferenceUID
	s.Limits = slices.Concat(x.Findings.Decision.Cautions(), x.Limits().Sentences())
	m.addFindings(&s, x)
	if s.Shared.Lossy, err = lossyOf(x.Open, x.Volume); err != nil {
		done()
		return s, nil, err
	}
	return s, done, nil
}

// seriesBase is the first hundred from base on in which the study has no series yet.
func seriesBase(base int, headers []ct.Header) int {
	used := map[int]bool{}
	for i := range headers {
		if n := headers[i].SeriesNumber; n != nil && *n >= base {
			used[(*n-base)/100] = true
		}
	}
	k := 0
	for used[k] {
		k++
	}
	return base + 100*k
}
