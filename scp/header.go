package scp

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"jcsnode/dataset"
	"jcsnode/dimse"
	"jcsnode/store"
)

// NotStored says why an instance is not stored: what the sender gets and the operator reads.
type NotStored struct {
	StudyUID string // of the instance, "" if it could not be read
	Status   dimse.Status
	Code     string // "disk-full", "cannot-parse", "no-uid", "mismatch", ...
	Text     string
	Remedy   string
	Err      error // cause, may be nil
}

// Error implements error.
func (r *NotStored) Error() string {
	if r.Err == nil {
		return r.Text
	}
	return r.Text + ": " + r.Err.Error()
}

// Unwrap gives the cause.
func (r *NotStored) Unwrap() error { return r.Err }

// identity is what a data set says about itself.
type identity struct {
	studyUID, seriesUID, sopInstanceUID, sopClassUID string
	accession                                        string
	flag                                             string
}

// maxAccessionLength bounds an accession number that is kept; the standard allows 16 characters.
const maxAccessionLength = 64

// maxUIDLength bounds what is kept as an identifier. The standard allows 64 characters;
// real instances exceed it (docs of pynetdicom #549), a few times, not a thousand.
const maxUIDLength = 256

// FlagUID marks instances whose UIDs are not UIDs. They are kept as they came.
const FlagUID = "uid: not a valid UID in "

// FlagForm marks instances whose data set is not well-formed. They are kept as they came.
const FlagForm = "not well-formed at "

// formPlaces is how many places a flag names.
const formPlaces = 3

// malformed says where a data set is not well-formed, "" for one that is.
func malformed(f *dataset.File) string {
	var places []string
	for _, fault := range f.Faults() {
		place := fault.Text
		if fault.Tag != 0 {
			place = fmt.Sprintf("%v: %s", fault.Tag, fault.Text)
		}
		if !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	if len(places) == 0 {
		return ""
	}
	more := ""
	if n := len(places) - formPlaces; n > 0 {
		places, more = places[:formPlaces], fmt.Sprintf(", and %d more", n)
	}
	return FlagForm + strings.Join(places, ", ") + more
}

// FlagNotOurs marks instances of classes that the pipeline does not read.
const FlagNotOurs = "not ours"

// identify reads the UIDs that an instance must have to be found again. What they look
// like is not judged, only whether they can be kept as text: not empty, printable, bounded.
func identify(f *dataset.File) (identity, error) {
	var id identity
	var odd []string
	for _, u := range []struct {
		tag   dataset.Tag
		name  string
		value *string
	}{
		{dataset.StudyInstanceUID, "Study Instance UID", &id.studyUID},
		{dataset.SeriesInstanceUID, "Series Instance UID", &id.seriesUID},
		{dataset.SOPInstanceUID, "SOP Instance UID", &id.sopInstanceUID},
		{dataset.SOPClassUID, "SOP Class UID", &id.sopClassUID},
	} {
		raw, _ := f.Set().Bytes(u.tag)
		*u.value = strings.Trim(string(raw), " \x00")
		switch {
		case *u.value == "":
			return id, &NotStored{StudyUID: id.keptStudy(), Status: dimse.StatusCannotUnderstand, Code: "no-uid",
				Text:   u.name + " is absent or empty",
				Remedy: "the sender must set it; have the instance exported again"}
		case len(*u.value) > maxUIDLength || !printable(*u.value):
			return id, &NotStored{StudyUID: id.keptStudy(), Status: dimse.StatusCannotUnderstand, Code: "bad-uid",
				Text:   u.name + " cannot be kept: too long or not text",
				Remedy: "the sender must set a valid UID; have the instance exported again"}
		case !validUID(*u.value):
			odd = append(odd, u.name)
		}
	}
	if number := f.Set().Text(dataset.AccessionNumber); len(number) <= maxAccessionLength && printable(number) {
		id.accession = number
	}
	if len(odd) > 0 {
		id.flag = FlagUID + strings.Join(odd, ", ")
	}
	for _, flag := range []struct {
		text string
		set  bool
	}{{FlagNotOurs, !slices.Contains(OurClasses(), id.sopClassUID)}, {malformed(f), len(f.Faults()) > 0}} {
		if flag.set {
			id.flag = strings.TrimPrefix(id.flag+"; "+flag.text, "; ")
		}
	}
	return id, nil
}

// keptStudy is the Study Instance UID if it can be kept as text.
func (id identity) keptStudy() string {
	if len(id.studyUID) > maxUIDLength || !printable(id.studyUID) {
		return ""
	}
	return id.studyUID
}

// studyOf finds the Study Instance UID at the beginning of a data set that cannot be read as a whole, "" if there is none to be kept.
func studyOf(r io.ReaderAt, start, end int64, transferSyntaxUID string) string {
	ts, _ := dataset.LookupTransferSyntax(transferSyntaxUID)
	if ts.Deflated {
		return ""
	}
	body := io.NewSectionReader(r, start, end-start)
	var id identity
	_ = dataset.Walk(body, ts, dataset.Limits{}, func(e dataset.Element) error {
		if e.Depth > 0 || e.Tag < dataset.StudyInstanceUID {
			return nil
		}
		if e.Tag == dataset.StudyInstanceUID && e.Length > 0 && e.Length <= maxUIDLength {
			value := make([]byte, e.Length)
			if _, err := r.ReadAt(value, start+e.ValueOffset); err == nil {
				id.studyUID = strings.Trim(string(value), " \x00")
			}
		}
		return dataset.ErrStop
	})
	return id.keptStudy()
}

func printable(s string) bool {
	for _, c := range []byte(s) {
		if c < 0x20 || c > 0x7E {
			return false
		}
	}
	return true
}

// validUID is PS3.5 section 9.1: up to 64 characters, numbers without leading zeros between dots.
func validUID(s string) bool {
	if len(s) > 64 {
		return false
	}
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || len(part) > 1 && part[0] == '0' {
			return false
		}
		for _, c := range []byte(part) {
			if c < '0' || c > '9' {
				return false
			}
		}
	}
	return true
}

// unreadable is the refusal of a data set that does not hold together, or that the store
// does not give back.
func unreadable(err error) *NotStored {
	if fault := (*store.Error)(nil); errors.As(err, &fault) {
		return cannotWrite(err)
	}
	if errors.Is(err, dataset.ErrTruncated) {
		return &NotStored{Status: dimse.StatusCannotUnderstand, Code: "truncated", Text: "data set is cut short",
			Remedy: "have the instance sent again; if it stays, the sender's copy is damaged", Err: err}
	}
	if errors.Is(err, dataset.ErrLimit) {
		return &NotStored{Status: dimse.StatusCannotUnderstand, Code: "limit", Text: "data set exceeds a limit of the receiver",
			Remedy: "no CT image needs so much: check what the sender made of this instance", Err: err}
	}
	return &NotStored{Status: dimse.StatusCannotUnderstand, Code: "cannot-parse", Text: "data set cannot be parsed",
		Remedy: "check what the sender made of this instance", Err: err}
}

// agree compares the data set with the command that announced it.
func agree(id identity, sopClassUID, sopInstanceUID string) error {
	for _, c := range []struct{ name, command, dataSet string }{
		{"SOP Class UID", sopClassUID, id.sopClassUID},
		{"SOP Instance UID", sopInstanceUID, id.sopInstanceUID},
	} {
		if c.command != c.dataSet {
			return &NotStored{
				StudyUID: id.studyUID,
				Status:   dimse.StatusDataSetMismatch,
				Code:     "mismatch",
				Text:     c.name + " of data set and command disagree",
				Remedy:   "the sender mixes instances up; check its software",
				Err:      fmt.Errorf("command %q, data set %q", c.command, c.dataSet),
			}
		}
	}
	return nil
}
