// Package object holds what every DICOM object of ours shares: identity, the attributes of patient, study, series and
// equipment, small constructors of elements, and the encoding as a Part 10 file.
//
// It promises that the same Study gives the same bytes: UIDs are derived (UUIDv5 under 2.25, PS3.5 B.2), times come from
// the value and not from a clock. Patient and study attributes are the scanner's bytes, never decoded text: the writer
// underneath (github.com/suyashkumar/dicom) would write decoded strings as UTF-8 under any Specific Character Set, so it is
// given the raw bytes as Go strings, which it passes through unchanged.
//
// It knows neither the ledger nor the rooms that make the single kinds (seg, sc, sr).
package object
