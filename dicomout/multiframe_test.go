package dicomout_test

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"jcsnode/dataset"
	"jcsnode/dicomout"
	"jcsnode/dicomout/object/objecttest"
)

// TestBuild_MultiFrameShowsTheSinglePictures compares frames, positions and sources with those of the single-frame overlays.
func TestBuild_MultiFrameShowsTheSinglePictures(t *testing.T) {
	for name, study := range map[string]func(t *testing.T) dicomout.Study{
		"512 x 512":   func(t *testing.T) dicomout.Study { return positiveReport(t, 9) },
		"under 512":   func(t *testing.T) dicomout.Study { return resized(positiveReport(t, 9), 256, 256, `1.5\1.5`) },
		"no geometry": func(t *testing.T) dicomout.Study { r := positiveReport(t, 9); r.Options.Geometry = false; return r },
	} {
		t.Run(name, func(t *testing.T) {
			r := study(t)
			var pixels []byte
			var positions, sources []string
			for _, b := range build(t, r) {
				if b.object.Kind != "activation" {
					continue
				}
				set := read(t, b.object)
				size := b.preview.Bounds().Size()
				pixels = append(pixels, b.object.File[len(b.object.File)-3*size.X*size.Y:]...)
				positions = append(positions, strings.Join(set.Strings(dataset.ImagePositionPatient), `\`))
				sources = append(sources, sourceOf(set)...)
			}
			r.Options.Kinds = options(func(p *dicomout.Profile) { p.MultiFrame = true }).Kinds
			all := build(t, r)
			if got := kinds(all); got != "summary 1, seg 1, activation-multiframe 1, outline 3" {
				t.Fatalf("made %s", got)
			}
			o := all[2].object
			set := read(t, o)
			if !bytes.HasSuffix(o.File, pixels) {
				t.Error("pixels differ from those of the single pictures")
			}
			frames := set.Items(dataset.NewTag(0x5200, 0x9230))
			if n, err := set.Int(dataset.NumberOfFrames); err != nil || n != 3 || len(frames) != 3 {
				t.Fatalf("%d frames, %d groups, %v", n, len(frames), err)
			}
			for i, f := range frames {
				got := ""
				if plane := f.Items(dataset.PlanePositionSequence); len(plane) == 1 {
					got = strings.Join(plane[0].Strings(dataset.ImagePositionPatient), `\`)
				}
				if got != positions[i] {
					t.Errorf("frame %d lies at %q, the single picture at %q", i+1, got, positions[i])
				}
			}
			if got := strings.Join(sourceOf(set), " "); got != strings.Join(sources, " ") {
				t.Errorf("source images %s, want %v", got, sources)
			}
			python := objecttest.Python(t, "pydicom", "numpy")
			if out, err := exec.Command(python, "-c", "import pydicom, sys; print(pydicom.dcmread(sys.argv[1]).pixel_array.shape)",
				objecttest.Write(t, o)).CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "(3, 512, 512, 3)" {
				t.Errorf("pydicom: %v, %s", err, out)
			}
		})
	}
}

func sourceOf(set *dataset.Set) []string {
	var uids []string
	for _, item := range set.Items(dataset.NewTag(0x0008, 0x2112)) {
		uids = append(uids, item.String(dataset.NewTag(0x0008, 0x1155)))
	}
	return uids
}

func TestBuild_MultiFrameWithoutActivation(t *testing.T) {
	r := positiveReport(t, 9)
	r.Options = options(func(p *dicomout.Profile) { p.MultiFrame = true })
	r.Activation = func(int) []float32 { return nil }
	if got := kinds(build(t, r)); got != "summary 1, seg 1, outline 3" {
		t.Errorf("made %s", got)
	}
}
