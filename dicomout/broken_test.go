package dicomout_test

import (
	"bytes"
	"fmt"
	"image"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	dicomreader "github.com/grailbio/go-dicom"

	"jcsnode/dataset"
	"jcsnode/dicomout"
	"jcsnode/dicomout/deliver"
	"jcsnode/dicomout/object"
	"jcsnode/dicomout/object/objecttest"
	"jcsnode/dicomout/pmap"
	"jcsnode/dicomout/sc"
	"jcsnode/dicomout/seg"
	"jcsnode/dicomout/sr"
	"jcsnode/dimse"
)

// ofEveryKind makes an object of each kind of a source, however broken that is.
func ofEveryKind(t *testing.T, source *dataset.File) []*object.Object {
	t.Helper()
	s := objecttest.Small(t, 2)
	s.Source = source
	s.Replaces = []object.ReferencedObject{{
		Kind:              "summary",
		SOPClassUID:       object.SecondaryCaptureImageStorage,
		SOPInstanceUID:    "2.25.1",
		SeriesInstanceUID: "2.25.2",
	}}
	masks := seg.Input{Masks: [][]byte{nil, {14: 1}}, SpacingBetweenSlices: 2.5, Model: objecttest.Model, Threshold: 0.5}
	picture := image.NewRGBA(image.Rect(0, 0, 512, 512))
	var all []*object.Object
	for _, make := range []func() (*object.Object, error){
		func() (*object.Object, error) { return sc.Summary(s, sc.Positive, picture) },
		func() (*object.Object, error) { return seg.Build(s, masks) },
		func() (*object.Object, error) { return seg.BuildLabelMap(s, masks, true) },
		func() (*object.Object, error) {
			return sr.Build(s, object.Report, sr.Input{Result: sr.Absent, Classifier: objecttest.Model, Segmenter: objecttest.Model})
		},
		func() (*object.Object, error) { return sr.Reject(s) },
		func() (*object.Object, error) {
			return pmap.Build(s, pmap.Input{
				Indices:              []int{0},
				Values:               func(int) []float32 { return []float32{14: 1} },
				Max:                  1,
				SpacingBetweenSlices: 2.5,
			})
		},
	} {
		o, err := make()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, o)
	}
	return all
}

// sources is how many broken sources the peers are given.
func sources() uint64 {
	if testing.Short() {
		return 5
	}
	return 40
}

// Whatever a scanner writes into its attributes, what we make of it is what the standard knows: dciodvfy and pydicom have no complaint,
// grailbio's reader reads it, and an archive that takes Implicit VR Little Endian alone stores it.
func TestBuild_BrokenSources(t *testing.T) {
	validator, err := exec.LookPath("dciodvfy")
	if err != nil {
		objecttest.Missing(t, "dciodvfy (package dicom3tools)")
	}
	python := objecttest.Python(t, "pydicom")
	folder := t.TempDir()
	var items []deliver.Item
	for seed := range sources() {
		for _, o := range ofEveryKind(t, objecttest.Broken(t, seed, false)) {
			path := filepath.Join(folder, fmt.Sprintf("%d-%s.dcm", seed, o.Kind))
			if err := os.WriteFile(path, o.File, 0o600); err != nil {
				t.Fatal(err)
			}
			items = append(items, readable(t, seed, len(items), o))
			if o.Kind == object.LabelMap.Name {
				continue // dciodvfy does not know the class
			}
			out, _ := exec.Command(validator, path).CombinedOutput()
			for line := range strings.Lines(string(out)) {
				if strings.HasPrefix(line, "Error") {
					t.Errorf("source %d, %s: dciodvfy: %s", seed, o.Kind, strings.TrimSpace(line))
				}
			}
		}
	}
	if out, err := exec.Command(python, "testdata/strict.py", folder).CombinedOutput(); err != nil {
		t.Errorf("pydicom: %v\n%s", err, out)
	}
	storedByImplicitArchive(t, items)
}

// The same for the pictures of a positive study, single and in frames, of a chest that is called by the name of something paired.
func TestBuild_BrokenSourcesOfPictures(t *testing.T) {
	validator, err := exec.LookPath("dciodvfy")
	if err != nil {
		objecttest.Missing(t, "dciodvfy (package dicom3tools)")
	}
	for seed := range uint64(3) {
		for _, frames := range []bool{false, true} {
			r := withReport(t, 3)
			r.Options = withReportAnd(func(p *dicomout.Profile) { p.MultiFrame = frames })
			r.Shared.Source, r.Shared.StudyInstanceUID = objecttest.Broken(t, seed, false), "1.2.3"
			for _, b := range build(t, r) {
				path := objecttest.Write(t, b.object)
				out, _ := exec.Command(validator, path).CombinedOutput()
				for line := range strings.Lines(string(out)) {
					if strings.HasPrefix(line, "Error") {
						t.Errorf("source %d, %s: dciodvfy: %s", seed, b.object.Kind, strings.TrimSpace(line))
					}
				}
			}
		}
	}
}

// Identity is carried byte for byte even where it is not valid: such objects are read all the same, and go to any archive.
func TestBuild_BrokenIdentity(t *testing.T) {
	var items []deliver.Item
	for seed := range sources() {
		source := objecttest.Broken(t, 1000+seed, true)
		for _, o := range ofEveryKind(t, source) {
			items = append(items, readable(t, seed, len(items), o))
		}
	}
	storedByImplicitArchive(t, items)
}

// readable has an object read by a reader that is not ours, and returns it to be sent.
func readable(t *testing.T, seed uint64, id int, o *object.Object) deliver.Item {
	t.Helper()
	if _, err := dicomreader.ReadDataSet(bytes.NewReader(o.File), dicomreader.ReadOptions{}); err != nil {
		t.Errorf("source %d, %s: grailbio: %v", seed, o.Kind, err)
	}
	return deliver.Item{
		ID:                int64(id),
		SOPClassUID:       o.SOPClassUID,
		SOPInstanceUID:    o.SOPInstanceUID,
		TransferSyntaxUID: o.TransferSyntaxUID,
		Read:              func() ([]byte, error) { return o.File, nil },
	}
}

// storedByImplicitArchive sends objects to DCMTK's receiver, which takes implicit VR alone.
func storedByImplicitArchive(t *testing.T, items []deliver.Item) {
	t.Helper()
	program, err := exec.LookPath("storescp")
	if err != nil {
		objecttest.Missing(t, "storescp (package dcmtk)")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	command := exec.Command(program, "--implicit", "--promiscuous", "--output-directory", t.TempDir(), fmt.Sprint(port))
	command.Env = append(os.Environ(), "TCP_NODELAY=1")
	var log bytes.Buffer
	command.Stdout, command.Stderr = &log, &log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { command.Process.Kill(); command.Wait() }()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			conn.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("storescp does not answer")
		}
	}
	destination := deliver.Destination{Name: "pacs", AETitle: "PACS", CallingAETitle: "JCSNODE", Address: address,
		Timeouts: dimse.Timeouts{
			Connect:  10 * time.Second,
			Request:  10 * time.Second,
			Response: 30 * time.Second,
			Release:  10 * time.Second,
		}}
	sent := 0
	err = deliver.Send(t.Context(), destination, items, func(o deliver.Outcome) {
		if o.Result == deliver.Sent && o.TransferSyntaxUID == dataset.ImplicitVRLittleEndian {
			sent++
			return
		}
		t.Errorf("%s: %s %s", o.Item.SOPClassUID, o.Result, o.Text)
	})
	if err != nil || sent != len(items) {
		t.Errorf("%d of %d objects sent, %v", sent, len(items), err)
	}
}

// A list of what is not carried names elements, says why, and no value.
func TestOmissions_NameNoValue(t *testing.T) {
	line := regexp.MustCompile(`^\([0-9A-F]{4},[0-9A-F]{4}\)( [A-Za-z]+)? (in \([0-9A-F]{4},[0-9A-F]{4}\) )*(is|lacks) [a-z]`)
	said := 0
	for seed := range uint64(200) {
		omissions, err := object.Omissions(objecttest.Broken(t, seed, true))
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range omissions {
			said++
			if !line.MatchString(o.String()) || strings.Contains(o.String(), "Meyer") || strings.Contains(o.String(), "xxxx") {
				t.Errorf("source %d: %q", seed, o)
			}
		}
	}
	if said < 1000 {
		t.Errorf("%d omissions in 200 broken sources", said)
	}
}
