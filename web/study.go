package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"jcsnode/findings"
	"jcsnode/ledger"
	"jcsnode/status"
	"jcsnode/web/access"
)

// studyPage is what a radiologist sees of a study: what was decided and what that leaves out, then the pictures, then all there is to say.
type studyPage struct {
	status.Study
	Grade       string
	Verdict     string
	Text        string // of the decision
	Identifiers []Identifier
	Viewer      string
	HasFindings bool
	Weights     string // of the networks, if they are not trained
	Summary     string // link of the picture
	scroller
}

// verdicts are words for grades.
var verdicts = map[string]string{"positive": "POSITIVE", "negative": "NEGATIVE", "refused": "NOT PROCESSED", "open": "NO RESULT YET"}

// ofUID is the study that a request is about. The beginning of a UID is enough.
func (s *Server) ofUID(r *http.Request) (status.Study, error) {
	uid := r.PathValue("uid")
	if !partOfUID(uid) {
		return status.Study{}, &access.Refusal{Status: http.StatusNotFound, Text: "That is no Study Instance UID."}
	}
	study, err := s.Views.Study(r.Context(), uid)
	var ambiguous *status.AmbiguousError
	if errors.As(err, &ambiguous) {
		return study, &access.Refusal{Status: http.StatusNotFound, Text: ambiguous.Error()}
	}
	return study, err
}

func (s *Server) study(w http.ResponseWriter, r *http.Request, user access.User) error {
	study, err := s.ofUID(r)
	if err != nil {
		return err
	}
	if study.StudyUID != r.PathValue("uid") {
		http.Redirect(w, r, "/studies/"+url.PathEscape(study.StudyUID), http.StatusSeeOther)
		return nil
	}
	positive := study.Decision != nil && study.Decision.Positive
	page := studyPage{Study: study, Grade: grade(study.State, positive)}
	page.Verdict = verdicts[page.Grade]
	if page.Grade == "positive" || page.Grade == "negative" {
		page.Text = strings.TrimPrefix(study.Decision.Text, page.Grade+": ")
	} else if study.Reason != nil {
		page.Text = study.Reason.Text
	}
	if s.ViewerURL != nil {
		page.Viewer = s.ViewerURL(study.StudyUID)
	}
	if text := newestFindings(study); text != nil {
		page.HasFindings = true
		page.Weights = untrained(text)
	}
	if page.Identifiers, err = s.identifiers(r, study); err != nil {
		s.Logger.Warn("a study's identifiers cannot be shown", "study", study.StudyUID, "error", err)
	}
	g, err := s.gallery(r.Context(), study)
	if err != nil {
		s.Logger.Warn("a study's pictures cannot be shown", "study", study.StudyUID, "error", err)
		g = &gallery{}
	}
	page.Summary, page.scroller = g.summaryLink(), g.scroll(r.URL.Query().Get("slice"))
	f := s.frame("Study "+study.StudyUID, "studies", user)
	f.Live = true
	s.render(w, http.StatusOK, "study", f, page)
	return nil
}

// identifiers are read from an instance, if the site shows any.
func (s *Server) identifiers(r *http.Request, study status.Study) ([]Identifier, error) {
	if s.Identify == nil || len(study.Instances) == 0 || !study.RemovedAt.IsZero() {
		return nil, nil
	}
	return s.Identify(r.Context(), study.Instances[len(study.Instances)-1].Path)
}

// newestFindings are those of the newest revision, nil without any.
func newestFindings(study status.Study) []byte {
	for i := len(study.Revisions) - 1; i >= 0; i-- {
		if text := study.Revisions[i].Findings; len(text) > 0 {
			return text
		}
	}
	return nil
}

// findings gives findings.json to take away.
func (s *Server) findings(w http.ResponseWriter, r *http.Request, _ access.User) error {
	study, err := s.ofUID(r)
	if err != nil {
		return err
	}
	text := newestFindings(study)
	if text == nil {
		return &access.Refusal{Status: http.StatusNotFound, Text: "Nothing was found in this study yet."}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="findings.json"`)
	w.Write(text)
	return nil
}

// untrained says how far the networks are that findings rest on, "" if that needs no word.
func untrained(text []byte) string {
	var f findings.Findings
	if err := json.Unmarshal(text, &f); err != nil || len(f.Models) == 0 {
		return ""
	}
	if w := findings.Weights(f.Models); w != "trained" {
		return w
	}
	return ""
}

// readFindings takes the findings of a revision apart.
func readFindings(r *ledger.RevisionHistory) (f findings.Findings, err error) {
	if len(r.Findings) == 0 {
		return f, nil
	}
	return f, json.Unmarshal(r.Findings, &f)
}
