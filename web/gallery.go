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
	"sync"

	"jcsnode/dicomout/object"
	"jcsnode/ledger"
	"jcsnode/status"
	"jcsnode/web/access"
	"jcsnode/web/picture"
)

// gallery is what of a study can be shown: names in the store, which requests choose from and never say.
type gallery struct {
	study    string
	revision int // of the findings and objects
	objects  int
	summary  string
	shots    []shot
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
	HasOutline  bool
	HasMap      bool

	slice, outline, activation string
	frame                      int
}

// worst is the number of the slice with most to see: the most pictures, then the largest lesion, then the highest probability.
func worst(shots []shot) int {
	best := slices.MaxFunc(shots, func(a, b shot) int {
		return cmp.Or(cmp.Compare(a.pictures(), b.pictures()), cmp.Compare(a.LesionCM2, b.LesionCM2),
			cmp.Compare(a.Probability, b.Probability))
	})
	return best.Number
}

// pictures counts those of ours.
func (s shot) pictures() (n int) {
	if s.HasOutline {
		n++
	}
	if s.HasMap {
		n++
	}
	return n
}

func (g *gallery) summaryLink() string {
	if g.summary == "" {
		return ""
	}
	return fmt.Sprintf("/studies/%s/%d/summary.png", g.study, g.revision)
}

// galleriesKept are those of studies that people look at now; each has some hundred bytes a slice.
const galleriesKept = 16

// galleries keep what was made for a page until its pictures are fetched. The zero value is empty.
type galleries struct {
	mu   sync.Mutex
	kept []*gallery // the last used at the end
}

func (g *galleries) find(study string) *gallery {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.IndexFunc(g.kept, func(k *gallery) bool { return k.study == study })
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
	g.kept = slices.DeleteFunc(g.kept, func(old *gallery) bool { return old.study == k.study })
	if len(g.kept) >= galleriesKept {
		g.kept = slices.Delete(g.kept, 0, 1)
	}
	g.kept = append(g.kept, k)
}

// gallery makes what can be shown of a study, or finds it made.
func (s *Server) gallery(ctx context.Context, study status.Study) (*gallery, error) {
	shown := shownRevision(study)
	if shown == nil || !study.RemovedAt.IsZero() {
		return &gallery{study: study.StudyUID}, nil
	}
	if g := s.galleries.find(study.StudyUID); g != nil && g.revision == shown.Number && g.objects == len(shown.Objects) {
		return g, nil
	}
	g, err := newGallery(study, shown, func(name string) (picture.Place, error) { return s.Pictures.Shows(ctx, name) })
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

// newGallery joins slices, files and objects of a revision. shows says which slice an object is a picture of.
func newGallery(study status.Study, r *ledger.RevisionHistory, shows func(name string) (picture.Place, error)) (*gallery, error) {
	found, err := readFindings(r)
	if err != nil {
		return nil, err
	}
	g := &gallery{study: study.StudyUID, revision: r.Number, objects: len(r.Objects)}
	files := map[string]string{}
	for _, i := range study.Instances { // of two copies the later one counts
		files[i.SOPInstanceUID] = i.Path
	}
	at := map[picture.Place]int{}
	for n, sl := range found.Slices {
		one := shot{
			Number:      n + 1,
			Z:           sl.Z,
			Probability: 100 * sl.Probability,
			Positive:    sl.Positive,
			LesionCM2:   sl.LesionAreaMM2 / 100,
			Base:        fmt.Sprintf("/studies/%s/%d/%d/", study.StudyUID, r.Number, n+1),
			slice:       files[sl.SOPInstanceUID],
			frame:       max(0, sl.Frame-1),
		}
		if sl.InstanceNumber != nil {
			one.Image = strconv.Itoa(*sl.InstanceNumber)
		}
		at[picture.Place{SOPInstanceUID: sl.SOPInstanceUID, Frame: sl.Frame}] = n
		g.shots = append(g.shots, one)
	}
	for _, o := range r.Objects {
		switch o.Kind {
		case object.Summary.Name:
			g.summary = o.Path
		case object.Outline.Name, object.Activation.Name:
			place, err := shows(o.Path)
			if err != nil {
				return nil, err
			}
			n, ok := at[place]
			if !ok {
				continue
			}
			if o.Kind == object.Outline.Name {
				g.shots[n].outline, g.shots[n].HasOutline = o.Path, true
			} else {
				g.shots[n].activation, g.shots[n].HasMap = o.Path, true
			}
		}
	}
	return g, nil
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
	if g.study != uid || strconv.Itoa(g.revision) != revision {
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
	return s.capture(w, r, g.summary)
}

// layer is the slice, its outline or its activation map.
func (s *Server) layer(w http.ResponseWriter, r *http.Request, _ access.User) error {
	g, err := s.pictured(r)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(r.PathValue("slice"))
	if err != nil || n < 1 || n > len(g.shots) {
		return errNoPicture
	}
	switch one := g.shots[n-1]; r.PathValue("layer") {
	case "ct.png":
		if one.slice == "" {
			return errNoPicture
		}
		img, err := s.Pictures.Slice(r.Context(), one.slice, one.frame)
		return s.writePicture(w, r, img, err)
	case "outline.png":
		return s.capture(w, r, one.outline)
	case "activation.png":
		return s.capture(w, r, one.activation)
	}
	return errNoPicture
}

func (s *Server) capture(w http.ResponseWriter, r *http.Request, name string) error {
	if name == "" {
		return errNoPicture
	}
	img, err := s.Pictures.Capture(r.Context(), name)
	return s.writePicture(w, r, img, err)
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
