package object

import (
	"fmt"
	"strings"
	"time"

	"jcsnode/dataset"
	"jcsnode/findings"
)

// Study is what all objects of one revision of a study share.
type Study struct {
	// Source is the first slice of the chosen series by position. Its patient and study attributes are copied byte for byte.
	Source *dataset.File
	// StudyInstanceUID, SeriesInstanceUID and FrameOfReferenceUID are those of the chosen CT series.
	StudyInstanceUID, SeriesInstanceUID, FrameOfReferenceUID string
	// Revision counts the inputs of this study from 1. Zero is taken as 1.
	Revision int
	// InputDigest names what was read: another input has another one, and with it other UIDs.
	InputDigest string
	// Time is when the findings were written, in the zone in which dates and times shall stand.
	Time time.Time
	// SeriesBase is the number of the first of our series; 9100 unless the study already uses such numbers.
	SeriesBase int
	// SoftwareVersion is the program's, NodeID the configured serial number of this node.
	SoftwareVersion, NodeID string
	Models                  []Model
	// Settings is the canonical text of all settings that shape objects. It is part of every UID.
	Settings string
	// Slices are all slices of the chosen series, by position rising.
	Slices []SourceImage
	// Replaces are the objects of all earlier revisions, the oldest first, but for those that rejected others.
	Replaces []ReferencedObject
	// Corrected tells that they are replaced since their patient was another one, not since images came late.
	Corrected bool
	// Lossy tells of lossy compression in any slice; nil looks at Source alone. Collect it with Lossy.Add.
	Lossy *Lossy
}

// Model is one network that had a part in the findings.
type Model struct{ Name, Version, SHA256, Status string }

// SourceImage is one image of the chosen series. The DS fields are the texts of the file, re-formatted only where they are no valid DS (see
// Decimals), with backslashes between values; PixelSpacing is row spacing first.
type SourceImage struct {
	SOPClassUID, SOPInstanceUID                                 string
	Frame                                                       int // of a multi-frame instance, from 1; 0: the instance is one slice
	InstanceNumber                                              int
	Rows, Columns                                               int
	PositionDS, OrientationDS, PixelSpacingDS, SliceThicknessDS string
	Position                                                    float64 // mm along the normal
	Extent                                                      float64 // mm along the normal that the slice stands for
}

// StatusTrained is the one status of a network that needs no warning.
const StatusTrained = "trained"

// Notice returns the research notice, followed by a warning about each network that is not known to be trained.
func (s *Study) Notice() string {
	text := findings.Notice
	for _, m := range s.Models {
		if m.Status != StatusTrained {
			text += fmt.Sprintf(" Network %s %s: %s.", ASCII(m.Name, 64), ASCII(m.Version, 64), strings.ToUpper(m.Weights()))
		}
	}
	return text
}

// Weights returns the manifest's word for the network's training, "unknown" when it has none.
func (m Model) Weights() string {
	if m.Status == "" {
		return "unknown"
	}
	return ASCII(m.Status, 32)
}

// revision returns the revision counted from 1.
func (s *Study) revision() int { return max(s.Revision, 1) }

// SeriesNumber returns the number of the series of the kind: base, offset, and ten more for each later revision.
func (s *Study) SeriesNumber(kind Kind) int {
	base := s.SeriesBase
	if base == 0 {
		base = 9100
	}
	return base + kind.Number + 10*(s.revision()-1)
}

// SeriesDescription returns the description of the series of the kind, with " rev n" from the second revision on.
func (s *Study) SeriesDescription(kind Kind) string {
	if s.revision() == 1 {
		return ASCII(kind.Description, 64)
	}
	suffix := fmt.Sprintf(" rev %d", s.revision())
	return ASCII(kind.Description, 64-len(suffix)) + suffix
}

// Supersedes returns a sentence about the revision that this one replaces, "" for the first.
func (s *Study) Supersedes() string {
	if s.revision() == 1 {
		return ""
	}
	return fmt.Sprintf("Revision %d, replaces revision %d.", s.revision(), s.revision()-1)
}

// ContentDescription says what an object is and, from the second revision on, what it replaces, within 64 characters.
func (s *Study) ContentDescription(text string) string {
	if s.revision() == 1 {
		return text
	}
	if long := fmt.Sprintf("%s (rev %d replaces %d)", text, s.revision(), s.revision()-1); len(long) <= 64 {
		return long
	}
	return fmt.Sprintf("%s (rev %d)", text, s.revision())
}

// InstanceNumber returns the number for an object made of the slice with this index: that of the slice when the numbers of
// the series are unique, and such as IS can have, otherwise the rank by position counted from 1.
func (s *Study) InstanceNumber(slice int) int {
	seen := make(map[int]bool, len(s.Slices))
	for _, sl := range s.Slices {
		if seen[sl.InstanceNumber] || sl.InstanceNumber != int(int32(sl.InstanceNumber)) {
			return slice + 1
		}
		seen[sl.InstanceNumber] = true
	}
	return s.Slices[slice].InstanceNumber
}
