package node

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/config"
	"jcsnode/dataset"
	"jcsnode/dicomout/object"
	"jcsnode/findings"
	"jcsnode/ledger"
	"jcsnode/notify"
	"jcsnode/scp"
	"jcsnode/store"
	"jcsnode/store/disk"
)

func TestResultOf(t *testing.T) {
	found := findings.Findings{
		SeriesInstanceUID: "1.2.1",
		Decision: &findings.Decision{
			Positive:       true,
			Rule:           "length",
			Text:           "positive: 31 of 40",
			PositiveSlices: 31,
			PositiveMM:     62,
			Slices:         40,
			LengthMM:       80,
			Threshold:      25,
			ThresholdMM:    25.5,
		},
		Cautions: []string{"close"},
		Limits:   []string{"10 mm lack"},
		Lesions:  &findings.Lesions{Count: 3, VolumeML: 41.03},
		Lungs:    &findings.Lungs{LesionShare: 0.0067},
		Models:   []findings.Model{{Role: "classifier", Name: "c", Version: "1", SHA256: "ab", Status: "preliminary"}},
	}
	text, err := json.Marshal(found)
	if err != nil {
		t.Fatal(err)
	}
	got, err := resultOf(text)
	if err != nil {
		t.Fatal(err)
	}
	want := &notify.Result{
		SeriesInstanceUID: "1.2.1",
		Decision:          "positive",
		Text:              "positive: 31 of 40",
		Rule:              "length",
		PositiveSlices:    31,
		PositiveMM:        62,
		Slices:            40,
		LengthMM:          80,
		Threshold:         25,
		ThresholdMM:       25.5,
		Cautions:          []string{"close"},
		Limits:            []string{"10 mm lack"},
		Lesions:           &notify.Lesions{Count: 3, VolumeML: 41.03, Share: 0.0067},
		Weights:           "preliminary",
		Models:            []notify.Model{{Role: "classifier", Name: "c", Version: "1", SHA256: "ab", Status: "preliminary"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if none, err := resultOf([]byte("{}")); err != nil || none.Limits == nil || none.Models == nil {
		t.Errorf("lists of a receiver that are null: %+v, %v", none, err)
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
	files, err := disk.Open(t.TempDir(), disk.Options{Staging: scp.Staging})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { files.Close() })
	if err := store.Put(t.Context(), files, "1.dcm", file); err != nil {
		t.Fatal(err)
	}
	for patient, want := range map[bool]notify.Identifiers{
		false: {AccessionNumber: "A-é"},
		true:  {AccessionNumber: "A-é", PatientID: "Mü-1", IssuerOfPatientID: "Köln"},
	} {
		if got, err := identifiersIn(files, "1.dcm", patient); err != nil || got != want {
			t.Errorf("patient %v: got %+v, %v, want %+v", patient, got, err, want)
		}
	}
	if _, err := identifiersIn(files, "2.dcm", true); err == nil {
		t.Error("a file that is gone has identifiers")
	}
}

// What [[webhook]] calls the kinds is what the ledger calls them.
func TestWebhook_KindsAreTheLedgers(t *testing.T) {
	dir := t.TempDir()
	networks, err := filepath.Abs("../models")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte(strings.Repeat("s", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "config.toml")
	text := fmt.Sprintf("[models]\ndir = %q\n[[webhook]]\nurl = \"https://ris/\"\nsecret_file = \"secret\"\n", networks)
	aboutNode := fmt.Sprintf("on = [%q, %q]\n", ledger.NoticeSilent, ledger.NoticeDisk)
	aboutStudies := fmt.Sprintf("on = [%q, %q, %q]\n", ledger.NoticeResult, ledger.NoticeFailure, ledger.NoticeStuck)
	for _, on := range []string{"", aboutNode, aboutStudies} {
		if err := os.WriteFile(path, []byte(text+on), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		want := []ledger.Subscription{{Name: "ris", Kinds: []string{ledger.NoticeResult, ledger.NoticeFailure, ledger.NoticeStuck}}}
		if strings.Contains(on, ledger.NoticeDisk) {
			want[0].Kinds = []string{ledger.NoticeSilent, ledger.NoticeDisk}
		}
		if diff := cmp.Diff(want, subscriptions(c.Webhooks)); diff != "" {
			t.Errorf("on %q (-want +got):\n%s", on, diff)
		}
	}
}
