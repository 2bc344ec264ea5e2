package ct

import (
	"strings"
	"testing"

	"jcsnode/dataset"
)

// Several frames under the class of single ones are read if each has a place of its own, else refused by the number of frames.
func TestReadHeaders_FramesUnderSingleFrameClass(t *testing.T) {
	frames := func(n string) elements {
		e := slice()
		e[dataset.NumberOfFrames] = value("IS", n)
		e[dataset.PixelDataTag] = element{"OW", strings.Repeat("\x00\x04", 3*64*64)}
		return e
	}
	for _, n := range []string{"2", "3", "77"} {
		got := frames(n).headers(t)
		if len(got) != 1 || got[0].Refusal == nil || got[0].Refusal.Code != CodeMultiFrame || !strings.Contains(got[0].Refusal.Text, "NumberOfFrames (0028,0008) is "+n) {
			t.Errorf("%s frames: %d headers, refusal %v", n, len(got), got[0].Refusal)
		}
	}
	for _, n := range []string{"1", ""} {
		if got := frames(n).headers(t); len(got) != 1 || got[0].Refusal != nil {
			t.Errorf("NumberOfFrames %q: refusal %v", n, got[0].Refusal)
		}
	}

	placed := frames("3")
	placed[dataset.PerFrameFunctionalGroupsSequence] = items(
		elements{dataset.PlanePositionSequence: items(elements{dataset.ImagePositionPatient: value("DS", `0\0\5`)})},
		elements{dataset.PlanePositionSequence: items(elements{dataset.ImagePositionPatient: value("DS", `0\0\10`)})},
		elements{dataset.FrameContentSequence: items(elements{dataset.FrameAcquisitionNumber: us(7)})},
	)
	got := placed.headers(t)
	if len(got) != 3 {
		t.Fatalf("%d headers, want 3", len(got))
	}
	for i, h := range got[:2] {
		if h.Refusal != nil || h.Frame != i || h.Position[2] != 5*float64(i+1) || h.Slope != 1 || h.Kernel != "B70s" || h.Columns != 64 {
			t.Errorf("frame %d: %+v", i, h)
		}
	}
	if r := got[2].Refusal; r == nil || r.Code != CodeMissingGeometry || !strings.Contains(r.Text, "ImagePositionPatient") {
		t.Errorf("a frame without a place: %v", r)
	}
}
