package notify

import (
	"encoding/json"
	"fmt"
	"time"

	"jcsnode/ledger"
)

// Schema is the version of Event. Fields may be added to it; if one changes its meaning, the number grows.
const Schema = 1

// Types of events.
const (
	TypeStudyResult     = "study.result"
	TypeStudyFailure    = "study.failure"
	TypeStudyStuck      = "study.stuck"
	TypeDeliveryFailure = "delivery.failure"
	TypeDeliveryStuck   = "delivery.stuck"
	TypePeerSilent      = "peer.silent"
	TypeNodeDisk        = "node.disk"
	TypeTest            = "test"
)

// Event is what a receiver gets.
type Event struct {
	Schema  int       `json:"schema"`
	ID      string    `json:"id"`   // the same for each attempt to tell it
	Type    string    `json:"type"` // TypeStudyResult and so on
	At      time.Time `json:"at"`   // when it happened
	Node    Node      `json:"node"`
	Study   *Study    `json:"study,omitempty"`   // of the types about a study
	Result  *Result   `json:"result,omitempty"`  // of study.result
	Problem *Problem  `json:"problem,omitempty"` // of the other types, save test
	Notice  string    `json:"notice"`
}

// Node says who tells it.
type Node struct {
	AETitle string `json:"ae_title"`
	ID      string `json:"id"`
	Version string `json:"version"`
}

// Study says about what.
type Study struct {
	StudyInstanceUID string `json:"study_instance_uid"`
	Revision         int    `json:"revision,omitempty"` // counts from 1; late slices open a new one, which supersedes
	Identifiers
}

// Identifiers are what the site chose to send along.
type Identifiers struct {
	AccessionNumber   string `json:"accession_number,omitempty"`
	PatientID         string `json:"patient_id,omitempty"`
	IssuerOfPatientID string `json:"issuer_of_patient_id,omitempty"`
}

// Result is the decision about a study and what it rests on. Lengths are in mm, volumes in mL.
type Result struct {
	SeriesInstanceUID string   `json:"series_instance_uid"` // the series that was read
	Decision          string   `json:"decision"`            // "positive" or "negative"
	Text              string   `json:"text"`
	Rule              string   `json:"rule"` // "count" or "length": which of the thresholds decided
	PositiveSlices    int      `json:"positive_slices"`
	PositiveMM        float64  `json:"positive_mm"`
	Slices            int      `json:"slices"`
	LengthMM          float64  `json:"length_mm"`
	Threshold         int      `json:"threshold"`
	ThresholdMM       float64  `json:"threshold_mm"`
	Cautions          []string `json:"cautions,omitempty"` // sentences: how easily the decision could be the other one
	Limits            []string `json:"limits"`             // sentences: what of the chest the decision says nothing about
	Lesions           *Lesions `json:"lesions,omitempty"`  // of a positive study
	Weights           string   `json:"weights"`            // "trained", "preliminary", "altered", "untrained"
	Models            []Model  `json:"models"`
}

// Lesions are the segmented ones.
type Lesions struct {
	Count    int     `json:"count"`
	VolumeML float64 `json:"volume_ml"`
	Share    float64 `json:"share_of_lung"` // 0 to 1
}

// Model is a network that had a part in the result.
type Model struct {
	Role    string `json:"role"`
	Name    string `json:"name"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
	Status  string `json:"status"`
}

// Problem is what went wrong, and what to do about it.
type Problem struct {
	Code        string         `json:"code"`
	Text        string         `json:"text"`
	Remedy      string         `json:"remedy,omitempty"`
	Since       *time.Time     `json:"since,omitempty"`       // of what is stuck or silent
	Peer        string         `json:"peer,omitempty"`        // calling AE title of the one that is silent
	Destination string         `json:"destination,omitempty"` // of a delivery
	Objects     map[string]int `json:"objects,omitempty"`     // of the study for that destination, by "sent", "waiting", "failed"
}

// Compose writes down a notification's notice. result may be nil for one that is none.
func Compose(n ledger.Notification, node Node, notice string, result *Result, identifiers Identifiers) Event {
	f := n.Notice
	e := Event{Schema: Schema, ID: n.EventID, Type: eventType(f), At: f.At.UTC(), Node: node, Notice: notice}
	if f.StudyUID != "" {
		e.Study = &Study{StudyInstanceUID: f.StudyUID, Revision: f.Revision, Identifiers: identifiers}
	}
	if f.Kind == ledger.NoticeResult {
		if result != nil && result.Limits == nil {
			none := *result
			none.Limits = []string{}
			result = &none
		}
		e.Result = result
		return e
	}
	e.Problem = &Problem{Code: f.Reason.Code, Text: f.Reason.Text, Remedy: f.Reason.Remedy, Peer: f.Peer,
		Destination: f.Destination, Objects: f.Objects}
	if !f.Since.IsZero() {
		since := f.Since.UTC()
		e.Problem.Since = &since
	}
	return e
}

func eventType(f ledger.Notice) string {
	delivery := f.Destination != ""
	switch {
	case f.Kind == ledger.NoticeSilent:
		return TypePeerSilent
	case f.Kind == ledger.NoticeDisk:
		return TypeNodeDisk
	case f.Kind == ledger.NoticeStuck && delivery:
		return TypeDeliveryStuck
	case f.Kind == ledger.NoticeStuck:
		return TypeStudyStuck
	case delivery:
		return TypeDeliveryFailure
	case f.Kind == ledger.NoticeFailure:
		return TypeStudyFailure
	}
	return TypeStudyResult
}

// Encode is the event as it is sent: JSON in UTF-8.
func (e Event) Encode() ([]byte, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", e.ID, err)
	}
	return body, nil
}
