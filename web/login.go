package web

import (
	"errors"
	"net/http"
	"strings"

	"jcsnode/web/access"
)

// loginForm is what the page of the login shows.
type loginForm struct {
	Next string // where to go then
	Name string
	Text string // why it did not work
}

// nextPage is a page of ours to go on with: what leads elsewhere is not followed.
func nextPage(text string) string {
	if !strings.HasPrefix(text, "/") || strings.HasPrefix(text, "//") || strings.ContainsAny(text, "\\\r\n\t") {
		return "/"
	}
	return text
}

func (s *Server) loginPage(w http.ResponseWriter, r *http.Request) error {
	if !s.Guard.LogsIn() {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return nil
	}
	s.render(w, http.StatusOK, "login", frame{Title: "Log in"}, loginForm{Next: nextPage(r.FormValue("next"))})
	return nil
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) error {
	if !s.Guard.LogsIn() {
		return errNotHere
	}
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	name, next := strings.TrimSpace(r.PostForm.Get("name")), nextPage(r.PostForm.Get("next"))
	cookie, err := s.Guard.Login(r, name, r.PostForm.Get("password"))
	var refusal *access.Refusal
	if errors.As(err, &refusal) {
		s.Logger.Warn("login refused", "from", r.RemoteAddr, "status", refusal.Status) // the name may be a password typed too early
		s.render(w, refusal.Status, "login", frame{Title: "Log in"}, loginForm{next, name, refusal.Text})
		return nil
	}
	if err != nil {
		return err
	}
	s.Logger.Info("login", "user", name, "from", r.RemoteAddr)
	http.SetCookie(w, cookie)
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

func (s *Server) logout(w http.ResponseWriter, r *http.Request) error {
	http.SetCookie(w, s.Guard.Logout(r))
	http.Redirect(w, r, "/login", http.StatusSeeOther)
	return nil
}

// badForm is a form that cannot be read, or is too long.
func badForm(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return err
	}
	return &access.Refusal{Status: http.StatusBadRequest, Text: "This form cannot be read."}
}
