package results

import (
	"fmt"
	"strings"

	"jcsnode/dicomout/object"
	"jcsnode/findings"
	"jcsnode/models"
	"jcsnode/pipeline/cascade"
)

// settings names every setting that shapes objects; it is part of their UIDs.
func (m *Maker) settings() string {
	c := m.Cascade
	texts := []string{
		fmt.Sprintf("threshold=%d", c.Threshold),
		"threshold_mm=" + object.Decimal(c.ThresholdMM),
		"segment=" + m.segmentText(),
		"classifier_point=" + object.Decimal(c.ClassifierOperatingPoint),
		"segmenter_point=" + object.Decimal(c.SegmenterOperatingPoint),
		fmt.Sprintf("series_base=%d", m.SeriesBase),
		fmt.Sprintf("sc_geometry=%v", m.Geometry),
		"classifier=" + m.Manifest.Classifier.Version + " " + m.Manifest.Classifier.Status,
		"segmenter=" + m.Manifest.Segmenter.Version + " " + m.Manifest.Segmenter.Status,
	}
	if c.SmoothMM > 0 { // 0: as all were made before there was a choice
		texts = append(texts, "smooth_mm="+object.Decimal(c.SmoothMM))
	}
	if c.DistanceLimit > 0 { // 0: of a classifier that tells no distance
		texts = append(texts, "distance_limit="+object.Decimal(c.DistanceLimit))
	}
	if c.OffLungs != cascade.OffLungsKeep { // which is how all were made before there was a choice
		texts = append(texts, "off_lungs="+c.OffLungs)
	}
	if c.LeastLesionML > 0 { // 0: as above
		texts = append(texts, "least_lesion_ml="+object.Decimal(c.LeastLesionML))
	}
	if engine := foreignEngine(m.Engine); engine != "" {
		texts = append(texts, "engine="+engine)
	}
	return strings.Join(texts, " ")
}

func (m *Maker) segmentText() string {
	if m.Cascade.Segment == cascade.SegmentNear {
		return "near " + object.Decimal(m.Cascade.NearMM) + " mm"
	}
	return m.Cascade.Segment
}

// foreignEngine names what calculates instead of ONNX Runtime's own int8 kernels on the CPU, "" for these: they are what there was
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

// Models are the networks as findings name them, calculated by an engine of models.Runtime.
func Models(m models.Manifest, engine string) []findings.Model {
	one := func(role string, n models.Network) findings.Model {
		return findings.Model{
			Role:           role,
			Name:           n.Name,
			Version:        n.Version,
			SHA256:         n.SHA256,
			Status:         n.Status,
			OperatingPoint: n.OperatingPoint,
			Engine:         foreignEngine(engine),
		}
	}
	classifier := one("classifier", m.Classifier)
	classifier.DistanceLimit = m.DistanceLimit()
	return []findings.Model{classifier, one("segmenter", m.Segmenter)}
}
