package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"jcsnode/dataset"
	"jcsnode/dicomout/object"
	"jcsnode/foldertest"
	"jcsnode/ledger"
	"jcsnode/scu"
)

// The main job: a study as its scanner compressed it and decompressed, through two fresh nodes to a real archive. A phantom with lesions,
// and a real COVID-19 study, every third slice of it.
func TestStudy_CompressedAndNotGiveTheSame(t *testing.T) {
	t.Run("phantom", func(t *testing.T) { compressedAndNotGiveTheSame(t, someSlices(t, 10)) })
	t.Run("patient", func(t *testing.T) { compressedAndNotGiveTheSame(t, covidSlices(t, 1, 149, 3)) })
}

func compressedAndNotGiveTheSame(t *testing.T, folder string) {
	t.Helper()
	uid := studyUID(t, folder)

	compressed := startOrthanc(t)
	dcmtk(t, "storescu", "-xs", "-aec", "ORTHANC", "127.0.0.1", fmt.Sprint(compressed.dicom), "+sd", folder)
	a := newLab(t, destination("pacs", "ORTHANC", compressed.dicom), "[settle]\nquiet = \"1s\"")
	a.serve(t)
	dcmtk(t, "storescu", "-xs", "-aec", "JCSNODE", "127.0.0.1", fmt.Sprint(a.port), "+sd", folder)
	first := a.settled(t, uid, 15*time.Minute)
	a.node.stop(t)

	plain := decompress(t, folder)
	other := startOrthanc(t)
	b := newLab(t, destination("pacs", "ORTHANC", other.dicom), "[settle]\nquiet = \"1s\"")
	b.serve(t)
	dcmtk(t, "dcmsend", "-aec", "JCSNODE", "127.0.0.1", fmt.Sprint(b.port), "+sd", plain)
	second := b.settled(t, uid, 15*time.Minute)
	b.node.stop(t)

	if first.Decision == nil || second.Decision == nil {
		t.Fatalf("no decision: %+v, %+v", first.Reason, second.Reason)
	}
	if first.Decision.Text != second.Decision.Text {
		t.Errorf("decisions differ:\ncompressed   %s\ndecompressed %s", first.Decision.Text, second.Decision.Text)
	}
	if !first.Decision.Positive {
		t.Fatalf("the study is negative, so there is no mask to compare: %s", first.Decision.Text)
	}
	t.Log(first.Decision.Text)
	one, two := segmentation(t, compressed, uid), segmentation(t, other, uid)
	if !bytes.Equal(pixels(t, one), pixels(t, two)) {
		t.Error("masks differ between the compressed and the decompressed study")
	}
	valid(t, one)
	checkArchive(t, compressed, uid, first)
	checkHistory(t, first, len(foldertest.Files(t, folder)))
}

func studyUID(t *testing.T, folder string) string {
	t.Helper()
	files, _ := scu.Find([]string{folder})
	if len(files) == 0 {
		t.Fatalf("%s: no DICOM", folder)
	}
	f, err := dataset.Open(files[0].Path, dataset.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return f.Set().String(dataset.StudyInstanceUID)
}

func decompress(t *testing.T, folder string) string {
	t.Helper()
	out := t.TempDir()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		dcmtk(t, "dcmdjpeg", filepath.Join(folder, e.Name()), filepath.Join(out, e.Name()))
	}
	return out
}

// segmentation is the one SEG of the study in the archive.
func segmentation(t *testing.T, o *orthanc, uid string) string {
	t.Helper()
	var found []archived
	for _, i := range o.instances(t, uid) {
		if i.Modality == "SEG" {
			found = append(found, i)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d segmentations in the archive, want 1", len(found))
	}
	return o.file(t, found[0].ID)
}

func pixels(t *testing.T, path string) []byte {
	t.Helper()
	f, err := dataset.Open(path, dataset.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	px, ok := f.PixelData()
	if !ok {
		t.Fatalf("%s has no pixel data", path)
	}
	b, err := io.ReadAll(px.Reader())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// checkArchive makes sure that CT and results lie in one study and that the archive has what the ledger says, each once.
func checkArchive(t *testing.T, o *orthanc, uid string, s *studyStatusJSON) {
	t.Helper()
	count := map[string]int{}
	seen := map[string]int{}
	for _, i := range o.instances(t, uid) {
		count[i.Modality]++
		seen[i.MainDicomTags.SOPInstanceUID]++
	}
	for _, modality := range []string{"CT", "SEG", "OT"} {
		if count[modality] == 0 {
			t.Errorf("the archive's study has no %s: %v", modality, count)
		}
	}
	for _, r := range s.Revisions {
		for _, ob := range r.Objects {
			if seen[ob.SOPInstanceUID] != 1 {
				t.Errorf("%s %s is in the archive %d times", ob.Kind, ob.SOPInstanceUID, seen[ob.SOPInstanceUID])
			}
		}
	}
}

// checkHistory makes sure that the status tells the whole way of the study of so many slices.
func checkHistory(t *testing.T, s *studyStatusJSON, slices int) {
	t.Helper()
	last := s.Revisions[len(s.Revisions)-1]
	kinds := map[string]int{}
	for _, e := range s.Events {
		kinds[e.Kind]++
	}
	for _, kind := range []string{
		ledger.EventReceiving, ledger.EventSettled, ledger.EventProcessing, ledger.EventFindings, ledger.EventReported, ledger.EventSent,
	} {
		if kinds[kind] == 0 {
			t.Errorf("no event %q in the history: %v", kind, kinds)
		}
	}
	made := map[string]int{}
	for _, o := range last.Objects {
		made[o.Kind]++
	}
	for _, kind := range []object.Kind{object.Summary, object.Segmentation, object.Activation, object.Outline} {
		if made[kind.Name] == 0 {
			t.Errorf("no object of kind %s: %v", kind.Name, made)
		}
	}
	for _, d := range last.Deliveries {
		if d.State != ledger.DeliverySent {
			t.Errorf("%s is %s: %s %s", d.Object.Title, d.State, d.Status, d.Detail)
		}
	}
	if len(s.Instances) != slices {
		t.Errorf("%d instances in the ledger, want %d", len(s.Instances), slices)
	}
}
