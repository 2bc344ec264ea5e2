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
		if len(got) != 1 || got[0].Refusal == nil || got[0].Refusal.Code != CodeMultiFrame ||
			!strings.Contains(got[0].Refusal.Text, "NumberOfFrames (0028,0008) is "+n) {
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

func TestReadHeaders_Values(t *testing.T) {
	e := slice()
	e[dataset.KVP] = value("DS", "120")
	e[dataset.PatientComments] = value("LT", "not for anybody")
	e[dataset.NewTag(0x0045, 0x0010)] = value("LO", "VENDOR")
	e[dataset.NewTag(0x0045, 0x1001)] = value("LO", "PHASE A")
	e[dataset.ImageComments] = value("LT", strings.Repeat("long ", 40))
	h := e.headers(t)[0]
	for tag, want := range map[dataset.Tag]string{
		dataset.KVP: "120", dataset.NewTag(0x0045, 0x1001): "PHASE A", dataset.Rows: "64",
		dataset.ImageComments: "", dataset.PatientComments: "", dataset.PatientID: "",
		dataset.SOPInstanceUID: "", dataset.ImagePositionPatient: "", dataset.InstanceNumber: "",
		dataset.NewTag(0x0045, 0x0010): "", dataset.PixelDataTag: "",
	} {
		if got := h.value(tag); got != want {
			t.Errorf("%v: %q, want %q", tag, got, want)
		}
	}

	frames := enhanced("10", "8").headers(t)
	if got := frames[1].value(dataset.FrameAcquisitionNumber); got != "2" {
		t.Errorf("FrameAcquisitionNumber of the second frame is %q, want 2", got)
	}
}

func TestHeader_Clock(t *testing.T) {
	for _, tt := range []struct {
		date, time string
		want       float64
		ok         bool
	}{
		{"20240101", "100500.25", 20240101100500.25, true},
		{"2024.01.01", "10:05:00", 20240101100500, true},
		{"", "1005", 100500, true},
		{"20240101", "", 0, false},
		{"", "noon", 0, false},
	} {
		var h Header
		if tt.date != "" {
			say(&h, dataset.AcquisitionDate, tt.date)
		}
		if tt.time != "" {
			say(&h, dataset.AcquisitionTime, tt.time)
		}
		if got, ok := h.clock(dataset.AcquisitionDate, dataset.AcquisitionTime); ok != tt.ok || ok && got != tt.want {
			t.Errorf("%q %q: %v %v, want %v %v", tt.date, tt.time, got, ok, tt.want, tt.ok)
		}
	}
	var h Header
	say(&h, dataset.AcquisitionDateTime, "20240101+0100")
	if got, ok := h.clock(0, dataset.AcquisitionDateTime); !ok || got != 20240101000000 {
		t.Errorf("a day alone: %v %v", got, ok)
	}
}
