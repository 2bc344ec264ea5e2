package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"jcsnode/ledger"
	"jcsnode/status"
	"jcsnode/web/access"
)

// pageLength is how many studies one page lists.
const pageLength = 50

// row is a study in a list.
type row struct {
	status.Row
	Grade  string // positive, negative, refused or open: how it looks
	Volume string // of its lesions, and their share of the lungs
}

func rows(list status.StudyList) []row {
	var all []row
	for _, r := range list.Studies {
		all = append(all, row{r, grade(r.State, r.Decision != nil && r.Decision.Positive), volume(r)})
	}
	return all
}

// grade is how a study looks: positive, negative, refused or open.
func grade(state string, positive bool) string {
	switch {
	case state == ledger.StateNotProcessed:
		return "refused"
	case state != ledger.StateReported:
		return "open"
	case positive:
		return "positive"
	}
	return "negative"
}

func volume(r status.Row) string {
	if r.State != ledger.StateReported || r.Lesions == nil || r.Decision == nil || !r.Decision.Positive {
		return ""
	}
	text := fmt.Sprintf("%.0f mL", r.Lesions.VolumeML)
	if r.Lesions.VolumeML < 10 {
		text = fmt.Sprintf("%.1f mL", r.Lesions.VolumeML)
	}
	if r.Lungs != nil && r.Lungs.LesionShare > 0 {
		text += fmt.Sprintf(", %.0f %% of the lungs", 100*r.Lungs.LesionShare)
	}
	return text
}

// studiesPage is a list of studies and the form that narrows it.
type studiesPage struct {
	status.StudyList
	Rows       []row
	States     []string
	State      string
	Find       string
	First      int    // number of the first one listed
	Last       int    // and of the last
	Newer      string // links, "" where there is nothing
	Older      string
	Understood string // what of the form could not be used
}

// states are those of a study, as they follow each other.
var states = []string{ledger.StateReceiving, ledger.StateSettled, ledger.StateProcessing, ledger.StateReported, ledger.StateNotProcessed}

func (s *Server) studies(w http.ResponseWriter, r *http.Request, user access.User) error {
	q := r.URL.Query()
	page := studiesPage{States: states, State: q.Get("state"), Find: strings.TrimSpace(q.Get("find"))}
	f := ledger.Filter{Limit: pageLength}
	for _, state := range states {
		if page.State == state {
			f.State = state
		}
	}
	page.State = f.State
	if page.Find != "" && !partOfUID(page.Find) {
		page.Understood = "A Study Instance UID has digits and points: write its beginning."
	} else {
		f.StudyUID = page.Find
	}
	f.Offset = offset(q.Get("from"))
	var err error
	if page.StudyList, err = s.Views.Studies(r.Context(), f); err != nil {
		return err
	}
	if page.Find != "" && page.Understood == "" && len(page.Studies) == 1 && page.Total == 1 {
		http.Redirect(w, r, "/studies/"+url.PathEscape(page.Studies[0].StudyUID), http.StatusSeeOther)
		return nil
	}
	page.Rows = rows(page.StudyList)
	page.First, page.Last = f.Offset+1, f.Offset+len(page.Studies)
	link := func(from int) string {
		v := url.Values{}
		for key, value := range map[string]string{"state": f.State, "find": f.StudyUID} {
			if value != "" {
				v.Set(key, value)
			}
		}
		if from > 0 {
			v.Set("from", strconv.Itoa(from))
		}
		return "/studies?" + v.Encode()
	}
	if f.Offset > 0 {
		page.Newer = link(max(0, f.Offset-pageLength))
	}
	if page.More > 0 || page.AtLeast {
		page.Older = link(f.Offset + pageLength)
	}
	frame := s.frame("Studies", "studies", user)
	frame.Live = f.Offset == 0
	s.render(w, http.StatusOK, "studies", frame, page)
	return nil
}

// offset is where a list begins; what is no number is the beginning.
func offset(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > 1e6 {
		return 0
	}
	return n
}

// partOfUID tells whether a text can be the beginning of a UID (PS3.5 9.1).
func partOfUID(text string) bool {
	return len(text) <= 64 && strings.Trim(text, "0123456789.") == ""
}
