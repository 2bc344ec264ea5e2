package sr_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jcsnode/dataset"
	"jcsnode/dicomout/object"
	"jcsnode/dicomout/object/objecttest"
	"jcsnode/dicomout/sr"
)

func rejection(t *testing.T) *object.Object {
	t.Helper()
	s := objecttest.Small(t, 4)
	s.Revision = 3
	s.Replaces = []object.ReferencedObject{
		{Kind: "summary", SOPClassUID: object.SecondaryCaptureImageStorage, SOPInstanceUID: "2.25.11", SeriesInstanceUID: "2.25.10"},
		{Kind: "report", SOPClassUID: object.Comprehensive3DSRStorage, SOPInstanceUID: "2.25.21", SeriesInstanceUID: "2.25.20"},
		{Kind: "activation", SOPClassUID: object.SecondaryCaptureImageStorage, SOPInstanceUID: "2.25.31", SeriesInstanceUID: "2.25.30"},
		{Kind: "activation", SOPClassUID: object.SecondaryCaptureImageStorage, SOPInstanceUID: "2.25.32", SeriesInstanceUID: "2.25.30"},
	}
	o, err := sr.Reject(s)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := sr.Reject(s); err != nil || !bytes.Equal(o.File, again.File) {
		t.Errorf("two builds differ, %v", err)
	}
	return o
}

func TestReject_ListsWhatIsReplaced(t *testing.T) {
	set := objecttest.Parse(t, rejection(t).File).Set()
	want := map[string]bool{"2.25.11": true, "2.25.21": true, "2.25.31": true, "2.25.32": true}
	for name, sequence := range map[string]dataset.Tag{
		"evidence": dataset.NewTag(0x0040, 0xA375),
		"content":  dataset.NewTag(0x0040, 0xA730),
	} {
		if diff := cmp.Diff(want, references(set.Items(sequence))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A destination's rejection lists what it has, in the same order and under a UID of its own that is the same every time.
func TestRejectOnly(t *testing.T) {
	whole := rejection(t)
	has := func(uids ...string) func(string) bool {
		return func(uid string) bool { return slices.Contains(uids, uid) }
	}
	file, uid, err := sr.RejectOnly(whole.File, has("2.25.11", "2.25.21", "2.25.31", "2.25.32", "2.25.99"))
	if err != nil || uid != whole.SOPInstanceUID || !bytes.Equal(file, whole.File) {
		t.Errorf("a destination that has everything: instance %s, %v", uid, err)
	}
	file, uid, err = sr.RejectOnly(whole.File, has("2.25.1"))
	if err != nil || file != nil || uid != "" {
		t.Errorf("a destination that has nothing: %d bytes, instance %s, %v", len(file), uid, err)
	}
	file, uid, err = sr.RejectOnly(whole.File, has("2.25.11", "2.25.32"))
	if err != nil || uid == whole.SOPInstanceUID {
		t.Fatalf("a destination that has two: instance %s, %v", uid, err)
	}
	f := objecttest.Parse(t, file)
	set := f.Set()
	if got := set.String(dataset.SOPInstanceUID); got != uid ||
		set.String(dataset.SOPClassUID) != object.KeyObjectSelectionDocumentStorage {
		t.Errorf("instance %s of class %s, want %s", got, set.String(dataset.SOPClassUID), uid)
	}
	for name, sequence := range map[string]dataset.Tag{
		"evidence": dataset.NewTag(0x0040, 0xA375),
		"content":  dataset.NewTag(0x0040, 0xA730),
	} {
		if diff := cmp.Diff(map[string]bool{"2.25.11": true, "2.25.32": true}, references(set.Items(sequence))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	// The other content items are all there.
	content := dataset.NewTag(0x0040, 0xA730)
	got, want := len(set.Items(content)), len(objecttest.Parse(t, whole.File).Set().Items(content))-2
	if got != want {
		t.Errorf("%d content items, want %d", got, want)
	}
	again, _, err := sr.RejectOnly(whole.File, has("2.25.32", "2.25.11"))
	if err != nil || !bytes.Equal(file, again) {
		t.Errorf("two runs differ, %v", err)
	}
	if _, other, err := sr.RejectOnly(whole.File, has("2.25.11")); err != nil || other == uid {
		t.Errorf("another list has the same instance %s, %v", other, err)
	}
	valid(t, &object.Object{Kind: "rejection", File: file})
	if _, _, err := sr.RejectOnly([]byte("text"), has()); err == nil {
		t.Error("what is no DICOM was taken for a rejection")
	}
}

func TestReject_ReadsAsWritten(t *testing.T) {
	dump, err := exec.LookPath("dsrdump")
	if err != nil {
		objecttest.Missing(t, "dsrdump (DCMTK)")
	}
	got, err := exec.Command(dump, "+Pl", objecttest.Write(t, rejection(t))).CombinedOutput()
	if err != nil {
		t.Fatalf("dsrdump: %v\n%s", err, got)
	}
	golden := filepath.Join("testdata", "rejection.txt")
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("dsrdump differs from %s (-want +got; -update rewrites):\n%s", golden, diff)
	}
}

func TestReject_DciodvfyFindsNoErrors(t *testing.T) { valid(t, rejection(t)) }

// valid asks an independent validator.
func valid(t *testing.T, o *object.Object) {
	t.Helper()
	validator, err := exec.LookPath("dciodvfy")
	if err != nil {
		objecttest.Missing(t, "dciodvfy (package dicom3tools)")
	}
	out, err := exec.Command(validator, objecttest.Write(t, o)).CombinedOutput()
	if err != nil {
		t.Fatalf("dciodvfy: %v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "Error") || strings.HasPrefix(line, "Warning") && !strings.Contains(line, "needed to build DICOMDIR") {
			t.Error(line)
		}
	}
}

func TestReject_NothingToReject(t *testing.T) {
	s := objecttest.Small(t, 4)
	s.Revision = 2
	if _, err := sr.Reject(s); err == nil {
		t.Error("no error")
	}
}
