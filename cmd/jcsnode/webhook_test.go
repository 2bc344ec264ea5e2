package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jcsnode/findings"

	"github.com/google/go-cmp/cmp"
	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/config"
	"jcsnode/dataset"
	"jcsnode/dicomout/object"
	"jcsnode/ledger"
	"jcsnode/notify"
)

func TestResultOf(t *testing.T) {
	report := findings.Findings{SeriesInstanceUID: "1.2.1",
		Decision: &findings.Decision{Positive: true, Rule: "length", Text: "positive: 31 of 40", PositiveSlices: 31, PositiveMM: 62, Slices: 40, LengthMM: 80, Threshold: 25, ThresholdMM: 25.5},
		Lesions:  &findings.Lesions{Count: 3, VolumeML: 41.03}, Lungs: &findings.Lungs{LesionShare: 0.0067},
		Models: []findings.Model{{Role: "classifier", Name: "c", Version: "1", SHA256: "ab", Status: "preliminary"}}}
	text, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	got, err := resultOf(text)
	if err != nil {
		t.Fatal(err)
	}
	want := &notify.Result{SeriesInstanceUID: "1.2.1", Decision: "positive", Text: "positive: 31 of 40", Rule: "length", PositiveSlices: 31, PositiveMM: 62, Slices: 40,
		LengthMM: 80, Threshold: 25, ThresholdMM: 25.5, Limits: []string{}, Lesions: &notify.Lesions{Count: 3, VolumeML: 41.03, Share: 0.0067}, Weights: "preliminary",
		Models: []notify.Model{{Role: "classifier", Name: "c", Version: "1", SHA256: "ab", Status: "preliminary"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := resultOf(nil); err == nil {
		t.Error("no findings are a result")
	}
}

// Identifiers are readable whatever the character set, and no more of them are read than the site chose.
func TestIdentifiersIn(t *testing.T) {
	file, err := object.Encode(object.Summary, "1.2.3", dataset.ExplicitVRLittleEndian, []*object.Element{
		object.Text(tag.SpecificCharacterSet, "CS", "ISO_IR 100"),
		object.Text(tag.SOPClassUID, "UI", object.Summary.SOPClassUID),
		object.Text(tag.SOPInstanceUID, "UI", "1.2.3"),
		object.Raw(tag.AccessionNumber, "SH", []byte("A-\xe9 ")),
		object.Raw(tag.PatientName, "PN", []byte("M\xfcller^\xc5sa")),
		object.Raw(tag.PatientID, "LO", []byte("M\xfc-1")),
		object.Raw(tag.IssuerOfPatientID, "LO", []byte("K\xf6ln")),
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "1.dcm")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	for patient, want := range map[bool]notify.Identifiers{
		false: {AccessionNumber: "A-é"},
		true:  {AccessionNumber: "A-é", PatientID: "Mü-1", IssuerOfPatientID: "Köln"},
	} {
		if got, err := identifiersIn(path, patient); err != nil || got != want {
			t.Errorf("patient %v: got %+v, %v, want %+v", patient, got, err, want)
		}
	}
	if _, err := identifiersIn(path+"x", true); err == nil {
		t.Error("a file that is gone has identifiers")
	}
}

// What [[webhook]] calls the kinds is what the ledger calls them.
func TestWebhook_KindsAreTheLedgers(t *testing.T) {
	dir := t.TempDir()
	networks, err := filepath.Abs("../../models")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte(strings.Repeat("s", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "config.toml")
	text := fmt.Sprintf("[models]\ndir = %q\n[[webhook]]\nurl = \"https://ris/\"\nsecret_file = \"secret\"\n", networks)
	for _, on := range []string{"", fmt.Sprintf("on = [%q, %q, %q]\n", ledger.NoticeResult, ledger.NoticeFailure, ledger.NoticeStuck)} {
		if err := os.WriteFile(path, []byte(text+on), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		want := []ledger.Subscription{{Name: "ris", Kinds: []string{ledger.NoticeResult, ledger.NoticeFailure, ledger.NoticeStuck}}}
		if diff := cmp.Diff(want, ledgerReceivers(c.Webhooks)); diff != "" {
			t.Errorf("on %q (-want +got):\n%s", on, diff)
		}
	}
}

func TestExplain_Notifications(t *testing.T) {
	now := time.Now()
	fact := ledger.Notice{Kind: ledger.NoticeResult}
	lost := ledger.Notice{Kind: ledger.NoticeFailure, Destination: "pacs"}
	h := &ledger.History{StudyUID: "1.2", State: ledger.StateReported, Notifications: []ledger.Notification{
		{Receiver: "ris", Notice: fact, State: ledger.NotificationSent, Detail: "HTTP 204", SentAt: now, Attempts: 1},
		{Receiver: "pager", Notice: fact, State: ledger.NotificationWaiting, Detail: "HTTP 502 Bad Gateway", Attempts: 2, NextAt: now.Add(time.Minute)},
		{Receiver: "pager", Notice: lost, State: ledger.NotificationWaiting},
		{Receiver: "mail", Notice: lost, State: ledger.NotificationFailed, Detail: "HTTP 401 Unauthorized", Attempts: 100},
	}}
	var text strings.Builder
	e := explanation{w: &text, settle: config.Default().Settle, quietOf: quietOf(nil), now: now}
	e.study(h)
	_, got, _ := strings.Cut(times.ReplaceAllString(text.String(), "TIME"), "\nNotification\n")
	wantText(t, got, `
  ris was told of the result at TIME: HTTP 204.
  pager has not been told of the result so far, after 2 attempts: HTTP 502 Bad Gateway.
  pager has not been told yet of the failed delivery to pacs.
  mail was not told of the failed delivery to pacs, for good, after 100 attempts: HTTP 401 Unauthorized.

What happens next
  pager is told again of the result at TIME, in 1m0s.
  pager is told of the failed delivery to pacs now, and at the next start if the node is down.
  1 notification failed for good: `+"`jcsnode requeue 1.2`"+` has them tried again.
`)
}
