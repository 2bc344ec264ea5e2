package notify

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jcsnode/ledger"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// What each type of event looks like to a receiver. docs/operations.md describes the fields.
func TestCompose_EveryType(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("CET", 3600))
	result := &Result{
		SeriesInstanceUID: "1.2.1", Decision: "positive", Text: "positive: 31 of 40 slices are positive", Rule: "length",
		PositiveSlices: 31, PositiveMM: 62, Slices: 40, LengthMM: 80, Threshold: 25, ThresholdMM: 25,
		Limits:  []string{"The stack is 80 mm long, shorter than a chest: the result speaks only about that part."},
		Lesions: &Lesions{Count: 3, VolumeML: 41.03, Share: 0.0067},
		Weights: "trained", Models: []Model{{Role: "classifier", Name: "c", Version: "1", SHA256: "ab", Status: "trained"}}}
	notice := func(kind, destination string) ledger.Notice {
		f := ledger.Notice{Kind: kind, StudyUID: "1.2", RevisionID: 7, Revision: 2, Destination: destination, At: at}
		if kind != ledger.NoticeResult {
			f.Reason = ledger.Reason{Code: "code", Text: "text", Remedy: "remedy"}
		}
		if destination != "" {
			f.Objects = map[string]int{"sent": 2, "failed": 1}
		}
		if kind == ledger.NoticeStuck {
			f.Since = at.Add(-time.Hour)
		}
		return f
	}
	for _, c := range []struct {
		kind        string
		destination string
		identifiers Identifiers
	}{
		{TypeStudyResult, "", Identifiers{}},
		{TypeStudyFailure, "", Identifiers{AccessionNumber: "A-1"}},
		{TypeStudyStuck, "", Identifiers{AccessionNumber: "A-1", PatientID: "Ü-42", IssuerOfPatientID: "HOSPITAL"}},
		{TypeDeliveryFailure, "pacs", Identifiers{}},
		{TypeDeliveryStuck, "pacs", Identifiers{}},
	} {
		kind := map[string]string{
			TypeStudyResult:     ledger.NoticeResult,
			TypeStudyFailure:    ledger.NoticeFailure,
			TypeStudyStuck:      ledger.NoticeStuck,
			TypeDeliveryFailure: ledger.NoticeFailure,
			TypeDeliveryStuck:   ledger.NoticeStuck,
		}[c.kind]
		n := ledger.Notification{EventID: "00ff", Notice: notice(kind, c.destination)}
		body, err := Compose(n, Node{"JCSNODE", "1", "v1"}, "Research use only.", result, c.identifiers).Encode()
		if err != nil {
			t.Fatal(err)
		}
		var readable bytes.Buffer
		if err := json.Indent(&readable, append(body, '\n'), "", "  "); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", c.kind+".json")
		if *update {
			if err := os.WriteFile(path, readable.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), readable.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}
