package web

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"jcsnode/findings"
	"jcsnode/ledger"
	"jcsnode/status"
	"jcsnode/store"
	"jcsnode/web/access"
	"jcsnode/web/picture"
	"jcsnode/web/try"
)

// Limits of what is given to try and fetched again, beside those of the desk.
const (
	formOverhead = 16 << 20         // of a form around its files
	stall        = 30 * time.Second // in which something has to come, or to go
	longest      = time.Hour        // for all of it
	drainTime    = 20 * time.Second // to hear out who is refused: browsers show no answer that comes before they have sent all
)

const tryPath = "/try"

func (s *Server) routeTry(mux *http.ServeMux) {
	acting := func(f func(http.ResponseWriter, *http.Request, access.User) error) http.Handler {
		return s.closed(func(w http.ResponseWriter, r *http.Request, user access.User) error {
			if user.Role != access.Act {
				return errMayNotAct
			}
			return f(w, r, user)
		})
	}
	mux.Handle("GET "+tryPath, acting(s.tryForm))
	mux.Handle("POST "+tryPath, acting(s.give))
	mux.Handle("GET "+tryPath+"/{id}", acting(s.tried))
	mux.Handle("GET "+tryPath+"/{id}/summary.png", acting(s.tryFile("image/png", "", s.Try.Summary)))
	mux.Handle("GET "+tryPath+"/{id}/{slice}/{layer}", acting(s.tryLayer))
	mux.Handle("GET "+tryPath+"/{id}/findings.json", acting(s.tryFile("application/json", "findings.json", s.Try.Findings)))
	mux.Handle("GET "+tryPath+"/{id}/objects.zip", acting(s.tryZip))
	mux.Handle("POST "+tryPath+"/{id}/remove", acting(s.tryRemove))
}

// mostBody is how much a request may hold.
func (s *Server) mostBody(r *http.Request) int64 {
	if s.Try != nil && r.Method == http.MethodPost && r.URL.Path == tryPath {
		return s.Try.MaxBytes + formOverhead
	}
	return mostForm
}

// tryFormPage is where a study is given.
type tryFormPage struct {
	Most   int64 // bytes
	Kept   string
	Closed string // why none is taken now
}

func (s *Server) tryForm(w http.ResponseWriter, _ *http.Request, user access.User) error {
	page := tryFormPage{Most: s.Try.MaxBytes, Kept: spell(s.Try.Keep)}
	if err := s.Try.Room(); err != nil {
		page.Closed = err.Error()
	}
	s.render(w, http.StatusOK, "tryform", s.frame("Try a study", "try", user), page)
	return nil
}

// spell is a duration as people say it: "1 hour", "90 minutes".
func spell(d time.Duration) string {
	if d >= time.Hour && d%time.Hour == 0 {
		return status.Plural(int(d.Hours()), "hour")
	}
	return status.Plural(int(d.Minutes()), "minute")
}

// steady reads what comes as long as it comes: the server's own limit is for forms.
type steady struct {
	io.ReadCloser
	control *http.ResponseController
	until   time.Time
}

func (s *steady) Read(p []byte) (int, error) {
	if err := s.control.SetReadDeadline(earlier(time.Now().Add(stall), s.until)); err != nil {
		return 0, err
	}
	return s.ReadCloser.Read(p)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// give takes a study in. Whoever is refused is heard out.
func (s *Server) give(w http.ResponseWriter, r *http.Request, user access.User) error {
	control := http.NewResponseController(w)
	body := &steady{r.Body, control, time.Now().Add(longest)}
	r.Body = body
	id, err := s.receive(r, user)
	if err != nil {
		body.until = time.Now().Add(drainTime)
		io.Copy(io.Discard, body) // as far as it goes
	}
	if err := control.SetWriteDeadline(time.Now().Add(stall)); err != nil {
		return err
	}
	if err != nil {
		return s.uploadFault(err)
	}
	http.Redirect(w, r, tryPath+"/"+id, http.StatusSeeOther)
	return nil
}

func (s *Server) receive(r *http.Request, user access.User) (string, error) {
	if r.ContentLength > s.mostBody(r) {
		return "", &http.MaxBytesError{Limit: s.mostBody(r)}
	}
	form, err := r.MultipartReader()
	if err != nil {
		return "", badForm(err)
	}
	return s.Try.Receive(r.Context(), user.Name, func() (io.Reader, error) { return nextFile(form) })
}

// nextFile is the next file of a form. What it is called is nobody's business here.
func nextFile(form *multipart.Reader) (io.Reader, error) {
	for {
		part, err := form.NextPart()
		if err != nil || part.FormName() == "files" {
			return part, err
		}
	}
}

// uploadFault says what is wrong with what came.
func (s *Server) uploadFault(err error) error {
	var refusal *try.Refusal
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &refusal):
		return refusal
	case errors.As(err, &tooLarge):
		return &access.Refusal{Status: http.StatusRequestEntityTooLarge,
			Text: fmt.Sprintf("This is more than the %s that a study may have here.", store.Bytes(s.Try.MaxBytes))}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &access.Refusal{Status: http.StatusRequestTimeout, Text: "Nothing more came: the study was not taken. Try again."}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, multipart.ErrMessageTooLarge):
		return badForm(err)
	}
	return err
}

// triedPage is a study that was given, how far it is or what came of it.
type triedPage struct {
	try.View
	Grade   string
	Verdict string
	Text    string
	Weights string // of the networks, if they are not trained
	scroller
}

func (s *Server) tried(w http.ResponseWriter, r *http.Request, user access.User) error {
	v, err := s.Try.View(r.PathValue("id"), user.Name)
	if err != nil {
		return err
	}
	page := triedPage{View: v}
	if v.State == try.Done {
		page.judge(&v.Result.Findings)
		g, _, err := s.triedGallery(r, user)
		if err != nil {
			s.Logger.Warn("the slices of a study that was tried cannot be shown", "id", v.ID, "error", err)
			g = &gallery{}
		}
		page.scroller = g.scroll(r.URL.Query().Get("slice"))
	}
	f := s.frame("Try a study", "try", user)
	f.Again = v.Working()
	s.render(w, http.StatusOK, "tried", f, page)
	return nil
}

// judge puts what was found in the words of the page of a study.
func (p *triedPage) judge(found *findings.Findings) {
	state := ledger.StateReported
	if found.Decision == nil {
		state = ledger.StateNotProcessed
	}
	p.Grade = grade(state, found.Decision != nil && found.Decision.Positive)
	p.Verdict = verdicts[p.Grade]
	switch {
	case found.Decision != nil:
		p.Text = strings.TrimPrefix(found.Decision.Text, p.Grade+": ")
	case found.Reason != nil:
		p.Text = found.Reason.Text
	}
	if w := findings.Weights(found.Models); w != "trained" {
		p.Weights = w
	}
}

// triedGallery makes what can be shown of a study that was tried, or finds it made, for who gave it, with what draws it.
func (s *Server) triedGallery(r *http.Request, user access.User) (*gallery, *picture.Drawer, error) {
	id := r.PathValue("id")
	result, files, err := s.Try.Files(id, user.Name)
	if err != nil {
		return nil, nil, err
	}
	draw := s.Pictures.In(files)
	if g := s.galleries.find(id); g != nil {
		return g, draw, nil
	}
	g := &gallery{of: id, base: tryPath + "/" + id + "/", found: result.Findings}
	var slices []string
	for _, path := range result.SliceFiles {
		name, err := s.Try.Name(id, path)
		if err != nil {
			return nil, nil, err
		}
		slices = append(slices, name)
	}
	var objects []named
	for _, o := range result.Objects {
		name, err := s.Try.Name(id, filepath.Join(result.ObjectsFolder, o.Name))
		if err != nil {
			return nil, nil, err
		}
		objects = append(objects, named{o.Kind, name})
	}
	err = g.hang(func(i int) string { return slices[i] }, objects,
		func(name string) ([]picture.Place, error) { return draw.Places(r.Context(), name) })
	if err != nil {
		return nil, nil, err
	}
	s.galleries.keep(g)
	return g, draw, nil
}

func (s *Server) tryLayer(w http.ResponseWriter, r *http.Request, user access.User) error {
	g, draw, err := s.triedGallery(r, user)
	if err != nil {
		return err
	}
	return s.show(w, r, g, draw)
}

// tryFile sends a file of a result, to be shown or, under a name, to be kept.
func (s *Server) tryFile(kind, name string, open func(id, owner string) (*os.File, error)) func(http.ResponseWriter, *http.Request,
	access.User) error {
	return func(w http.ResponseWriter, r *http.Request, user access.User) error {
		f, err := open(r.PathValue("id"), user.Name)
		if err != nil {
			return err
		}
		defer f.Close()
		w.Header().Set("Content-Type", kind)
		if name != "" {
			w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
		}
		io.Copy(w, f) // who has gone needs no file
		return nil
	}
}

// flowing writes as long as the other side takes it.
type flowing struct {
	http.ResponseWriter
	control *http.ResponseController
	until   time.Time
}

func (f flowing) Write(p []byte) (int, error) {
	if err := f.control.SetWriteDeadline(earlier(time.Now().Add(stall), f.until)); err != nil {
		return 0, err
	}
	return f.ResponseWriter.Write(p)
}

func (s *Server) tryZip(w http.ResponseWriter, r *http.Request, user access.User) error {
	write, err := s.Try.Packed(r.PathValue("id"), user.Name)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", `attachment; filename="jcsnode-objects.zip"`)
	if err := write(flowing{w, http.NewResponseController(w), time.Now().Add(longest)}); err != nil {
		s.Logger.Debug("objects of a study that was tried were not all fetched", "error", err)
		panic(http.ErrAbortHandler) // half a zip must not look like a whole one
	}
	return nil
}

func (s *Server) tryRemove(w http.ResponseWriter, r *http.Request, user access.User) error {
	if err := s.Try.Remove(r.PathValue("id"), user.Name); err != nil {
		return err
	}
	s.galleries.drop(r.PathValue("id"))
	http.Redirect(w, r, tryPath, http.StatusSeeOther)
	return nil
}
