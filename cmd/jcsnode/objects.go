package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"runtime"
	"slices"
	"strings"

	"jcsnode/findings"

	"jcsnode/config"
	"jcsnode/dataset"
	"jcsnode/dicomout"
	"jcsnode/dicomout/object"
	"jcsnode/dicomout/sc"
	"jcsnode/dicomout/seg"
	"jcsnode/dicomout/sr"
	"jcsnode/ledger"
	"jcsnode/models"
	"jcsnode/pipeline"
	"jcsnode/pipeline/cascade"
	"jcsnode/pipeline/ct"
	"jcsnode/pipeline/lung"
)

// implementation names the program in associations and file meta information.
const (
	implementationClassUID = object.ImplementationClassUID
	implementationVersion  = object.ImplementationVersionName
)

// objectMaker turns an examination into DICOM objects: it is where the pipeline's values meet dicomout's.
type objectMaker struct {
	config   config.Config
	manifest models.Manifest
	settings cascade.Settings
	engine   string // of models.Runtime
	// replaced names the objects that a revision replaces; nil where there is no ledger.
	replaced func(ctx context.Context, studyUID string, revision int) ([]object.ReferencedObject, error)
}

// build hands each object with its picture to emit, in the order in which they are sent.
func (m *objectMaker) build(ctx context.Context, x *pipeline.Examination, id pipeline.Identity, emit func(pipeline.Made, image.Image) error) error {
	report, done, err := m.report(x, id)
	if err != nil {
		return err
	}
	defer done()
	if m.replaced != nil && id.Revision > 1 {
		if report.Shared.Replaces, err = m.replaced(ctx, report.Shared.StudyInstanceUID, id.Revision); err != nil {
			return err
		}
	}
	return dicomout.Build(ctx, report, func(o *object.Object, picture image.Image) error {
		return emit(pipeline.Made{
			Outgoing: ledger.Outgoing{
				Object: ledger.Object{SOPInstanceUID: o.SOPInstanceUID, SOPClassUID: o.SOPClassUID, SeriesUID: o.SeriesInstanceUID,
					Kind: o.Kind, Title: o.Title, TransferSyntaxUID: o.TransferSyntaxUID},
				Destinations: destinationsOf(m.config, o.Kind, x.Refusal != nil),
			},
			File: o.File,
		}, picture)
	})
}

// report converts the examination; done closes the source file.
func (m *objectMaker) report(x *pipeline.Examination, id pipeline.Identity) (r dicomout.Study, done func(), err error) {
	o := m.config.Objects
	r.Options = dicomout.Options{Kinds: kindsMade(m.config, x.Refusal != nil), Geometry: o.SCGeometry, Workers: runtime.GOMAXPROCS(0)}
	source, err := sourceOf(x)
	if err != nil {
		return r, nil, err
	}
	done = func() { source.Close() }
	r.Shared = &object.Study{
		Source:           source,
		StudyInstanceUID: source.Set().String(dataset.StudyInstanceUID),
		Revision:         id.Revision,
		InputDigest:      id.InputDigest,
		Time:             id.Time,

		SeriesBase:      seriesBase(o.SeriesBase, x.Headers),
		SoftwareVersion: version,
		NodeID:          m.config.Node.ID,
		Models:          objectModels(m.manifest),
		Settings:        m.canonicalSettings(),
		Corrected:       x.Moved > 0 || x.Refusal != nil && x.Refusal.Code == ct.CodePartCorrected,
	}
	if x.Refusal != nil {
		r.Outcome, r.Reason, r.Remedy = sc.NotProcessed, x.Refusal.Text, x.Refusal.Remedy
		r.Retracts = x.Refusal.Code == ct.CodePartCorrected
		return r, done, nil
	}
	r.Shared.SeriesInstanceUID, r.Shared.FrameOfReferenceUID = x.Chosen.SeriesInstanceUID, x.Chosen.FrameOfReferenceUID
	r.Limits = slices.Concat(x.Cautions(), x.Limits().Sentences())
	m.addFindings(&r, x)
	if r.Shared.Lossy, err = lossyOf(x.Volume); err != nil {
		done()
		return r, nil, err
	}
	return r, done, nil
}

func (m *objectMaker) addFindings(r *dicomout.Study, x *pipeline.Examination) {
	v, f, d := x.Volume, x.Findings, x.Findings.Decision
	r.Outcome = sc.Negative
	if d.Positive {
		r.Outcome = sc.Positive
	}
	r.Decision = sc.Basis{Rule: d.Rule, PositiveSlices: d.PositiveSlices, Threshold: d.Threshold, PositiveMM: d.PositiveMM,
		ThresholdMM: d.ThresholdMM, OperatingPoint: m.settings.ClassifierOperatingPoint,
		SmoothMM: d.SmoothMM, UnsmoothedSlices: d.UnsmoothedSlices, UnsmoothedMM: d.UnsmoothedMM}
	r.Measures = sc.Measures{
		Segmented: d.Positive, LesionML: f.Lesions.VolumeML, Lesions: len(x.Measures.Components),
		Right:  sc.Lung{VolumeML: x.Measures.Lungs.Right, LesionML: x.Measures.Lesions.Right},
		Left:   sc.Lung{VolumeML: x.Measures.Lungs.Left, LesionML: x.Measures.Lesions.Left},
		LungML: x.Measures.Lungs.Total(), LungShare: x.Measures.Share, OutsideML: x.Measures.OutsideML,
		OffLungs: x.LeftOut.Off.Count, Specks: x.LeftOut.Specks.Count, LungsCut: x.Measures.CutSlices > 0,
	}
	if !d.Positive {
		r.Measures.LungShare = -1 // not measured
	}
	highest := float32(0)
	for i := range v.Slices {
		s, sf := &v.Slices[i], &f.Slices[i]
		h := &s.Header
		number := i + 1
		if h.InstanceNumber != nil {
			number = *h.InstanceNumber
		}
		frame := 0
		if h.Frames > 1 {
			frame, number = h.Frame+1, h.Frame+1
		}
		r.Shared.Slices = append(r.Shared.Slices, object.SourceImage{SOPClassUID: h.SOPClassUID, SOPInstanceUID: h.SOPInstanceUID,
			Frame: frame, InstanceNumber: number, Rows: h.Rows, Columns: h.Columns, PositionDS: object.Decimals(h.PositionDS), OrientationDS: object.Decimals(h.OrientationDS),
			PixelSpacingDS: object.Decimals(h.PixelSpacingDS), SliceThicknessDS: thicknessOf(h), Position: s.Position, Extent: s.Extent})
		r.Slices = append(r.Slices, dicomout.SliceFindings{HU: s.HU, Lung: x.Lungs[i], Mask: sf.Mask, Probability: sf.Probability,
			Smoothed: smoothedOf(sf, d), Positive: sf.Positive, AfterGap: s.AfterGap, LesionAreaMM2: sf.LesionAreaMM2})
		if sf.Positive && sf.Activation != nil {
			for _, a := range sf.Activation.Values {
				highest = max(highest, a)
			}
		}
	}
	r.Scale = sc.Scale{Max: float64(highest), Text: "study maximum"}
	r.Facing = sc.Facing{ApexFirst: v.Normal[2] < 0, Transposed: v.View.Transpose, FlipRows: v.View.FlipRows, FlipColumns: v.View.FlipColumns}
	r.Activation = func(i int) []float32 {
		if f.Slices[i].Activation == nil {
			return nil
		}
		return f.Slices[i].Activation.At(v.Rows, v.Columns)
	}
	r.Lesions, r.LesionHU = lesionsOf(x), x.Measures.MeanHU
	segmenter := m.manifest.Segmenter
	r.Segmentation = seg.Input{SpacingBetweenSlices: v.EvenSpacing(), Model: modelOf(segmenter), Threshold: m.settings.SegmenterOperatingPoint,
		Window: segmenter.Window, Parameters: "segment=" + m.segmentText() + " off_lungs=" + m.settings.OffLungs +
			" least_lesion_ml=" + object.Decimal(m.settings.LeastLesionML)}
}

// smoothedOf is what counts in the place of the classifier's probability, nil where that counts.
func smoothedOf(s *cascade.SliceFinding, d cascade.Decision) *float64 {
	if d.SmoothMM == 0 {
		return nil
	}
	return &s.Smoothed
}

// thicknessOf is the thickness as objects repeat it, "" where the slice has none that can be.
func thicknessOf(h *ct.Header) string {
	if h.SliceThickness == 0 {
		return ""
	}
	return object.Decimals(h.SliceThicknessDS)
}

// lesionsOf are the lesions as the structured report lists them.
func lesionsOf(x *pipeline.Examination) []sr.Lesion {
	sides := map[byte]sr.Side{lung.Right: sr.Right, lung.Left: sr.Left}
	var all []sr.Lesion
	for _, c := range x.Measures.Components {
		all = append(all, sr.Lesion{VolumeML: c.VolumeML, MeanHU: c.MeanHU, LargestAreaMM2: c.LargestAreaMM2, LargestSlice: c.LargestSlice,
			SliceProbability: x.Findings.Slices[c.LargestSlice].Probability, Side: sides[c.Side]})
	}
	return all
}

func (m *objectMaker) segmentText() string {
	if m.settings.Segment == cascade.SegmentNear {
		return "near " + object.Decimal(m.settings.NearMM) + " mm"
	}
	return m.settings.Segment
}

// canonicalSettings names every setting that shapes objects; it is part of their UIDs.
func (m *objectMaker) canonicalSettings() string {
	s := m.settings
	texts := []string{
		fmt.Sprintf("threshold=%d", s.Threshold),
		"threshold_mm=" + object.Decimal(s.ThresholdMM),
		"segment=" + m.segmentText(),
		"classifier_point=" + object.Decimal(s.ClassifierOperatingPoint),
		"segmenter_point=" + object.Decimal(s.SegmenterOperatingPoint),
		fmt.Sprintf("series_base=%d", m.config.Objects.SeriesBase),
		fmt.Sprintf("sc_geometry=%v", m.config.Objects.SCGeometry),
		"classifier=" + m.manifest.Classifier.Version + " " + m.manifest.Classifier.Status,
		"segmenter=" + m.manifest.Segmenter.Version + " " + m.manifest.Segmenter.Status,
	}
	if s.SmoothMM > 0 { // 0: as all were made before there was a choice
		texts = append(texts, "smooth_mm="+object.Decimal(s.SmoothMM))
	}
	if s.OffLungs != cascade.OffLungsKeep { // which is how all were made before there was a choice
		texts = append(texts, "off_lungs="+s.OffLungs)
	}
	if s.LeastLesionML > 0 { // 0: as above
		texts = append(texts, "least_lesion_ml="+object.Decimal(s.LeastLesionML))
	}
	if engine := foreignEngine(m.engine); engine != "" {
		texts = append(texts, "engine="+engine)
	}
	return strings.Join(texts, " ")
}

// foreignEngine names what calculates instead of ONNX Runtime's own kernels on the CPU, "" for these: they are what there was
// when the first UIDs were made.
func foreignEngine(engine string) string {
	if engine == models.DeviceCPU {
		return ""
	}
	return engine
}

func modelOf(n models.Network) object.Model {
	return object.Model{Name: n.Name, Version: n.Version, SHA256: n.SHA256, Status: n.Status}
}

func objectModels(m models.Manifest) []object.Model {
	return []object.Model{modelOf(m.Classifier), modelOf(m.Segmenter)}
}

// reportModels are the networks as findings name them, calculated by an engine of models.Runtime.
func reportModels(m models.Manifest, engine string) []findings.Model {
	one := func(role string, n models.Network) findings.Model {
		return findings.Model{Role: role, Name: n.Name, Version: n.Version, SHA256: n.SHA256, Status: n.Status, OperatingPoint: n.OperatingPoint,
			Engine: foreignEngine(engine)}
	}
	return []findings.Model{one("classifier", m.Classifier), one("segmenter", m.Segmenter)}
}

// cascadeSettings joins the configuration with the operating points of the manifest.
func cascadeSettings(c config.Config, m models.Manifest, workers int) cascade.Settings {
	return cascade.Settings{Threshold: c.Cascade.Threshold, ThresholdMM: c.Cascade.ThresholdMM, SmoothMM: c.Cascade.SmoothMM,
		Segment: c.Cascade.Segment, NearMM: c.Cascade.NearMM, OffLungs: c.Cascade.OffLungs, LeastLesionML: c.Cascade.LeastLesionML,
		ClassifierOperatingPoint: m.Classifier.OperatingPoint, SegmenterOperatingPoint: m.Segmenter.OperatingPoint, Workers: workers}
}

// sourceOf opens the file that patient and study attributes are copied from.
func sourceOf(x *pipeline.Examination) (*dataset.File, error) {
	source := x.Source()
	if source == nil {
		return nil, errNoSource
	}
	return dataset.Open(source.Path, dataset.Limits{})
}

// omissionsOf lists what objects cannot carry of their source as it is.
func omissionsOf(x *pipeline.Examination) ([]string, error) {
	source, err := sourceOf(x)
	if errors.Is(err, errNoSource) {
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

// errNoSource says that no file of the study can be read, so that there is no patient to make objects for.
var errNoSource = errors.New("no readable instance to copy patient and study from")

func lossyOf(v *ct.Volume) (*object.Lossy, error) {
	lossy := &object.Lossy{}
	for i := range v.Slices {
		f, err := dataset.Open(v.Slices[i].Header.Path, dataset.Limits{})
		if err != nil {
			return nil, err
		}
		lossy.Add(f)
		f.Close()
	}
	return lossy, nil
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
