package web

import (
	"cmp"
	"context"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"jcsnode/dicomout/object"
	"jcsnode/findings"
	"jcsnode/ledger"
	"jcsnode/status"
	"jcsnode/web/access"
	"jcsnode/web/picture"
)

// gallery is what of a study can be shown: names in the store, which requests choose from and never say.
type gallery struct {
	of       string // UID of the study, or ID of one that is tried
	base     string // of the links
	revision int    // of the findings and objects
	objects  int
	summary  string
	shots    []shot
	found    findings.Findings
	lungs    bool // of some slice are shown
}

// shot is one slice with our pictures of it, numbered from 1 as the series lies.
type shot struct {
	Number      int
	Image       string // Instance Number
	Z           float64
	Probability float64 // in percent
	Positive    bool
	LesionCM2   float64
	Base        string // of the links

	slice  string
	frame  int
	layers map[string]layer
}

// layer is an object, and the frames of it, that show something of a slice.
type layer struct {
	kind   string
	object string
	frames []int
}

// Names of layers, as links have them.
const (
	layerOutline    = "outline"
	layerActivation = "activation"
	layerLungs      = "lungs"
)

// shows are the kinds of objects that show a layer, the best first: pictures before what is drawn from masks and numbers.
var shows = []struct{ kind, layer string }{
	{object.Outline.Name, layerOutline},
	{object.Segmentation.Name, layerOutline},
	{object.LabelMap.Name, layerOutline},
	{object.LabelMapPlain.Name, layerOutline},
	{object.Activation.Name, layerActivation},
	{object.ActivationMultiFrame.Name, layerActivation},
	{object.ParametricMap.Name, layerActivation},
	{object.Lungs.Name, layerLungs},
}

// Has tells whether the slice has a layer.
func (s shot) Has(name string) bool {
	_, ok := s.layers[name]
	return ok
}

// worst is the number of the slice with most to see: the most pictures, then the largest lesion, then the highest probability.
func worst(shots []shot) int {
	best := slices.MaxFunc(shots, func(a, b shot) int {
		return cmp.Or(cmp.Compare(len(a.layers), len(b.layers)), cmp.Compare(a.LesionCM2, b.LesionCM2),
			cmp.Compare(a.Probability, b.Probability))
	})
	return best.Number
}

func (g *gallery) summaryLink() string {
	if g.summary == "" {
		return ""
	}
	return g.base + "summary.png"
}

// scroller is what the pages show of a gallery's slices.
type scroller struct {
	Shots    []shot
	HasLungs bool
	Shown    shot // the slice that is shown
	Previous int  // slices beside it, 0 where there is none
	Next     int
}

// scroll picks the slice of a number as it stands in a link; without one, that with most to see.
func (g *gallery) scroll(number string) scroller {
	s := scroller{Shots: g.shots, HasLungs: g.lungs}
	if len(g.shots) == 0 {
		return s
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > len(g.shots) {
		n = worst(g.shots)
	}
	s.Shown = g.shots[n-1]
	s.Previous = n - 1
	if n < len(g.shots) {
		s.Next = n + 1
	}
	return s
}

// galleriesKept are those of studies that people look at now; each has some hundred bytes a slice.
const galleriesKept = 16

// galleries keep what was made for a page until its pictures are fetched. The zero value is empty.
type galleries struct {
	mu   sync.Mutex
	kept []*gallery // the last used at the end
}

func (g *galleries) find(of string) *gallery {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.IndexFunc(g.kept, func(k *gallery) bool { return k.of == of })
	if i < 0 {
		return nil
	}
	k := g.kept[i]
	g.kept = append(slices.Delete(g.kept, i, i+1), k)
	return k
}

func (g *galleries) keep(k *gallery) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.kept = slices.DeleteFunc(g.kept, func(old *gallery) bool { return old.of == k.of })
	if len(g.kept) >= galleriesKept {
		g.kept = slices.Delete(g.kept, 0, 1)
	}
	g.kept = append(g.kept, k)
}

func (g *galleries) drop(of string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.kept = slices.DeleteFunc(g.kept, func(old *gallery) bool { return old.of == of })
}

// gallery makes what can be shown of a study, or finds it made.
func (s *Server) gallery(ctx context.Context, study status.Study) (*gallery, error) {
	shown := shownRevision(study)
	if shown == nil || !study.RemovedAt.IsZero() {
		return &gallery{of: study.StudyUID}, nil
	}
	if g := s.galleries.find(study.StudyUID); g != nil && g.revision == shown.Number && g.objects == len(shown.Objects) {
		return g, nil
	}
	found, err := readFindings(shown)
	if err != nil {
		return nil, err
	}
	g := &gallery{of: study.StudyUID, base: fmt.Sprintf("/studies/%s/%d/", study.StudyUID, shown.Number), revision: shown.Number,
		found: found}
	files := map[string]string{}
	for _, i := range study.Instances { // of two copies the later one counts
		files[i.SOPInstanceUID] = i.Path
	}
	objects := make([]named, len(shown.Objects))
	for i, o := range shown.Objects {
		objects[i] = named{o.Kind, o.Path}
	}
	err = g.hang(func(i int) string { return files[found.Slices[i].SOPInstanceUID] }, objects,
		func(name string) ([]picture.Place, error) { return s.Pictures.Places(ctx, name) })
	if err == nil {
		s.galleries.keep(g)
	}
	return g, err
}

// shownRevision is the newest that has findings and objects: a later one that found the same has none of its own.
func shownRevision(study status.Study) *ledger.RevisionHistory {
	for i := len(study.Revisions) - 1; i >= 0; i-- {
		if r := &study.Revisions[i]; len(r.Findings) > 0 && len(r.Objects) > 0 {
			return r
		}
	}
	return nil
}

// named is an object with its name in the store.
type named struct{ kind, name string }

// hang joins slices, files and objects of what was found. file names the file of a slice, places says which slices an object shows.
func (g *gallery) hang(file func(i int) string, objects []named, places func(name string) ([]picture.Place, error)) error {
	g.objects = len(objects)
	at := map[picture.Place]int{}
	for n, sl := range g.found.Slices {
		one := shot{
			Number:      n + 1,
			Z:           sl.Z,
			Probability: 100 * sl.Probability,
			Positive:    sl.Positive,
			LesionCM2:   sl.LesionAreaMM2 / 100,
			Base:        fmt.Sprintf("%s%d/", g.base, n+1),
			slice:       file(n),
			frame:       max(0, sl.Frame-1),
			layers:      map[string]layer{},
		}
		if sl.InstanceNumber != nil {
			one.Image = strconv.Itoa(*sl.InstanceNumber)
		}
		at[picture.Place{SOPInstanceUID: sl.SOPInstanceUID, Frame: sl.Frame}] = n
		g.shots = append(g.shots, one)
	}
	for _, o := range objects {
		if o.kind == object.Summary.Name {
			g.summary = o.name
		}
	}
	for _, what := range shows {
		for _, o := range objects {
			if o.kind != what.kind {
				continue
			}
			shown, err := places(o.name)
			if err != nil {
				return err
			}
			for frame, place := range shown {
				n, ok := at[place]
				if !ok {
					continue
				}
				l, ok := g.shots[n].layers[what.layer]
				if ok && l.object != o.name {
					continue // a better one shows it
				}
				g.shots[n].layers[what.layer] = layer{o.kind, o.name, append(l.frames, frame)}
				g.lungs = g.lungs || what.layer == layerLungs
			}
		}
	}
	return nil
}

// pictured is the gallery that a link of a picture is about.
func (s *Server) pictured(r *http.Request) (*gallery, error) {
	uid, revision := r.PathValue("uid"), r.PathValue("revision")
	g := s.galleries.find(uid)
	if g == nil || strconv.Itoa(g.revision) != revision {
		study, err := s.ofUID(r)
		if err != nil {
			return nil, err
		}
		if g, err = s.gallery(r.Context(), study); err != nil {
			return nil, err
		}
	}
	if g.of != uid || strconv.Itoa(g.revision) != revision {
		return nil, errNoPicture
	}
	return g, nil
}

var errNoPicture = &access.Refusal{Status: http.StatusNotFound, Text: "There is no such picture."}

func (s *Server) summary(w http.ResponseWriter, r *http.Request, _ access.User) error {
	g, err := s.pictured(r)
	if err != nil {
		return err
	}
	if g.summary == "" {
		return errNoPicture
	}
	img, err := s.Pictures.Capture(r.Context(), g.summary, 0)
	return s.writePicture(w, r, img, err)
}

// layer is a slice of a study, or one of the pictures of it.
func (s *Server) layer(w http.ResponseWriter, r *http.Request, _ access.User) error {
	g, err := s.pictured(r)
	if err != nil {
		return err
	}
	return s.show(w, r, g, s.Pictures)
}

// show draws what a link asks for of a gallery.
func (s *Server) show(w http.ResponseWriter, r *http.Request, g *gallery, from *picture.Drawer) error {
	n, err := strconv.Atoi(r.PathValue("slice"))
	if err != nil || n < 1 || n > len(g.shots) {
		return errNoPicture
	}
	one := g.shots[n-1]
	name, ok := strings.CutSuffix(r.PathValue("layer"), ".png")
	if !ok {
		return errNoPicture
	}
	if name == "ct" && one.slice != "" {
		img, err := from.Slice(r.Context(), one.slice, one.frame)
		return s.writePicture(w, r, img, err)
	}
	l, ok := one.layers[name]
	if !ok {
		return errNoPicture
	}
	img, err := g.draw(r.Context(), from, n-1, l)
	return s.writePicture(w, r, img, err)
}

// draw shows what an object holds about a slice.
func (g *gallery) draw(ctx context.Context, from *picture.Drawer, n int, l layer) (image.Image, error) {
	over := picture.Overlay{Slice: g.shots[n].slice, SliceFrame: g.shots[n].frame, Object: l.object, Frames: l.frames, Found: &g.found,
		Index: n}
	switch l.kind {
	case object.ParametricMap.Name:
		return from.Activation(ctx, over)
	case object.Lungs.Name:
		return from.Lungs(ctx, over)
	case object.Segmentation.Name, object.LabelMap.Name, object.LabelMapPlain.Name:
		return from.Outline(ctx, over)
	}
	return from.Capture(ctx, l.object, l.frames[0])
}

// writePicture sends a picture. One that cannot be drawn, since its file is damaged or was removed, is no fault of the page.
func (s *Server) writePicture(w http.ResponseWriter, r *http.Request, img image.Image, err error) error {
	if err != nil {
		if r.Context().Err() == nil {
			s.Logger.Warn("a picture cannot be drawn", "error", err)
		}
		return errNoPicture
	}
	w.Header().Set("Content-Type", "image/png")
	(&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(w, img) // who has gone needs no picture
	return nil
}
