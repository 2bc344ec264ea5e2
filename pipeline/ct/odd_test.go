package ct

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"jcsnode/corpus"
	"jcsnode/phantom/odd"
)

// dataDir is something in the larger data.
func dataDir(t testing.TB, parts ...string) string {
	t.Helper()
	return corpus.Shared(t, parts...)
}

func readFolder(t testing.TB, dir string) []Header {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []Header
	for _, e := range entries {
		out = append(out, ReadFile(OpenPath, filepath.Join(dir, e.Name()))...)
	}
	return out
}

// oddity is what an odd study comes to.
type oddity struct {
	folder  string
	slices  int               // of the volume; 0 is refused
	code    string            // of the refusal of the study
	dropped map[string]string // file and code of each instance that is not in the volume
	note    string            // in a note of the volume or the selection
}

// oddPhantoms is the folder of the odd studies of our own.
func oddPhantoms(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := odd.Write(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Every odd study has the outcome that the README of the larger data asks for: those of the phantom, and theirs.
func TestOddStudies(t *testing.T) {
	tests := []oddity{
		{folder: "bad_decimals", code: CodeTooFewSlices,
			dropped: map[string]string{"ax1.dcm": CodeBadGeometry, "ax2.dcm": CodeBadGeometry, "ax3.dcm": CodeTooFewSlices}},
		{folder: "dose_report", slices: 2, dropped: map[string]string{"patient_protocol.dcm": CodeNotOurs}},
		{folder: "duplicate_positions", slices: 4,
			dropped: map[string]string{"ax2.dcm": CodeRepeated, "ax3_again.dcm": CodeRepeated}, note: "each position is used once"},
		{folder: "empty_pixels", slices: 2, dropped: map[string]string{"ax3_no_pixel_data_element.dcm": CodeNoPixelData,
			"ax4_zero_length.dcm": CodeNoPixelData, "ax5_no_fragments.dcm": CodeNoPixelData}},
		{folder: "empty_sop_uid", code: CodeMissingUID,
			dropped: map[string]string{"IM0069.dcm": CodeMissingUID, "IM0071.dcm": CodeMissingUID}},
		{folder: "enhanced_ct", slices: 5},
		{folder: "enhanced_perfusion_map", code: CodeDerived, dropped: map[string]string{"eCT_Supplemental.dcm": CodeDerived}},
		{folder: "gantry_tilt_chest", slices: 4, note: "tilted gantry: planes step at 15.0 degrees"},
		{folder: "gantry_tilt_head", code: CodeTooFewSlices,
			dropped: map[string]string{"13.dcm": CodeTooFewSlices, "14.dcm": CodeTooFewSlices, "15.dcm": CodeTooFewSlices}},
		{folder: "head_exam", code: CodeTooFewSlices,
			dropped: map[string]string{"S1000_I10_surview.dcm": CodeLocalizer, "S2010_I280.dcm": CodeTooFewSlices,
				"S3010_I280.dcm": CodeTooFewSlices, "S4010_I10.dcm": CodeNotOurs, "S4010_I40.dcm": CodeNotOurs}},
		{folder: "hostile_strings", code: CodeTooFewSlices,
			dropped: map[string]string{"ax1.dcm": CodeTooFewSlices, "ax2.dcm": CodeMalformedUID}},
		{folder: "instance_numbers", slices: 5},
		{folder: "localizer", slices: 3, dropped: map[string]string{"scout.dcm": CodeLocalizer}},
		{folder: "missing_rescale", code: CodeMissingRescale,
			dropped: map[string]string{"ax1.dcm": CodeMissingRescale, "ax2.dcm": CodeMissingRescale}},
		{folder: "missing_slice", slices: 5, note: "gap of 8.0 mm between positions "},
		{folder: "mr_head", code: CodeNotOurs,
			dropped: map[string]string{"1-11.dcm": CodeNotOurs, "1-12.dcm": CodeNotOurs, "1-13.dcm": CodeNotOurs}},
		{folder: "no_patient_id", slices: 2, note: "PatientID (0010,0020) is absent or empty"},
		{folder: "nonsquare_pixels", slices: 4},
		{folder: "one_slice", code: CodeTooFewSlices, dropped: map[string]string{"ax1.dcm": CodeTooFewSlices}},
		{folder: "padding_signed", code: CodeTooFewSlices, dropped: map[string]string{"000002.dcm": CodeTooFewSlices}},
		{folder: "pet_ct", code: CodeTooFarApart, dropped: map[string]string{"CT_1-054.dcm": CodeTooFarApart,
			"CT_1-159.dcm": CodeTooFarApart, "CT_1-259.dcm": CodeTooFarApart, "PT_1-08.dcm": CodeNotOurs}},
		{folder: "prone", slices: 3},
		{folder: "reformats", code: CodeTooFewSlices, dropped: map[string]string{"axial_19010410-30.dcm": CodeTooFewSlices,
			"coronal_19010410-052.dcm": CodeDerived, "sagittal_19010410-060.dcm": CodeDerived}},
		{folder: "scout_only", code: CodeLocalizer, dropped: map[string]string{"scout.dcm": CodeLocalizer}},
		{folder: "shared_sop_uid", code: CodeSharedUID, dropped: map[string]string{"IM0001.dcm": CodeSharedUID,
			"IM0002.dcm": CodeSharedUID, "IM0003.dcm": CodeSharedUID, "IM0004.dcm": CodeSharedUID, "IM0005.dcm": CodeSharedUID}},
		{folder: "truncated", slices: 2, dropped: map[string]string{"ax3_codestream_cut.dcm": CodeBrokenPixelData,
			"ax4_file_cut.dcm": CodeUnreadable}, note: "1 of 3 slices could not be decoded"},
		{folder: "two_acquisitions", slices: 3,
			dropped: map[string]string{"acq2_1.dcm": CodeOtherChosen, "acq2_2.dcm": CodeOtherChosen, "acq2_3.dcm": CodeOtherChosen}},
		{folder: "two_kernels", slices: 3,
			dropped: map[string]string{"soft1.dcm": CodeOtherChosen, "soft2.dcm": CodeOtherChosen, "soft3.dcm": CodeOtherChosen}},
		{folder: "two_patients_one_study", slices: 2,
			dropped: map[string]string{"b1.dcm": CodeOtherChosen, "b2.dcm": CodeOtherChosen}, note: "2 patients"},
	}
	own := oddPhantoms(t)
	for _, tt := range tests {
		if slices.Contains(odd.Folders(), tt.folder) {
			t.Run("phantom/"+tt.folder, func(t *testing.T) { tt.check(t, filepath.Join(own, tt.folder)) })
		}
		t.Run(tt.folder, func(t *testing.T) { tt.check(t, dataDir(t, "odd", tt.folder)) })
	}
}

func (tt *oddity) check(t *testing.T, dir string) {
	headers := readFolder(t, dir)
	sel := Select(headers)
	dropped, notes := sel.Dropped, sel.Notes
	v, _, _, err := LoadBest(context.Background(), OpenPath, sel, nil, nil)
	if tt.slices > 0 {
		if err != nil {
			t.Fatalf("refused: %v", err)
		}
		if len(v.Slices) != tt.slices {
			t.Errorf("%d slices, want %d", len(v.Slices), tt.slices)
		}
		checkVolume(t, v)
		dropped, notes = append(dropped, v.Dropped...), append(notes, v.Notes...)
	} else {
		var r *Refusal
		if !errors.As(err, &r) || r.Code != tt.code {
			t.Fatalf("got volume %v, error %v, want a refusal with code %s", v != nil, err, tt.code)
		}
	}
	got := map[string]string{}
	for _, d := range dropped {
		if d.Refusal.Text == "" {
			t.Errorf("%s: a refusal without text", d.Path)
		}
		got[filepath.Base(d.Path)] = d.Refusal.Code
	}
	for file, code := range tt.dropped {
		if got[file] != code {
			t.Errorf("%s: refused with %q, want %q", file, got[file], code)
		}
		delete(got, file)
	}
	if len(got) > 0 {
		t.Errorf("also refused: %v", got)
	}
	if !strings.Contains(strings.Join(notes, "\n"), tt.note) {
		t.Errorf("notes %q, want one with %q", notes, tt.note)
	}
}

// checkVolume tests what holds for every volume.
func checkVolume(t *testing.T, v *Volume) {
	t.Helper()
	var low, high int16
	for i := range v.Slices {
		s := &v.Slices[i]
		if len(s.HU) != v.Rows*v.Columns {
			t.Fatalf("slice %d has %d pixels, want %d x %d", i, len(s.HU), v.Rows, v.Columns)
		}
		if s.Extent <= 0 {
			t.Errorf("slice %d stands for %v mm", i, s.Extent)
		}
		if i > 0 && s.Position-v.Slices[i-1].Position < samePlane {
			t.Errorf("slice %d at %v follows %v", i, s.Position, v.Slices[i-1].Position)
		}
		for _, hu := range s.HU {
			low, high = min(low, hu), max(high, hu)
		}
	}
	if low < AirHU || low > -900 || high > MaxHU || high < 200 {
		t.Errorf("Hounsfield units from %d to %d", low, high)
	}
}

// Pixels outside the field of view are below what air can be, and padding elements may be wrong.
func TestLoad_ClampsPadding(t *testing.T) {
	rules := Rules{MinSlices: 1, MinLength: 0, MaxStep: 100}
	check := func(t *testing.T, dir string) {
		t.Helper()
		sel := rules.Select(readFolder(t, dir))
		if sel.Refusal != nil {
			t.Fatal(sel.Refusal)
		}
		v, err := Load(context.Background(), OpenPath, sel.Chosen, nil)
		if err != nil {
			t.Fatal(err)
		}
		checkVolume(t, v)
		if corner := v.Slices[0].HU[0]; corner != AirHU {
			t.Errorf("%s: the corner is %d HU, want %d", dir, corner, AirHU)
		}
	}
	check(t, filepath.Join(oddPhantoms(t), "padding_signed")) // -2048 HU
	t.Run("real", func(t *testing.T) {
		check(t, dataDir(t, "odd", "padding_signed")) // -2048 HU
		check(t, dataDir(t, "odd", "reformats"))      // -3024 HU
	})
}

// The CT of a PET/CT shows lungs in its first slice, not in abdomen and thigh.
func TestLoad_RefusesWhatIsNoChest(t *testing.T) {
	rules := Rules{MinSlices: 1, MinLength: 0, MaxStep: 1000}
	tests := []struct {
		folder string
		prefix string
		code   string // "" is read
	}{
		{"pet_ct", "CT_1-054", ""},
		{"pet_ct", "CT_1-159", CodeNoLungs},
		{"pet_ct", "CT_1-259", CodeNoLungs},
		{"head_exam", "S2010", CodeNoLungs},
		{"head_exam", "S3010", CodeNoLungs},
		{"gantry_tilt_head", "1", CodeNoLungs},
	}
	for _, tt := range tests {
		t.Run(tt.folder+" "+tt.prefix, func(t *testing.T) {
			var headers []Header
			for _, h := range readFolder(t, dataDir(t, "odd", tt.folder)) {
				if strings.HasPrefix(filepath.Base(h.Path), tt.prefix) {
					headers = append(headers, h)
				}
			}
			sel := rules.Select(headers)
			if sel.Refusal != nil {
				t.Fatal(sel.Refusal)
			}
			_, err := Load(context.Background(), OpenPath, sel.Chosen, nil)
			code := ""
			var r *Refusal
			if errors.As(err, &r) {
				code = r.Code
			}
			if code != tt.code {
				t.Errorf("error %v, want code %q", err, tt.code)
			}
		})
	}
}

// A scan of the whole trunk is read as a chest, without its thighs.
func TestLoad_LeavesOutWhatIsFarFromLungs(t *testing.T) {
	rules := Rules{MinSlices: 1, MinLength: 0, MaxStep: 1000}
	sel := rules.Select(readFolder(t, dataDir(t, "odd", "pet_ct")))
	if sel.Refusal != nil {
		t.Fatal(sel.Refusal)
	}
	v, err := Load(context.Background(), OpenPath, sel.Chosen, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Slices) != 1 || filepath.Base(v.Slices[0].Header.Path) != "CT_1-054.dcm" {
		t.Errorf("%d slices, the first %s, want CT_1-054.dcm alone", len(v.Slices), v.Slices[0].Header.Path)
	}
	for _, d := range v.Dropped {
		if d.Refusal.Code != CodeFarFromLungs {
			t.Errorf("%s: %s, want %s", d.Path, d.Refusal.Code, CodeFarFromLungs)
		}
	}
	if len(v.Dropped) != 2 {
		t.Errorf("%d slices left out, want 2", len(v.Dropped))
	}
}

// The frames of the enhanced instance are the slices of covid_p001 in coarse
// steps, in the order of space though they are stored from above.
func TestLoad_EnhancedIsAVolumeLikeAnyOther(t *testing.T) {
	sel := Select(readFolder(t, dataDir(t, "odd", "enhanced_ct")))
	if sel.Refusal != nil {
		t.Fatal(sel.Refusal)
	}
	v, err := Load(context.Background(), OpenPath, sel.Chosen, nil)
	if err != nil {
		t.Fatal(err)
	}
	classic, err := Load(context.Background(), OpenPath, Select(readFolder(t, dataDir(t, "ct", "covid_p001"))).Chosen, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range v.Slices {
		s := &v.Slices[i]
		if want := len(v.Slices) - 1 - i; s.Header.Frame != want {
			t.Errorf("slice %d is frame %d, want %d", i, s.Header.Frame, want)
		}
		if s.Header.Slope != 64 || s.Header.PositionDS == "" || s.Header.PixelSpacingDS == "" || s.Header.OrientationDS == "" {
			t.Errorf("slice %d: header %+v lacks values of the functional groups", i, s.Header)
		}
		for k := range classic.Slices {
			c := &classic.Slices[k]
			if c.Header.Position != s.Header.Position {
				continue
			}
			// Outside the body is set to air, inside the values are in steps of 64.
			far := 0
			for p, hu := range s.HU {
				if d := int(hu) - int(c.HU[p]); hu > -900 && (d > 64 || d < -64) {
					far++
				}
			}
			if far > len(s.HU)/100 {
				t.Errorf("slice %d: %d pixels differ from the classic slice at its position", i, far)
			}
		}
	}
}

// Prone slices show the same anatomy as supine ones once they are turned.
func TestLoad_ProneIsTurnedBack(t *testing.T) {
	proneIsTurnedBack(t, oddPhantoms(t))
	t.Run("real", func(t *testing.T) { proneIsTurnedBack(t, dataDir(t, "odd")) })
}

func proneIsTurnedBack(t *testing.T, root string) {
	t.Helper()
	load := func(folder string) *Volume {
		sel := Select(readFolder(t, filepath.Join(root, folder)))
		if sel.Refusal != nil {
			t.Fatal(sel.Refusal)
		}
		v, err := Load(context.Background(), OpenPath, sel.Chosen, nil)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	prone, supine := load("prone"), load("localizer")
	if want := (View{FlipRows: true, FlipColumns: true}); prone.View != want {
		t.Fatalf("view %+v, want %+v", prone.View, want)
	}
	for i := range supine.Slices {
		differ := 0
		for r := range supine.Rows {
			for c := range supine.Columns {
				pr, pc := prone.View.Source(r, c, supine.Rows, supine.Columns)
				if prone.Slices[i].HU[pr*prone.Columns+pc] != supine.Slices[i].HU[r*supine.Columns+c] {
					differ++
				}
			}
		}
		if differ > 0 {
			t.Errorf("slice %d: %d pixels differ from the supine slice", i, differ)
		}
	}
}
