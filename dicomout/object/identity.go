package object

import (
	"crypto/sha1"
	"math/big"
	"strconv"
)

// namespace is the UUID under which all names of this project are hashed. It must never change: with it every UID would,
// and each study that is sent again would arrive as a second set of objects.
var namespace = [16]byte{0x5d, 0x0e, 0x3c, 0x0a, 0x8f, 0x6b, 0x4c, 0x5e, 0x9a, 0x41, 0x6a, 0x63, 0x73, 0x6e, 0x6f, 0x64}

// ImplementationClassUID identifies this program in file meta information and in associations (PS3.7 D.3.3.2). It is
// deriveUID("implementation", "1"), written out because it is a constant to everybody else.
const ImplementationClassUID = "2.25.175874154945015882850949054738159980625"

// ImplementationVersionName goes with ImplementationClassUID, at most 16 characters. It carries no program version, so that
// an upgrade between two attempts at a delivery does not change the bytes of an object.
const ImplementationVersionName = "JCSNODE"

// deriveUID returns 2.25 followed by the decimal value of the UUIDv5 (RFC 9562 5.5) over the parts, at most 44 characters. Each
// part is hashed with its length in front, so that no two lists of parts share a name.
func deriveUID(parts ...string) string {
	h := sha1.New()
	h.Write(namespace[:])
	for _, p := range parts {
		h.Write([]byte(strconv.Itoa(len(p)) + ":" + p + ";"))
	}
	uuid := h.Sum(nil)[:16]
	uuid[6] = uuid[6]&0x0f | 0x50 // version 5
	uuid[8] = uuid[8]&0x3f | 0x80 // variant of RFC 9562
	return "2.25." + new(big.Int).SetBytes(uuid).String()
}

// UID derives a UID for this study revision. The name covers the study, the digest of its input, the kind, the hash of each
// model, the settings, and the given parts. Kinds and parts are free texts; equal arguments give equal UIDs, for ever.
func (s *Study) UID(kind string, parts ...string) string {
	name := []string{s.StudyInstanceUID, s.InputDigest, kind}
	for _, m := range s.Models {
		name = append(name, m.SHA256)
	}
	name = append(name, s.Settings)
	return deriveUID(append(name, parts...)...)
}

// SeriesUID returns the Series Instance UID shared by all objects of the kind.
func (s *Study) SeriesUID(kind Kind) string { return s.UID(kind.Name, "series") }

// InstanceUID returns the SOP Instance UID of one object of the kind. The parts tell several instances of one series apart:
// the SOP Instance UID of the source slice for single-frame captures, nothing for kinds with one instance.
func (s *Study) InstanceUID(kind Kind, parts ...string) string {
	return s.UID(kind.Name, append([]string{"instance"}, parts...)...)
}

// FrameOfReference returns the Frame of Reference UID of the chosen series or, when the source has none, a derived one; derived
// tells the caller to say so in the ledger. It is the same for every kind.
func (s *Study) FrameOfReference() (uid string, derived bool) {
	if s.FrameOfReferenceUID != "" {
		return s.FrameOfReferenceUID, false
	}
	return deriveUID("frame of reference", s.StudyInstanceUID, s.SeriesInstanceUID), true
}

// PartUID returns the UID of an object that says part of what another one says: of that one's UID and what tells the parts apart.
func PartUID(parts ...string) string { return deriveUID(append([]string{"part"}, parts...)...) }

// DeviceUID names this node as the observer of a report. It is the same for every study.
func (s *Study) DeviceUID() string { return deriveUID("device", s.NodeID) }

// LesionTracking returns Tracking ID and Tracking UID of the lesion segment. The structured report repeats both, and neither
// room has to see the other's object.
func (s *Study) LesionTracking() (id, uid string) {
	return "jcsnode lesion", s.UID("tracking", "lesion")
}
