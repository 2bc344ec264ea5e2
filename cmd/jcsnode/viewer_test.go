//go:build viewer

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"jcsnode/dataset"
	"jcsnode/phantom"
)

// viewed is one study that a person opens in the viewer.
type viewed struct {
	name, folder, study string
	glass               bool // read by glassNetworks, so that the CT says what must be labelled
	levels              int  // looked at
	captures            []int
}

// What goes back to a PACS is opened in the OHIF viewer over Orthanc, for slices of every geometry that comes along: the segmentation
// is offered, loads, has its name and its colour, and lies on the right pixels of the right slices, in the viewer's memory and on the
// screen; the pictures show, and lie where their slices do. Screenshots go to JCSNODE_SHOTS, or to a temporary folder. The viewer kit
// lies beside the test data.
func TestViewer(t *testing.T) {
	reversed := t.TempDir()
	err := phantom.Write(t.Context(), reversed, phantom.Options{
		Slices:    24,
		Spacing:   12,
		Lesions:   true,
		Seed:      1,
		FeetFirst: true,
		Uneven:    0.15,
	})
	if err != nil {
		t.Fatal(err)
	}
	pictures := []int{9100, 9102, 9107}
	all := []viewed{
		{name: "covid_p001", folder: data(t, "ct", "covid_p001"), levels: 3, captures: pictures},
		{name: "feet_first", folder: data(t, "ct", "lidc_0003"), glass: true, levels: 3},
		{name: "reversed_uneven", folder: reversed, glass: true, levels: 3, captures: pictures},
		{name: "prone", folder: data(t, "odd", "prone"), glass: true, levels: 3},
		{name: "missing_slice", folder: data(t, "odd", "missing_slice"), glass: true, levels: 3},
		{name: "gantry_tilt", folder: data(t, "odd", "gantry_tilt_chest"), glass: true, levels: 3},
		{name: "nonsquare_pixels", folder: data(t, "odd", "nonsquare_pixels"), glass: true, levels: 3, captures: []int{9107}},
	}
	v := startViewer(t)
	to := destination("viewer", "ORTHANC", v.archive.dicom)
	const quiet = "[settle]\nquiet = \"3s\""
	own := newLab(t, to, quiet)
	glass := newLabWith(t, glassNetworks(t), to, quiet,
		"[cascade]\nthreshold = 0\nthreshold_mm = 0.0\noff_lungs = \"keep\"\nleast_lesion_ml = 0.0")
	own.serve(t)
	glass.serve(t)
	node := func(c *viewed) *lab {
		if c.glass {
			return glass
		}
		return own
	}
	for i := range all {
		c := &all[i]
		c.study = studyUID(t, c.folder)
		for title, port := range map[string]int{"JCSNODE": node(c).port, "ORTHANC": v.archive.dicom} {
			dcmtk(t, "storescu", "-xs", "-aec", title, "127.0.0.1", fmt.Sprint(port), "+sd", c.folder)
		}
	}
	for i := range all {
		if s := node(&all[i]).settled(t, all[i].study, 15*time.Minute); s.Decision == nil || !s.Decision.Positive {
			t.Fatalf("%s: no segmentation to look at: %+v %+v", all[i].name, s.Decision, s.Reason)
		}
	}
	looks := v.look(t, all)
	for i, c := range all {
		t.Run(c.name, func(t *testing.T) { v.judge(t, c, looks[i]) })
	}
	t.Logf("screenshots in %s", v.shots)
}

// viewer is the OHIF viewer with its archive.
type viewer struct {
	archive *orthanc
	page    int
	shots   string
}

func startViewer(t *testing.T) *viewer {
	t.Helper()
	tool(t, "chromium")
	kit := filepath.Join(filepath.Dir(data(t)), "tools", "viewer", "viewer.sh")
	if _, err := os.Stat(kit); err != nil {
		absent(t, "the viewer kit "+kit)
	}
	v := &viewer{archive: &orthanc{dicom: freePort(t), http: freePort(t)}, page: freePort(t), shots: os.Getenv("JCSNODE_SHOTS")}
	if v.shots == "" {
		v.shots = t.TempDir()
	}
	// Its servers stay behind and keep standard output open, hence the file.
	log, err := os.Create(filepath.Join(t.TempDir(), "viewer.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	run := func(what string) error {
		cmd := exec.Command("bash", kit, what)
		cmd.Env = append(os.Environ(), fmt.Sprintf("VIEWER_PORT=%d", v.page), fmt.Sprintf("VIEWER_ORTHANC_HTTP=%d", v.archive.http),
			fmt.Sprintf("VIEWER_ORTHANC_DICOM=%d", v.archive.dicom))
		cmd.Stdout, cmd.Stderr = log, log
		return cmd.Run()
	}
	for _, what := range []string{"clear", "start"} { // clear stops an earlier one
		if err := run(what); err != nil {
			text, _ := os.ReadFile(log.Name())
			t.Fatalf("viewer.sh %s: %v\n%s", what, err, tail(text, 3000))
		}
	}
	t.Cleanup(func() { exec.Command("bash", kit, "stop").Run() })
	return v
}

// look is what the viewer holds and shows of a study, as testdata/look.js tells it.
type look struct {
	Problem string `json:"problem"`
	Series  []struct {
		Number      int    `json:"number"`
		Description string `json:"description"`
		Unsupported bool   `json:"unsupported"`
	} `json:"series"`
	Segmentation struct {
		Segments []struct {
			Number int    `json:"number"`
			Label  string `json:"label"`
			Colour []int  `json:"colour"`
		} `json:"segments"`
		Slices []labelled `json:"slices"`
	} `json:"segmentation"`
	Slices   []lookSlice   `json:"slices"`
	Captures []lookCapture `json:"captures"`
}

// lookSlice is a slice on the screen: HU under its labels and elsewhere, with their number, and pixels amid labels (on) and amid none
// (off), with the number of those that have the segment's colour on the screen.
type lookSlice struct {
	plane
	Instance         string         `json:"instance"`
	Number           int            `json:"number"`
	Labelled         map[string]int `json:"labelled"`
	Other            map[string]int `json:"other"`
	On, OnColoured   int
	Off, OffColoured int
}

// lookCapture is a secondary capture on the screen; of its places, far have another colour there than in the picture.
type lookCapture struct {
	plane
	Series   int    `json:"series"`
	Instance string `json:"instance"`
	Images   int    `json:"images"`
	Digest   uint32 `json:"digest"`
	Places   int    `json:"places"`
	Far      int    `json:"far"`
}

// look opens every study in one browser.
func (v *viewer) look(t *testing.T, all []viewed) []look {
	t.Helper()
	home := os.Getenv("VIEWER_HOME")
	if home == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		home = filepath.Join(cache, "jcs-viewer")
	}
	var studies []map[string]any
	for _, c := range all {
		studies = append(studies, map[string]any{"name": c.name, "study": c.study, "captures": c.captures})
	}
	var looks []look
	browse(t, "look.js", map[string]any{"base": fmt.Sprintf("http://127.0.0.1:%d", v.page),
		"playwright": filepath.Join(home, "node_modules", "playwright-core"),
		"chromium":   tool(t, "chromium"), "out": v.shots, "studies": studies}, &looks)
	if len(looks) != len(all) {
		t.Fatalf("look.js: %d of %d studies", len(looks), len(all))
	}
	return looks
}

// judge compares what the viewer holds and shows of a study with its CT and with what the archive holds.
func (v *viewer) judge(t *testing.T, c viewed, l look) {
	if l.Problem != "" {
		t.Errorf("%s (screenshots in %s)", l.Problem, v.shots)
	}
	offered := map[int]bool{}
	for _, s := range l.Series {
		offered[s.Number] = !s.Unsupported
	}
	for _, number := range []int{9100, 9101, 9102, 9107} {
		if !offered[number] {
			t.Errorf("series %d is not offered: %+v", number, l.Series)
		}
	}
	if s := l.Segmentation.Segments; len(s) != 1 || s[0].Number != 1 ||
		s[0].Label != "Lung lesion (JCS)" || !near(s[0].Colour, 255, 64, 0) {
		t.Errorf("segments %+v, want one named lesion in orange", s)
	}
	v.judgeLabels(t, c, l)
	if len(l.Slices) != c.levels {
		t.Errorf("%d levels were looked at, want %d", len(l.Slices), c.levels)
	}
	ct := planesOf(t, c.folder)
	for _, s := range l.Slices {
		if want := ct[s.Instance]; !s.plane.equals(want) {
			t.Errorf("image %d lies at %+v in the viewer, its CT says %+v", s.Number, s.plane, want)
		}
		t.Logf("image %d: %d of %d pixels amid labels have their colour on the screen, %d of %d amid none",
			s.Number, s.OnColoured, s.On, s.OffColoured, s.Off)
		if s.On < 20 || s.OnColoured < s.On*95/100 || s.Off < 10000 || s.OffColoured > s.Off/500 {
			t.Errorf("image %d: colour on %d of %d pixels amid labels, on %d of %d amid none",
				s.Number, s.OnColoured, s.On, s.OffColoured, s.Off)
		}
		if c.glass {
			s.judgeGlass(t)
		}
	}
	if len(l.Captures) != len(c.captures) {
		t.Errorf("%d pictures were looked at, want %v", len(l.Captures), c.captures)
	}
	for _, p := range l.Captures {
		v.judgeCapture(t, c, p, ct)
	}
}

// judgeLabels compares every slice's labels with the segmentation in the archive.
func (v *viewer) judgeLabels(t *testing.T, c viewed, l look) {
	want := v.frames(t, c.study)
	for _, s := range l.Segmentation.Slices {
		f := want[s.Instance]
		if f.Count != s.Count || f.Count > 0 && f.Digest != s.Digest {
			t.Errorf("slice %s has %d labelled pixels in the viewer, %d in the file, or others", s.Instance, s.Count, f.Count)
		}
		delete(want, s.Instance)
	}
	if len(want) > 0 {
		t.Errorf("%d frames of the segmentation are on no slice of the viewer", len(want))
	}
}

// judgeGlass holds the labels against the HU that the viewer itself has there: whatever the way from the scanner through networks,
// segmentation and archive to the viewer did, labels lie on ground glass and on all of it.
func (s *lookSlice) judgeGlass(t *testing.T) {
	wrong := func(values map[string]int, glass bool) (n int) {
		for text, count := range values {
			if hu, err := strconv.Atoi(text); err != nil || (hu >= -750 && hu <= -350) != glass {
				n += count
			}
		}
		return n
	}
	if a, b := wrong(s.Labelled, true), wrong(s.Other, false); a+b > 0 {
		t.Errorf("image %d: %d labelled pixels are no ground glass in the viewer's CT, %d of ground glass have no label", s.Number, a, b)
	}
}

// judgeCapture compares a picture on the screen with the object in the archive, and its plane with that of its CT slice.
func (v *viewer) judgeCapture(t *testing.T, c viewed, p lookCapture, ct map[string]plane) {
	count := 0
	var f *dataset.File
	var series string
	all := v.archive.instances(t, c.study)
	for _, i := range all {
		if i.MainDicomTags.SOPInstanceUID == p.Instance {
			f, series = v.open(t, i), i.Series
		}
	}
	if f == nil {
		t.Fatalf("series %d shows %q, which the archive does not have", p.Series, p.Instance)
	}
	for _, i := range all {
		if i.Series == series {
			count++
		}
	}
	if p.Images != count {
		t.Errorf("series %d has %d pictures in the viewer, %d in the archive", p.Series, p.Images, count)
	}
	px, ok := f.PixelData()
	if !ok {
		t.Fatalf("series %d: no pixels", p.Series)
	}
	rgb, err := io.ReadAll(px.Reader())
	if err != nil {
		t.Fatal(err)
	}
	digest := newDigest()
	for _, value := range rgb[:min(len(rgb), 3*p.Rows*p.Columns)] {
		digest.add(int(value))
	}
	if uint32(digest) != p.Digest {
		t.Errorf("series %d: the picture in the viewer is not that of the archive", p.Series)
	}
	if p.Places < 1000 || p.Far > p.Places/10 {
		t.Errorf("series %d: %d of %d places have another colour on the screen than in the picture", p.Series, p.Far, p.Places)
	}
	if p.Series%100 == 0 { // the summary has no plane
		return
	}
	own := planeOf(t, f.Set())
	if !p.plane.equals(own) {
		t.Errorf("series %d lies at %+v in the viewer, its object says %+v", p.Series, p.plane, own)
	}
	source := f.Set().Items(dataset.NewTag(0x0008, 0x2112))
	if len(source) != 1 {
		t.Fatalf("series %d: %d source images", p.Series, len(source))
	}
	if want := ct[source[0].String(dataset.ReferencedSOPInstanceUID)]; !own.covers(want) {
		t.Errorf("series %d lies at %+v, its CT slice at %+v", p.Series, own, want)
	}
}
