package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dataset"
	"jcsnode/dicomout/object"
	"jcsnode/dimse/secure/securetest"
	"jcsnode/ledger"
	"jcsnode/notify"
)

// corrected writes the files of a folder from one to another again, for another patient and under series and instances of their own.
func corrected(t *testing.T, folder, patient string, from, to int) string {
	t.Helper()
	return altered(t, folder, from, to, func(set *dataset.Set, elements []*object.Element) string {
		uid := object.PartUID(set.String(dataset.SOPInstanceUID), patient)
		for i, e := range elements {
			switch e.Tag {
			case tag.PatientID:
				elements[i] = object.Text(e.Tag, "LO", patient)
			case tag.SeriesInstanceUID:
				elements[i] = object.Text(e.Tag, "UI", object.PartUID(set.String(dataset.SeriesInstanceUID), patient))
			case tag.SOPInstanceUID:
				elements[i] = object.Text(e.Tag, "UI", uid)
			}
		}
		return uid
	})
}

// A study goes to the wrong patient, is corrected in part, then wholly, as a PACS does it: under new UIDs. The result follows the
// correction, the archive is told what holds no more, and everybody who asks is told of both patients.
func TestPatient_Corrected(t *testing.T) {
	authority := securetest.NewAuthority(t, "hospital")
	hook := startWebhook(t, authority)
	archive := startOrthanc(t)
	l := newLabWith(t, glassNetworks(t),
		destination("pacs", "ORTHANC", archive.dicom)+"objects = [\"summary\", \"segmentation\", \"report\"]\nrejection = true\n",
		"[settle]\nquiet = \"1s\"\n[cascade]\nthreshold = 0\nthreshold_mm = 0.0\noff_lungs = \"keep\"",
		fmt.Sprintf("[[webhook]]\nname = \"ris\"\nurl = %q\nsecret_file = \"ris.secret\"\nca = %q\nidentifiers = \"patient\"\n",
			hook.url, authority.File))
	if err := os.WriteFile(filepath.Join(l.dir, "ris.secret"), []byte(strings.Repeat("s", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	first := filepath.Join(l.dir, "phantom")
	jcsnode(t, "phantom", "--out", first, "--slices", "24")
	study := studyUID(t, first)
	l.serve(t)
	revision := func(n int, folder string) ledger.RevisionHistory {
		t.Helper()
		jcsnode(t, "send", "--to", l.address(), "--called", "JCSNODE", folder)
		eventually(t, 5*time.Minute, fmt.Sprintf("revision %d", n),
			func() bool { s := l.study(t, study); return s != nil && len(s.Revisions) == n })
		return l.settled(t, study, 5*time.Minute).Revisions[n-1]
	}
	patients := func(r ledger.RevisionHistory) map[string]bool {
		ids := map[string]bool{}
		for _, o := range r.Objects {
			f, err := dataset.Open(filepath.Join(l.dir, "data", o.Path), dataset.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			ids[f.Set().String(dataset.PatientID)] = true
			f.Close()
		}
		return ids
	}

	one := revision(1, first)
	two := revision(2, corrected(t, first, "RIGHT", 0, 10))
	if two.State != ledger.StateNotProcessed || two.Reason.Code != ledger.ReasonPartCorrected ||
		!strings.Contains(two.Reason.Text, "10 of 24 slices came again under another patient") {
		t.Errorf("corrected in part: %s, %+v", two.State, two.Reason)
	}
	three := revision(3, corrected(t, first, "RIGHT", 10, 24))
	if three.State != ledger.StateReported || len(three.Objects) == 0 {
		t.Fatalf("corrected: %s, %+v", three.State, three.Reason)
	}
	for r, want := range map[*ledger.RevisionHistory]string{&one: "JCSNODE-PHANTOM-1", &two: "RIGHT", &three: "RIGHT"} {
		if got := patients(*r); len(got) != 1 || !got[want] {
			t.Errorf("objects of revision %d are of %v, want %s", r.Number, got, want)
		}
	}

	var hidden []string
	for _, i := range archive.instances(t, study) {
		if i.Modality == "KO" {
			f, err := dataset.Open(archive.file(t, i.ID), dataset.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			hidden = append(hidden, rejectedBy(f)...)
			if file, err := os.ReadFile(archive.file(t, i.ID)); err != nil || !strings.Contains(string(file), "the patient was corrected") {
				t.Errorf("the rejection does not say why: %v", err)
			}
			f.Close()
		}
	}
	for _, r := range []ledger.RevisionHistory{one, two} {
		for _, o := range r.Objects {
			if rejected := slices.Contains(hidden, o.SOPInstanceUID); rejected != (o.Kind != object.Rejection.Name) {
				t.Errorf("%s of revision %d rejected: %v", o.Kind, r.Number, rejected)
			}
		}
	}

	const says = "Corrected: 24 slices came first under another patient."
	for _, command := range []string{"status", "explain"} {
		out := jcsnode(t, command, "--config", l.config, study)
		if !strings.Contains(out, says) || !strings.Contains(out, "10 of 24 slices came again under another patient") {
			t.Errorf("%s does not tell of both patients:\n%s", command, out)
		}
	}
	if !strings.Contains(string(three.Findings), says) {
		t.Errorf("findings: %s", three.Findings)
	}
	for _, o := range three.Objects {
		if file, err := os.ReadFile(filepath.Join(l.dir, "data", o.Path)); err != nil ||
			o.Kind == object.Report.Name && !strings.Contains(string(file), says) {
			t.Errorf("the structured report does not tell: %v", err)
		}
	}
	var told notify.Event
	eventually(t, time.Minute, "both results are told", func() bool {
		results := hook.of(notify.TypeStudyResult)
		if len(results) > 0 {
			told = results[len(results)-1].event
		}
		return len(results) == 2
	})
	if told.Study.PatientID != "RIGHT" ||
		!slices.ContainsFunc(told.Result.Limits, func(s string) bool { return strings.HasPrefix(s, says) }) {
		t.Errorf("the webhook was told %+v, %+v", told.Study, told.Result)
	}
	if text, _ := os.ReadFile(l.node.log); !strings.Contains(string(text), "study came under several patients") {
		t.Error("the log does not tell of both patients")
	}

	// It was right at first: the same bytes, sent again, are the copies that came last.
	four := revision(4, first)
	if got := patients(four); four.State != ledger.StateReported || len(got) != 1 || !got["JCSNODE-PHANTOM-1"] {
		t.Errorf("corrected back: %s, objects of %v", four.State, got)
	}
}
