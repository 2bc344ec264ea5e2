package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"jcsnode/web/access"
)

// Kinds of actions.
const (
	ReadAgain   = "read-again"   // of a study
	SendAgain   = "send-again"   // of a study
	TryNow      = "try-now"      // of a destination
	Echo        = "echo"         // of a destination
	Preflight   = "preflight"    // of a destination
	TestWebhook = "test-webhook" // of a webhook
)

// Action is what somebody who may act wants done.
type Action struct {
	Kind string
	Of   string // study, destination or webhook
}

// Answer is what came of it.
type Answer struct {
	Good bool
	Text string // a sentence, or lines as the command line prints them
}

// actionNames are headings of the answers.
var actionNames = map[string]string{
	ReadAgain:   "Read again",
	SendAgain:   "Send again",
	TryNow:      "Try all now",
	Echo:        "Echo",
	Preflight:   "Preflight",
	TestWebhook: "Test of a webhook",
}

// answerPage shows what came of an action.
type answerPage struct {
	Answer
	Name  string
	Of    string
	Lines bool
	Back  string
}

func (s *Server) act(w http.ResponseWriter, r *http.Request, user access.User) error {
	if user.Role != access.Act {
		return errMayNotAct
	}
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	a := Action{r.PostForm.Get("action"), r.PostForm.Get("of")}
	name, ok := actionNames[a.Kind]
	if !ok || s.Act == nil {
		return &access.Refusal{Status: http.StatusBadRequest, Text: "There is no such action."}
	}
	page := answerPage{Name: name, Of: a.Of, Back: "/"}
	if a.Kind == ReadAgain || a.Kind == SendAgain {
		if !partOfUID(a.Of) {
			return &access.Refusal{Status: http.StatusBadRequest, Text: "That is no Study Instance UID."}
		}
		page.Back = "/studies/" + url.PathEscape(a.Of)
	}
	ctx, cancel := context.WithTimeout(r.Context(), actTime)
	defer cancel()
	answer, err := s.Act(ctx, user.Name, a)
	if err != nil {
		return fmt.Errorf("%s of %s: %w", a.Kind, a.Of, err)
	}
	page.Answer, page.Lines = answer, strings.Contains(strings.TrimSpace(answer.Text), "\n")
	s.render(w, http.StatusOK, "answer", s.frame(name, "", user), page)
	return nil
}
