package seg_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	dicomreader "github.com/grailbio/go-dicom"
	"github.com/grailbio/go-dicom/dicomtag"

	"jcsnode/dicomout/object"
	"jcsnode/dicomout/object/objecttest"
	"jcsnode/dicomout/seg"
)

// disc fills the middle of every third of the slices, and a corner pixel, so that orientation errors show.
func discs(s *object.Study) [][]byte {
	masks := make([][]byte, len(s.Slices))
	for i := 30; i < len(masks) && i < 60; i++ {
		rows, columns := s.Slices[i].Rows, s.Slices[i].Columns
		m := make([]byte, rows*columns)
		for r := range rows {
			for c := range columns {
				if dr, dc := r-rows/3, c-columns/4; dr*dr+4*dc*dc < (i-20)*(i-20) {
					m[r*columns+c] = 1
				}
			}
		}
		m[i] = 1
		masks[i] = m
	}
	masks[len(masks)-1] = make([]byte, s.Slices[0].Rows*s.Slices[0].Columns) // segmented, nothing found
	return masks
}

// write builds the segmentation of the study and returns its path.
func write(t *testing.T, s *object.Study, masks [][]byte, spacing float64) string {
	t.Helper()
	o, err := seg.Build(s, input(masks, spacing))
	if err != nil {
		t.Fatal(err)
	}
	return objecttest.Write(t, o)
}

func TestBuild_DciodvfyFindsNothing(t *testing.T) {
	validator, err := exec.LookPath("dciodvfy")
	if err != nil {
		objecttest.Missing(t, "dciodvfy (package dicom3tools)")
	}
	for _, c := range []struct {
		folder  string // "": the study of our own
		spacing float64
	}{{"", 2}, {"", 0}, {"covid_p001", 2}, {"lidc_0003", 5}, {"normal_001", 4}, {"normal_001", 0}} {
		for _, revision := range []int{1, 2} {
			t.Run(cmp.Or(c.folder, "made up"), func(t *testing.T) {
				s := objecttest.Chest(t)
				if c.folder != "" {
					s = objecttest.Study(t, c.folder)
				}
				s.Revision = revision
				out, err := exec.Command(validator, write(t, s, discs(s), c.spacing)).CombinedOutput()
				if err != nil {
					t.Fatalf("dciodvfy: %v\n%s", err, out)
				}
				for line := range strings.Lines(string(out)) {
					// lidc_0003 has neither study time nor study ID, and these are not ours to invent.
					if strings.HasPrefix(line, "Error") ||
						strings.HasPrefix(line, "Warning") && !strings.Contains(line, "needed to build DICOMDIR") {
						t.Error(line)
					}
				}
			})
		}
	}
}

// TestBuild_PydicomReadsTheMasks compares pixels, positions and references as an independent reader finds them, with frames that
// begin inside a byte.
func TestBuild_PydicomReadsTheMasks(t *testing.T) {
	python := objecttest.Python(t, "pydicom", "numpy")
	for _, c := range []struct {
		name          string
		rows, columns int
	}{{"512 x 512", 512, 512}, {"299 x 331", 299, 331}} {
		t.Run(c.name, func(t *testing.T) {
			s := objecttest.Chest(t)
			for i := range s.Slices {
				s.Slices[i].Rows, s.Slices[i].Columns = c.rows, c.columns
			}
			masks := discs(s)
			var want []reading
			for i, m := range masks {
				if bytes.ContainsRune(m, 1) {
					want = append(want, reading{
						Instance: s.Slices[i].SOPInstanceUID,
						Position: s.Slices[i].PositionDS,
						Pixels:   checksum(m),
					})
				}
			}
			out, err := exec.Command(python, filepath.Join("testdata", "read.py"), write(t, s, masks, 2)).CombinedOutput()
			if err != nil {
				t.Fatalf("read.py: %v\n%s", err, out)
			}
			var got []reading
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatalf("%v in %s", err, out)
			}
			if len(got) != len(want) {
				t.Fatalf("%d frames, want %d", len(got), len(want))
			}
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("frame %d: got %+v, want %+v", i+1, got[i], want[i])
				}
			}
		})
	}
}

// reading is one frame as read.py finds it.
type reading struct {
	Instance, Position string
	Pixels             checksums
}

// checksums tell number and places of the pixels of a mask.
type checksums struct{ Count, Sum, Squares int }

func checksum(mask []byte) (c checksums) {
	for i, v := range mask {
		if v != 0 {
			c.Count++
			c.Sum += i
			c.Squares += i * i
		}
	}
	return c
}

// TestBuild_HighdicomReadsTheSegment looks at the object with the library that checks segmentations most strictly.
func TestBuild_HighdicomReadsTheSegment(t *testing.T) {
	python := objecttest.Python(t, "highdicom")
	s := objecttest.Chest(t)
	out, err := exec.Command(python, filepath.Join("testdata", "check.py"), write(t, s, discs(s), 2)).CombinedOutput()
	if err != nil {
		t.Fatalf("check.py: %v\n%s", err, out)
	}
}

// TestBuild_GoDicomReadsItBack reads the object with github.com/grailbio/go-dicom, an implementation with nothing in common with
// the writer.
func TestBuild_GoDicomReadsItBack(t *testing.T) {
	s := objecttest.Chest(t)
	masks := discs(s)
	ds, err := dicomreader.ReadDataSetFromFile(write(t, s, masks, 2), dicomreader.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		tag  dicomtag.Tag
		want string
	}{
		{dicomtag.SOPClassUID, object.SegmentationStorage},
		{dicomtag.SOPInstanceUID, s.InstanceUID(object.Segmentation)},
		{dicomtag.StudyInstanceUID, s.StudyInstanceUID},
		{dicomtag.NumberOfFrames, "30"},
		{dicomtag.Modality, "SEG"},
	} {
		e, err := ds.FindElementByTag(c.tag)
		if err != nil {
			t.Errorf("%v: %v", c.tag, err)
		} else if got := e.MustGetString(); got != c.want {
			t.Errorf("%v: got %q, want %q", c.tag, got, c.want)
		}
	}
	references, err := ds.FindElementByTag(dicomtag.ReferencedSeriesSequence)
	if err != nil || !strings.Contains(references.String(), s.Slices[147].SOPInstanceUID) {
		t.Errorf("references lack the last slice: %v", err)
	}
	pixels, err := ds.FindElementByTag(dicomtag.PixelData)
	if err != nil {
		t.Fatal(err)
	}
	info, ok := pixels.Value[0].(dicomreader.PixelDataInfo)
	if !ok || len(info.Frames) != 1 {
		t.Fatalf("pixel data is %T", pixels.Value[0])
	}
	var stream []byte
	for _, m := range masks {
		if bytes.ContainsRune(m, 1) {
			stream = append(stream, m...)
		}
	}
	packed := info.Frames[0]
	if len(packed) != len(stream)/8 {
		t.Fatalf("%d bytes of pixels, want %d", len(packed), len(stream)/8)
	}
	for n, want := range stream {
		if got := packed[n/8] >> (n % 8) & 1; got != want {
			t.Fatalf("pixel %d of the stream is %d, want %d", n, got, want)
		}
	}
}
