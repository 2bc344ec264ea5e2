package dicomout_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	dicomreader "github.com/grailbio/go-dicom"
	"github.com/grailbio/go-dicom/dicomtag"

	"jcsnode/dicomout"
	"jcsnode/dicomout/object"
	"jcsnode/dicomout/object/objecttest"
	"jcsnode/dicomout/sc"
)

// reports are studies of each outcome, and one whose pictures are finer than its slices.
func reports(t *testing.T) map[string]dicomout.Study {
	all := map[string]dicomout.Study{"positive": positiveReport(t, 3)}

	revised := positiveReport(t, 3)
	revised.Shared.Revision = 2
	all["second revision"] = revised

	negative := positiveReport(t, 3)
	negative.Outcome = sc.Negative
	all["negative"] = negative

	refused := positiveReport(t, 3)
	refused.Outcome, refused.Reason, refused.Slices, refused.Shared.Slices = sc.NotProcessed, "No axial series.", nil, nil
	all["not processed"] = refused

	all["slices under 512"] = resized(positiveReport(t, 3), 256, 256, `1.5\1.5`)
	all["pixels not square"] = resized(positiveReport(t, 3), 512, 256, `0.748\1.496`)

	for name, base := range map[string]dicomout.Study{
		"multi-frame": withReport(t, 3), "multi-frame, slices under 512": resized(positiveReport(t, 3), 256, 256, `1.5\1.5`),
	} {
		base.Options = withReportAnd(func(p *dicomout.Profile) { p.MultiFrame = true })
		base.Slices[2].Positive = true // two frames
		all[name] = base
	}

	flat := positiveReport(t, 3)
	flat.Options.Geometry = false
	all["without geometry"] = flat
	return all
}

// resized gives all slices another grid.
func resized(r dicomout.Study, rows, columns int, spacing string) dicomout.Study {
	for i := range r.Slices {
		sl, f := &r.Shared.Slices[i], &r.Slices[i]
		sl.Rows, sl.Columns, sl.PixelSpacingDS = rows, columns, spacing
		f.HU = f.HU[:rows*columns]
		if f.Mask != nil {
			f.Mask = bytes.Repeat([]byte{1}, rows*columns)
		}
	}
	return r
}

func TestBuild_DciodvfyFindsNoErrors(t *testing.T) {
	validator, err := exec.LookPath("dciodvfy")
	if err != nil {
		objecttest.Missing(t, "dciodvfy (package dicom3tools)")
	}
	for name, study := range reports(t) {
		t.Run(name, func(t *testing.T) {
			for _, b := range build(t, study) {
				path := filepath.Join(t.TempDir(), b.object.Kind+".dcm")
				if err := os.WriteFile(path, b.object.File, 0o644); err != nil {
					t.Fatal(err)
				}
				out, err := exec.Command(validator, path).CombinedOutput()
				if err != nil {
					t.Fatalf("dciodvfy on %s: %v\n%s", b.object.Title, err, out)
				}
				for line := range strings.Lines(string(out)) {
					// A plane makes it a Standard Extended SOP Class, which the recipe accepts.
					extended := strings.Contains(line, "Standard Extended SOP Class") ||
						strings.Contains(line, "not present in standard DICOM IOD")
					extended = extended && b.object.Kind != object.ActivationMultiFrame.Name
					private := b.object.Kind == object.Report.Name && strings.Contains(line, "99JCSNODE")
					if private {
						continue
					}
					if strings.HasPrefix(line, "Error") || strings.HasPrefix(line, "Warning") && !(extended && study.Options.Geometry) {
						t.Errorf("%s: %s", b.object.Title, line)
					}
				}
			}
		})
	}
}

func TestBuild_GrailReadsAll(t *testing.T) {
	for name, study := range reports(t) {
		for _, b := range build(t, study) {
			set, err := dicomreader.ReadDataSet(bytes.NewReader(b.object.File), dicomreader.ReadOptions{})
			if err != nil {
				t.Fatalf("%s, %s: %v", name, b.object.Title, err)
			}
			e, err := set.FindElementByTag(dicomtag.SOPInstanceUID)
			if err != nil || e.MustGetString() != b.object.SOPInstanceUID {
				t.Errorf("%s, %s: instance %v, %v", name, b.object.Title, e, err)
			}
			if _, err := set.FindElementByTag(dicomtag.PixelData); err != nil && b.object.Kind != object.Report.Name {
				t.Errorf("%s, %s: %v", name, b.object.Title, err)
			}
		}
	}
}
