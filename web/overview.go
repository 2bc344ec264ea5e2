package web

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"

	"jcsnode/ledger"
	"jcsnode/status"
	"jcsnode/web/access"
)

// newest is how many studies the overview lists.
const newest = 10

// overviewPage is what IT sees first.
type overviewPage struct {
	status.Overview
	Alerts  []alert
	Studies []row
	Trained bool   // the networks are what they should be
	Device  string // that they run on, in a word
}

// alert is something that somebody should see to.
type alert struct {
	Text string
	Act  *Action // what may help, nil if nothing here does
	Name string  // of the action
}

// alerts are what is wrong with the node, the worst first.
func alerts(o status.Overview) []alert {
	var all []alert
	add := func(format string, a ...any) { all = append(all, alert{Text: fmt.Sprintf(format, a...)}) }
	if o.Running.State != status.Runs || o.Running.StoreAway != "" {
		add("The node is %s.", o.Running)
	}
	for _, m := range o.Nodes {
		if m.State == status.Dead || m.State == status.Hangs || m.Differs != "" || m.StoreAway != "" || m.ClockOff() {
			add("Node %s.", m)
		}
	}
	for _, l := range o.Lacks {
		add("A role is nobody's: %s. What to do: %s.", l, l.Remedy())
	}
	if o.Counts.Fault != "" {
		add("The ledger cannot be written: %s. Nothing is received until it can.", o.Counts.Fault)
	}
	if o.Disk != nil && (o.Disk.Refuses || o.Disk.Short) {
		add("%s.", o.Disk)
	}
	for _, d := range o.Destinations {
		switch {
		case d.InTrouble() && d.Configured:
			all = append(all, alert{d.String() + ".", &Action{TryNow, d.Name}, "try all now"})
		case d.Failed > 0 && d.Configured:
			add("%s for %s: given up. Studies lists which (deliveries: failed); each says why, and sends it again.",
				status.Plural(d.Failed, "object"), d.Name)
		}
	}
	for _, w := range o.Webhooks {
		if w.Failed > 0 && w.Configured {
			all = append(all, alert{fmt.Sprintf("%s for %s: given up.", status.Plural(w.Failed, "notification"), w.Name),
				&Action{TestWebhook, w.Name}, "test"})
		}
	}
	if o.Running.ConfigStale {
		add("%s was changed since the start: restart the node, or the change has no effect.", o.Running.Config)
	}
	if o.Counts.Missing > 0 {
		add("Files of %s are missing, and the node had not removed them.", status.Plural(o.Counts.Missing, "study"))
	}
	return all
}

func (s *Server) overviewPage(ctx context.Context) (overviewPage, error) {
	o, err := s.Views.Overview(ctx)
	if err != nil {
		return overviewPage{}, err
	}
	list, err := s.Views.Studies(ctx, ledger.Filter{Limit: newest, Identifiers: s.Identify != nil})
	if err != nil {
		return overviewPage{}, err
	}
	weights := o.Weights
	if o.Running.Weights != "" {
		weights = o.Running.Weights
	}
	device, _, _ := strings.Cut(o.Running.Device, " (") // the rest is why
	return overviewPage{o, alerts(o), rows(list), weights == "trained", device}, nil
}

func (s *Server) overview(w http.ResponseWriter, r *http.Request, user access.User) error {
	page, err := s.overviewPage(r.Context())
	if err != nil {
		return err
	}
	f := s.frame("Overview", "overview", user)
	f.Live = true
	s.render(w, http.StatusOK, "overview", f, page)
	return nil
}

// glance is the overview as somebody sees it who may only look: when it changes, those who watch are told.
func (s *Server) glance(ctx context.Context) ([]byte, error) {
	page, err := s.overviewPage(ctx)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	err = pages["overview"].ExecuteTemplate(&text, "main", frame{Main: page})
	return text.Bytes(), err
}
