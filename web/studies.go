package web

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

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
	Shares []share
}

func rows(list status.StudyList) []row {
	var all []row
	for _, r := range list.Studies {
		all = append(all, row{r, grade(r.State, r.Decision != nil && r.Decision.Positive), volume(r), shares(r.Destinations)})
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

// share is what a destination has of a study.
type share struct {
	Destination string
	Text        string // "42 of 42"
	Bad         bool
}

// shares say what each destination has of a study; what nobody needs any more does not count.
func shares(of map[string]map[string]int) []share {
	var all []share
	for _, name := range slices.Sorted(maps.Keys(of)) {
		sent, waiting, failed := of[name][ledger.DeliverySent], of[name][ledger.DeliveryWaiting], of[name][ledger.DeliveryFailed]
		if sent+waiting+failed == 0 {
			continue
		}
		one := share{Destination: name, Text: fmt.Sprintf("%d of %d", sent, sent+waiting+failed), Bad: failed > 0}
		if waiting > 0 {
			one.Text += fmt.Sprintf(", %d waiting", waiting)
		}
		if failed > 0 {
			one.Text += fmt.Sprintf(", %d given up", failed)
		}
		all = append(all, one)
	}
	return all
}

// studiesPage is a list of studies and the form that narrows it.
type studiesPage struct {
	status.StudyList
	Rows      []row
	Form      form
	States    []string
	Results   []string
	Open      []string // states of deliveries that may be asked for
	Scanners  []string
	Accession bool   // it may be looked for
	First     int    // number of the first one listed
	Last      int    // and of the last
	Newer     string // links, "" where there is nothing
	Older     string
	Mistake   string // what of the form could not be used
}

// form is what somebody looks for, as it was written.
type form struct{ State, Result, Scanner, Deliveries, From, To, Find string }

// states are those of a study, as they follow each other, and results those that it may have.
var (
	states = []string{ledger.StateReceiving, ledger.StateSettled, ledger.StateProcessing, ledger.StateReported, ledger.StateNotProcessed}
	found  = []string{ledger.ResultPositive, ledger.ResultNegative, ledger.ResultNone}
	unsent = []string{ledger.DeliveryWaiting, ledger.DeliveryFailed}
)

// readForm takes what of a form can be used, and makes a filter of it.
func readForm(q url.Values, accession bool) (f form, filter ledger.Filter, mistake string) {
	f = form{q.Get("state"), q.Get("result"), q.Get("scanner"), q.Get("deliveries"), q.Get("from"), q.Get("to"),
		strings.TrimSpace(q.Get("find"))}
	if !slices.Contains(states, f.State) {
		f.State = ""
	}
	if !slices.Contains(found, f.Result) {
		f.Result = ""
	}
	if !slices.Contains(unsent, f.Deliveries) {
		f.Deliveries = ""
	}
	filter = ledger.Filter{State: f.State, Result: f.Result, CallingAE: f.Scanner, Delivery: f.Deliveries, Limit: pageLength,
		Identifiers: accession}
	var err error
	if filter.From, err = day(f.From); err != nil {
		mistake = "A day is written 2026-11-30."
	}
	if filter.To, err = day(f.To); err != nil {
		mistake = "A day is written 2026-11-30."
	} else if !filter.To.IsZero() {
		filter.To = filter.To.AddDate(0, 0, 1) // that day is in
	}
	switch uid := partOfUID(f.Find); {
	case f.Find == "":
	case accession && (!uid || !strings.Contains(f.Find, ".")): // a UID has a point soon: 1.2, 2.25
		filter.Accession = f.Find
	case uid:
		filter.StudyUID = f.Find
	default:
		mistake = "A Study Instance UID has digits and points: write its beginning."
	}
	return f, filter, mistake
}

// day is midnight of a day as a form writes it, the zero time without one.
func day(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	return time.ParseInLocation(time.DateOnly, text, time.Local)
}

// link is the page of that form from a study on.
func (f form) link(from int) string {
	v := url.Values{}
	for key, value := range map[string]string{"state": f.State, "result": f.Result, "scanner": f.Scanner, "deliveries": f.Deliveries,
		"from": f.From, "to": f.To, "find": f.Find} {
		if value != "" {
			v.Set(key, value)
		}
	}
	if from > 0 {
		v.Set("skip", strconv.Itoa(from))
	}
	return "/studies?" + v.Encode()
}

func (s *Server) studies(w http.ResponseWriter, r *http.Request, user access.User) error {
	q := r.URL.Query()
	page := studiesPage{States: states, Results: found, Open: unsent, Accession: s.Identify != nil}
	var f ledger.Filter
	page.Form, f, page.Mistake = readForm(q, page.Accession)
	f.Offset = offset(q.Get("skip"))
	overview, err := s.Views.Overview(r.Context())
	if err != nil {
		return err
	}
	for _, p := range overview.Peers {
		page.Scanners = append(page.Scanners, p.AETitle)
	}
	if page.StudyList, err = s.Views.Studies(r.Context(), f); err != nil {
		return err
	}
	if page.Form.Find != "" && page.Mistake == "" && len(page.Studies) == 1 && page.Total == 1 {
		http.Redirect(w, r, "/studies/"+url.PathEscape(page.Studies[0].StudyUID), http.StatusSeeOther)
		return nil
	}
	page.Rows = rows(page.StudyList)
	page.First, page.Last = f.Offset+1, f.Offset+len(page.Studies)
	if f.Offset > 0 {
		page.Newer = page.Form.link(max(0, f.Offset-pageLength))
	}
	if page.More > 0 || page.AtLeast {
		page.Older = page.Form.link(f.Offset + pageLength)
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
