package findings

import "math"

// Findings is the findings of one revision as they are kept in the ledger and written to findings.json.
type Findings struct {
	StudyInstanceUID  string          `json:"study_instance_uid"`
	SeriesInstanceUID string          `json:"series_instance_uid,omitempty"` // the series that was read
	State             string          `json:"state"`                         // "reported" or "not processed"
	Reason            *Reason         `json:"reason,omitempty"`              // why a study was not processed
	ChosenBecause     string          `json:"chosen_because,omitempty"`
	Decision          *Decision       `json:"decision,omitempty"`
	Cautions          []string        `json:"cautions,omitempty"` // sentences: how easily the decision could be the other one
	Limits            []string        `json:"limits,omitempty"`   // sentences: what of the chest the decision says nothing about
	Lesions           *Lesions        `json:"lesions,omitempty"`  // of a positive study
	Lungs             *Lungs          `json:"lungs,omitempty"`
	Volume            *Volume         `json:"volume,omitempty"`
	Slices            []Slice         `json:"slices,omitempty"` // by position along the normal, rising
	Notes             []string        `json:"notes,omitempty"`
	RefusedSeries     []RefusedSeries `json:"refused_series,omitempty"`
	RefusedInstances  []Refused       `json:"refused_instances,omitempty"`
	Omitted           []string        `json:"omitted,omitempty"` // attributes of patient, study or scanner that objects carry otherwise
	Models            []Model         `json:"models"`
	Settings          Settings        `json:"settings"`
	Notice            string          `json:"notice"`
}

// Notice is what every result says.
const Notice = "Research use only. Not for diagnostic use."

// Reason says why, and what to do about it.
type Reason struct {
	Code   string `json:"code"`
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"`
}

// RefusedSeries is a series that was not read.
type RefusedSeries struct {
	SeriesInstanceUID string `json:"series_instance_uid"`
	Reason
}

// Refused is an instance that was not used.
type Refused struct {
	SOPInstanceUID string `json:"sop_instance_uid"`
	Path           string `json:"path"`
	Reason
}

// Decision is the study's decision and what it rests on.
type Decision struct {
	Positive        bool    `json:"positive"`
	Rule            string  `json:"rule"` // "count" or "length"
	Text            string  `json:"text"`
	PositiveSlices  int     `json:"positive_slices"`
	PositiveMM      float64 `json:"positive_mm"`
	UncountedSlices int     `json:"positive_off_lungs,omitempty"` // positive slices above or below the lungs: they do not count
	UncountedMM     float64 `json:"positive_off_lungs_mm,omitempty"`
	Slices          int     `json:"slices"`
	LengthMM        float64 `json:"length_mm"`
	Threshold       int     `json:"threshold"`
	ThresholdMM     float64 `json:"threshold_mm"`
	MarginMM        float64 `json:"margin_mm"` // positive_mm above threshold_mm, below if negative; by the count slices of mean length
	TurnsAt         float64 `json:"turns_at"`  // highest operating point of a slice at which the study is positive; 0: at none

	// Distance is the median distance of the slices of the lungs from those that the classifier was trained on, about 1 for their like;
	// missing if it tells none. Unlike tells that it is above the classifier's DistanceLimit. The decision stays.
	Distance float64 `json:"distance,omitempty"`
	Unlike   bool    `json:"unlike_training,omitempty"`

	Unsmoothed *Unsmoothed `json:"unsmoothed,omitempty"` // what there is without settings.smooth_mm, if that is on
}

// Unsmoothed is what would be positive if each slice counted by itself.
type Unsmoothed struct {
	PositiveSlices int     `json:"positive_slices"`
	PositiveMM     float64 `json:"positive_mm"`
}

// Volume is the geometry of what was read; lengths in mm.
type Volume struct {
	Rows          int     `json:"rows"`
	Columns       int     `json:"columns"`
	RowSpacing    float64 `json:"row_spacing"`
	ColumnSpacing float64 `json:"column_spacing"`
	SliceSpacing  float64 `json:"slice_spacing"` // the mean, where it changes on the way; each slice has its extent
}

// Lesions are the measurements of the segmented lesions.
type Lesions struct {
	Count           int     `json:"count"` // connected in space
	VolumeML        float64 `json:"volume_ml"`
	MeanHU          float64 `json:"mean_hu"`
	Slices          int     `json:"slices"` // slices with lesion
	SegmentedSlices int     `json:"segmented_slices"`
	PassedOver      int     `json:"slices_off_lungs,omitempty"` // not segmented, since no lung and no lesion of one reaches them
	LargestAreaMM2  float64 `json:"largest_area_mm2"`
	OffLungs        int     `json:"off_lungs,omitempty"` // outlines that reach no lung: left out, in no other number
	OffLungsML      float64 `json:"off_lungs_ml,omitempty"`
	Specks          int     `json:"specks,omitempty"` // outlines in the lungs below the least volume of a lesion: left out, too
	SpecksML        float64 `json:"specks_ml,omitempty"`
}

// Lungs are the lungs as the classical mask sees them; ours, not the paper's.
type Lungs struct {
	VolumeML      float64 `json:"volume_ml"`
	RightML       float64 `json:"right_ml"`
	LeftML        float64 `json:"left_ml"`
	LesionShare   float64 `json:"lesion_share"` // of the lung volume, 0..1; 0 when nothing was segmented
	RightLesionML float64 `json:"right_lesion_ml"`
	LeftLesionML  float64 `json:"left_lesion_ml"`
	CutSlices     int     `json:"cut_slices,omitempty"` // in which the field of view cuts a lung: volumes and shares are of the part in it
}

// Slice is what was found in one slice.
type Slice struct {
	SOPInstanceUID string  `json:"sop_instance_uid"`
	Frame          int     `json:"frame,omitempty"` // of a multi-frame instance, from 1
	InstanceNumber *int    `json:"instance_number"`
	Z              float64 `json:"z"`        // of Image Position (Patient), mm
	Position       float64 `json:"position"` // along the normal, mm
	Extent         float64 `json:"extent"`   // length of patient that the slice stands for, mm
	Probability    float64 `json:"probability"`
	Positive       bool    `json:"positive"`
	Segmented      bool    `json:"segmented"`
	LesionAreaMM2  float64 `json:"lesion_area_mm2"`
	LesionVolumeML float64 `json:"lesion_volume_ml"`

	// Smoothed is Probability smoothed over Settings.SmoothMM, which counts in its place; missing without smoothing.
	Smoothed *float64 `json:"smoothed_probability,omitempty"`
	// Distance is how far the slice lies from those that the classifier was trained on; missing if it tells none.
	Distance float64 `json:"distance,omitempty"`
}

// Model is a network that had a part in the findings.
type Model struct {
	Role           string  `json:"role"` // "classifier" or "segmenter"
	Name           string  `json:"name"`
	Version        string  `json:"version"`
	SHA256         string  `json:"sha256"`
	Status         string  `json:"status"` // "trained", "preliminary", "untrained", "altered"
	OperatingPoint float64 `json:"operating_point"`
	DistanceLimit  float64 `json:"distance_limit,omitempty"` // of a classifier that tells how far slices lie from its training: the usual
	Engine         string  `json:"engine,omitempty"`         // models.Runtime's Engine; "": ONNX Runtime's own int8 kernels on the CPU
}

// Settings are the settings that shape the findings.
type Settings struct {
	Threshold   int     `json:"threshold"`
	ThresholdMM float64 `json:"threshold_mm"`
	Segment     string  `json:"segment"`
	NearMM      float64 `json:"near_mm"`
	OffLungs    string  `json:"off_lungs"`
	// LeastLesionML is missing from reports that were made before it could be set: then any volume was a lesion.
	LeastLesionML float64 `json:"least_lesion_ml"`
	SmoothMM      float64 `json:"smooth_mm,omitempty"` // missing: every slice counted by itself
}

// Weights names the status of the networks in one word: the worst of them.
func Weights(models []Model) string {
	worst := "trained"
	rank := map[string]int{"trained": 0, "preliminary": 1, "altered": 2, "untrained": 3}
	for _, m := range models {
		if rank[m.Status] > rank[worst] {
			worst = m.Status
		}
	}
	return worst
}

// MadeWith tells whether the report rests on the same networks and settings.
func (r *Findings) MadeWith(models []Model, set Settings) bool {
	if len(r.Models) != len(models) || r.Settings != set {
		return false
	}
	for i := range models {
		if r.Models[i] != models[i] {
			return false
		}
	}
	return true
}

// Agrees tells whether two reports of the same slices say the same: they differ by no more than the same networks differ from one run,
// or from one machine, to another.
func (r *Findings) Agrees(with *Findings) bool {
	if r.State != with.State || r.SeriesInstanceUID != with.SeriesInstanceUID || len(r.Slices) != len(with.Slices) {
		return false
	}
	if r.State == StateNotProcessed {
		return r.Reason != nil && with.Reason != nil && r.Reason.Code == with.Reason.Code
	}
	if r.Decision.Positive != with.Decision.Positive || r.Decision.PositiveSlices != with.Decision.PositiveSlices ||
		*r.Volume != *with.Volume || r.Lungs.CutSlices != with.Lungs.CutSlices {
		return false
	}
	near := func(a, b float64) bool { return math.Abs(a-b) <= 0.1+0.01*max(a, b) } // mL
	lesions := func(r *Findings) float64 {
		if r.Lesions == nil {
			return 0
		}
		return r.Lesions.VolumeML
	}
	return near(lesions(r), lesions(with)) && near(r.Lungs.RightML, with.Lungs.RightML) && near(r.Lungs.LeftML, with.Lungs.LeftML)
}

// States of a report.
const (
	StateReported     = "reported"
	StateNotProcessed = "not processed"
)
