package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"jcsnode/findings"

	"github.com/spf13/cobra"

	"jcsnode/config"
	"jcsnode/ledger"
	"jcsnode/models"
	"jcsnode/node"
	"jcsnode/results"
	"jcsnode/scp"
	"jcsnode/store/disk"
)

func statusCommand() *cobra.Command {
	var asJSON bool
	var limit int
	c := &cobra.Command{
		Use:   "status [STUDY_UID]",
		Short: "what the node knows: all studies, or everything about one",
		Args:  cobra.MaximumNArgs(1),
	}
	path := configFlag(c)
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	c.Flags().IntVar(&limit, "limit", 50, "list at most so many studies, the newest first")
	c.RunE = func(c *cobra.Command, args []string) error {
		cfg, err := config.Read(*path)
		if err != nil {
			return err
		}
		l, err := readLedger(c.Context(), cfg)
		if err != nil {
			return err
		}
		defer l.Close()
		if len(args) == 0 {
			return nodeStatus(c.Context(), c.OutOrStdout(), cfg, l, limit, asJSON)
		}
		return studyStatus(c.Context(), c.OutOrStdout(), l, args[0], asJSON)
	}
	return c
}

// readLedger opens the ledger of a node, which may be running, to look into it.
func readLedger(ctx context.Context, c config.Config) (*ledger.Ledger, error) {
	l, err := ledger.Open(ctx, node.LedgerPath(c), ledger.Options{ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("%w (node.data_dir of %s)", err, c.Path)
	}
	return l, nil
}

// historyOf is the history of a study that an operator named.
func historyOf(ctx context.Context, l *ledger.Ledger, uid string) (*ledger.History, error) {
	h, err := l.History(ctx, uid)
	if errors.Is(err, ledger.ErrNotFound) {
		refused, err := l.RefusalsOf(ctx, uid)
		if err != nil {
			return nil, err
		}
		if len(refused) > 0 {
			return nil, fmt.Errorf("nothing of study %s is stored here:\n  %s", uid, strings.Join(refusalSentences(refused), "\n  "))
		}
		return nil, fmt.Errorf("study %s is not known here; `jcsnode status` lists the studies", uid)
	}
	return h, err
}

// nodeView is `jcsnode status --json`.
type nodeView struct {
	Version string                    `json:"version"`
	AETitle string                    `json:"ae_title"`
	Weights string                    `json:"weights"`
	Models  []findings.Model          `json:"models"`
	Counts  ledger.Counts             `json:"counts"`
	Disk    *scp.Disk                 `json:"disk,omitempty"` // of data_dir, where it can be seen
	Studies []studyRow                `json:"studies"`
	Refused []ledger.RefusedInstances `json:"refused"` // instances that were not stored, the newest first
	Notice  string                    `json:"notice"`
}

type studyRow struct {
	ledger.Summary
	Decision *findings.Decision `json:"decision,omitempty"`
	Cautions []string           `json:"cautions"` // about the decision: how easily it could be the other one
	Limits   []string           `json:"limits"`   // of the decision: what of the chest it says nothing about
}

func nodeStatus(ctx context.Context, w io.Writer, cfg config.Config, l *ledger.Ledger, limit int, asJSON bool) error {
	view := nodeView{Version: version, AETitle: cfg.Node.AETitle, Notice: findings.Notice, Models: []findings.Model{}, Studies: []studyRow{}}
	view.Weights = "unknown"
	manifest, err := models.ReadManifest(cfg.Models.Dir)
	if err == nil {
		view.Models = results.Models(manifest, "") // what calculates, each study's findings say
		view.Weights = findings.Weights(view.Models)
	}
	if view.Counts, err = l.Counts(ctx); err != nil {
		return err
	}
	if room, err := disk.RoomIn(cfg.Node.DataDir, int64(cfg.Node.Reserve)); err == nil {
		d := scp.DiskOf(room)
		view.Disk = &d
	}
	studies, err := l.Studies(ctx, ledger.Filter{Limit: limit})
	if err != nil {
		return err
	}
	for _, s := range studies {
		found := reportOf(s.Findings)
		view.Studies = append(view.Studies, studyRow{s, found.Decision, listed(found.Cautions), listed(found.Limits)})
	}
	if view.Refused, err = l.Refusals(ctx, limit); err != nil {
		return err
	}
	if asJSON {
		return writeJSON(w, view)
	}
	fmt.Fprintf(w, "%s, jcsnode %s, weights %s. %s\n", view.AETitle, view.Version, view.Weights, view.Notice)
	fmt.Fprintf(w, "%s (%d flagged, %d refused), %s; deliveries: %s", plural(view.Counts.Instances, "instance"), view.Counts.Flagged, view.Counts.Refused, scp.Bytes(view.Counts.Bytes), counted(view.Counts.Deliveries))
	if len(view.Counts.Commitments) > 0 {
		fmt.Fprintf(w, "; storage commitment: %s", counted(view.Counts.Commitments))
	}
	if len(view.Counts.Notifications) > 0 {
		fmt.Fprintf(w, "; notifications: %s", counted(view.Counts.Notifications))
	}
	fmt.Fprintln(w)
	if view.Disk != nil {
		fmt.Fprintln(w, *view.Disk)
	}
	if n := view.Counts.Missing; n > 0 {
		fmt.Fprintf(w, "files of %s are missing in data_dir; `jcsnode explain` of the study says what to do\n", plural(n, "study"))
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	fmt.Fprintln(t, "STUDY\tSTATE\tREVISION\tINSTANCES\tLAST\tRESULT\tDELIVERIES")
	for _, s := range view.Studies {
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%s\t%s\t%s\n", s.StudyUID, s.State, s.Revision, s.Instances, clock(s.LastAt), resultText(s), counted(s.Deliveries))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, s := range view.Studies {
		for _, caution := range s.Cautions {
			fmt.Fprintf(w, "caution about %s: %s\n", s.StudyUID, caution)
		}
		for _, limit := range s.Limits {
			fmt.Fprintf(w, "limit of %s: %s\n", s.StudyUID, limit)
		}
	}
	if len(view.Refused) > 0 {
		fmt.Fprintln(w, "\nrefused")
	}
	for _, r := range view.Refused {
		of := "of no known study"
		if r.StudyUID != "" {
			of = "of study " + r.StudyUID
		}
		fmt.Fprintf(w, "  %s  %s %s\n", clock(r.LastAt), of, refusalSentence(r))
	}
	return nil
}

// reportOf is what was found of a revision, as far as there is anything.
func reportOf(text []byte) (r findings.Findings) {
	if len(text) == 0 || json.Unmarshal(text, &r) != nil {
		return findings.Findings{}
	}
	return r
}

// refusalSentences say who was refused what, and why.
func refusalSentences(all []ledger.RefusedInstances) []string {
	var sentences []string
	for _, r := range all {
		s := fmt.Sprintf("Refused %s", refusalSentence(r))
		if r.Remedy != "" {
			s += " What to do: " + stop(r.Remedy)
		}
		sentences = append(sentences, s)
	}
	return sentences
}

func refusalSentence(r ledger.RefusedInstances) string {
	when := "at " + clock(r.LastAt)
	if r.Count > 1 {
		when = fmt.Sprintf("between %s and %s", clock(r.FirstAt), clock(r.LastAt))
	}
	return fmt.Sprintf("%s from %s %s with %s: %s", plural(r.Count, "instance"), strings.TrimSpace(r.CallingAE+" at "+r.Address), when, r.Status, stop(r.Text))
}

// listed are the sentences, never nil.
func listed(sentences []string) []string { return append([]string{}, sentences...) }

func resultText(s studyRow) string {
	switch {
	case s.State != ledger.StateReported && s.State != ledger.StateNotProcessed:
		return "-"
	case s.State == ledger.StateNotProcessed:
		return s.Reason.Code
	case s.Decision == nil:
		return "-"
	}
	text := "negative"
	if s.Decision.Positive {
		text = "positive"
	}
	if len(s.Cautions) > 0 {
		text += ", with caution"
	}
	if len(s.Limits) > 0 {
		text += ", limited"
	}
	return text
}

// studyView is `jcsnode status --json STUDY_UID`: the history, and what holds now.
type studyView struct {
	*ledger.History
	Decision *findings.Decision `json:"decision"`
	Cautions []string           `json:"cautions"` // about the decision
	Limits   []string           `json:"limits"`   // of the decision
	Reason   *ledger.Reason     `json:"reason"`
	Notice   string             `json:"notice"`
}

func studyStatus(ctx context.Context, w io.Writer, l *ledger.Ledger, uid string, asJSON bool) error {
	h, err := historyOf(ctx, l, uid)
	if err != nil {
		return err
	}
	view := studyView{History: h, Cautions: []string{}, Limits: []string{}, Notice: findings.Notice}
	if n := len(h.Revisions); n > 0 {
		last := h.Revisions[n-1]
		found := reportOf(last.Findings)
		view.Decision, view.Cautions, view.Limits = found.Decision, listed(found.Cautions), listed(found.Limits)
		view.Reason = &last.Reason
	}
	if asJSON {
		return writeJSON(w, view)
	}
	fmt.Fprintf(w, "study %s: %s, %d instances from %s to %s\n", h.StudyUID, h.State, len(h.Instances), clock(h.FirstAt), clock(h.LastAt))
	for _, r := range h.Revisions {
		printRevision(w, r)
	}
	for _, s := range refusalSentences(h.Refusals) {
		fmt.Fprintf(w, "  %s\n", s)
	}
	for _, i := range h.Instances {
		for _, why := range i.Reasons {
			fmt.Fprintf(w, "  instance %s not used: %s\n", i.SOPInstanceUID, why.Text)
		}
		if i.Flag != "" {
			fmt.Fprintf(w, "  instance %s flagged: %s\n", i.SOPInstanceUID, i.Flag)
		}
	}
	for _, n := range h.Notifications {
		fmt.Fprintf(w, "  webhook %s, %s: %s", n.Receiver, n.Notice.Subject(), standing(n.State, n.Attempts, n.Detail))
		if n.State == ledger.NotificationWaiting && !n.NextAt.IsZero() {
			fmt.Fprintf(w, "; next attempt %s", clock(n.NextAt))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w, "history")
	for _, e := range h.Events {
		fmt.Fprintf(w, "  %s  %-18s %s\n", clock(e.At), e.Kind, e.Text)
	}
	return nil
}

func printRevision(w io.Writer, r ledger.RevisionHistory) {
	fmt.Fprintf(w, "revision %d: %s, settled %s (%s)\n", r.Number, r.State, clock(r.SettledAt), r.SettledWhy)
	if r.Reason.Text != "" {
		fmt.Fprintf(w, "  %s\n", r.Reason.Text)
	}
	if r.Reason.Remedy != "" {
		fmt.Fprintf(w, "  what to do: %s\n", r.Reason.Remedy)
	}
	for _, caution := range reportOf(r.Findings).Cautions {
		fmt.Fprintf(w, "  caution: %s\n", caution)
	}
	for _, limit := range reportOf(r.Findings).Limits {
		fmt.Fprintf(w, "  limit: %s\n", limit)
	}
	for _, s := range r.Series {
		verb := "not read"
		if s.Chosen {
			verb = "read"
		}
		fmt.Fprintf(w, "  series %s %s: %s\n", s.SeriesUID, verb, s.Text)
	}
	for _, omitted := range reportOf(r.Findings).Omitted {
		fmt.Fprintf(w, "  in its objects %s\n", omitted)
	}
	type key struct{ destination, state string }
	counts := map[key]int{}
	var order []key
	for _, d := range r.Deliveries {
		k := key{d.Destination, d.State}
		if counts[k] == 0 {
			order = append(order, k)
		}
		counts[k]++
	}
	for _, k := range order {
		fmt.Fprintf(w, "  %s: %d objects %s\n", k.destination, counts[k], k.state)
	}
	for _, c := range r.Confirmations {
		fmt.Fprintf(w, "  %s, storage commitment: %s, ", c.Destination, c.State)
		if c.Asked > 0 {
			fmt.Fprintf(w, "asked %s", plural(c.Asked, "time"))
		} else {
			fmt.Fprint(w, "not asked yet")
		}
		if c.Detail != "" {
			fmt.Fprintf(w, ", %s", c.Detail)
		}
		if c.State == ledger.SCUWaiting && !c.NextAt.IsZero() {
			fmt.Fprintf(w, "; asked again %s", clock(c.NextAt))
		}
		fmt.Fprintln(w)
	}
	for _, d := range r.Deliveries {
		if d.Commitment == ledger.ObjectNotCommitted {
			fmt.Fprintf(w, "    %s is not confirmed by %s: %s\n", d.Object.Title, d.Destination, d.CommitmentDetail)
		}
		if d.State == ledger.DeliverySent || d.State == ledger.DeliveryWithdrawn {
			continue
		}
		fmt.Fprintf(w, "    %s to %s: %s", d.Object.Title, d.Destination, standing(d.State, d.Attempts, strings.TrimSpace(d.Status+" "+d.Detail)))
		if d.State == ledger.DeliveryWaiting && !d.NextAt.IsZero() {
			fmt.Fprintf(w, "; next attempt %s", clock(d.NextAt))
		}
		fmt.Fprintln(w)
	}
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05 -07:00")
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
