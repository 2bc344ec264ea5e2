package status

import (
	"fmt"
	"strings"
	"time"

	"jcsnode/store"
)

// Sentences say in a few lines how the node is, the process first.
func (o Overview) Sentences() []string {
	all := []string{
		fmt.Sprintf("%s is %s", o.AETitle, o.Running),
		fmt.Sprintf("jcsnode %s, weights %s. %s", o.Version, o.Weights, o.Notice),
		o.Queue.String() + "; " + o.Today.String(),
	}
	for _, l := range o.Lacks {
		all = append(all, "NOBODY: "+l.String()+". What to do: "+l.Remedy())
	}
	c := o.Counts
	counts := fmt.Sprintf("%s (%d flagged, %d refused), %s; deliveries: %s",
		Plural(c.Instances, "instance"), c.Flagged, c.Refused, store.Bytes(c.Bytes), Counted(c.Deliveries))
	if len(c.Commitments) > 0 {
		counts += "; storage commitment: " + Counted(c.Commitments)
	}
	if len(c.Notifications) > 0 {
		counts += "; notifications: " + Counted(c.Notifications)
	}
	all = append(all, counts)
	if o.Disk != nil {
		all = append(all, o.Disk.String())
	}
	if o.Running.ConfigStale {
		all = append(all, o.Running.Config+" was changed since it was read: reload the node (SIGHUP), "+
			"and restart it if its log names settings")
	}
	if c.Missing > 0 {
		all = append(all, fmt.Sprintf("files of %s are missing; `jcsnode explain` of %s says what to do",
			Plural(c.Missing, "study"), number(c.Missing, "it", "each")))
	}
	return all
}

// Parts are those with whom the node speaks.
func (o Overview) Parts() []Part {
	var nodes, scanners, destinations, webhooks []Sentence
	for _, m := range o.Nodes {
		nodes = append(nodes, Sentence{Text: m.String()})
	}
	for _, p := range o.Peers {
		scanners = append(scanners, Sentence{Text: p.String()})
	}
	for _, d := range o.Destinations {
		destinations = append(destinations, Sentence{Text: d.String()})
	}
	for _, w := range o.Webhooks {
		webhooks = append(webhooks, Sentence{Text: w.String()})
	}
	var parts []Part
	for _, p := range []Part{{"nodes", nodes}, {"scanners", scanners}, {"destinations", destinations}, {"webhooks", webhooks}} {
		if len(p.Sentences) > 0 {
			parts = append(parts, p)
		}
	}
	return parts
}

// String says how the process is: "running since TIME on cpu, process 12".
func (r Running) String() string {
	switch r.State {
	case Runs:
		if r.Device == "" { // said when the networks are loaded and the inbox is looked through
			return fmt.Sprintf("starting since %s, process %d, version %s", Clock(r.Since), r.PID, r.Version)
		}
		text := fmt.Sprintf("running since %s, process %d, version %s on %s, weights %s",
			Clock(r.Since), r.PID, r.Version, r.Device, r.Weights)
		if r.Device == NoDevice {
			text = fmt.Sprintf("running since %s, process %d, version %s, reads no studies", Clock(r.Since), r.PID, r.Version)
		}
		if r.Uploads > 0 {
			text += fmt.Sprintf("; %s to go up to the object store", waits(r.Uploads, "file"))
		}
		if r.StoreAway != "" {
			text += fmt.Sprintf("; the object store TAKES NO FILES since %s: %s", Clock(r.AwaySince), r.StoreAway)
		}
		return text + r.reading("; reads ") + r.sending()
	case Hangs:
		if r.Since.IsZero() {
			return "not responding: a process has the ledger, and never gave a sign of life; it may be starting, or be of an older version"
		}
		return fmt.Sprintf("not responding: it runs, and its last sign of life was at %s; "+
			"it may be starting, stopping, or waiting for its disk%s", Clock(r.Since), r.reading("; it was reading "))
	case Stopped:
		return "stopped since " + Clock(r.Since)
	case Dead:
		return fmt.Sprintf("DEAD since about %s: it ended without stopping%s. What is unfinished goes on at the next start; "+
			"the log of the node or of the system says why it ended", Clock(r.Since), r.reading(", while reading "))
	}
	return "not running; no node has started on this data_dir"
}

// reading says which studies are read, after some words.
func (r Running) reading(words string) string {
	var all []string
	for _, w := range r.Work {
		text := "study " + w.StudyUID
		if w.Step != "" {
			text += " (" + w.Step
			if w.Total > 0 {
				text += fmt.Sprintf(", %d of %d", w.Done, w.Total)
			}
			text += ")"
		}
		all = append(all, text)
	}
	if len(all) == 0 {
		return ""
	}
	return words + strings.Join(all, ", ")
}

// sending says which studies are delivered, as more of a sentence.
func (r Running) sending() string {
	var all []string
	for _, s := range r.Sends {
		all = append(all, "study "+s.StudyUID+" to "+s.Destination)
	}
	if len(all) == 0 {
		return ""
	}
	return "; sends " + strings.Join(all, ", ")
}

// String is "1 study is being received, 2 wait, 1 is being read".
func (q Queue) String() string {
	return fmt.Sprintf("%s being received, %d %s to be read, %d being read",
		Plural(q.Receiving, "study"), q.Waiting, number(q.Waiting, "waits", "wait"), q.Processing)
}

// String is "today 12 finished (3 positive, 8 negative, 1 not processed), half of them within 42 s".
func (t Today) String() string {
	text := fmt.Sprintf("today %d finished", t.Finished)
	if t.Finished > 0 {
		text += fmt.Sprintf(" (%d positive, %d negative, %d not processed)", t.Positive, t.Negative, t.NotProcessed)
	}
	if t.MedianSeconds > 0 {
		text += ", half of them within " + span(time.Duration(t.MedianSeconds*float64(time.Second)))
	}
	return text
}

// String says when a peer was here: "CT_A sent last 26 h ago".
func (p Peer) String() string {
	text := p.AETitle
	switch {
	case !p.LastInstance.IsZero():
		text += fmt.Sprintf(": last instance %s ago, at %s", span(time.Duration(p.SilentSeconds)*time.Second), Clock(p.LastInstance))
		if p.UsualSeconds > 0 && p.SilentSeconds > p.UsualSeconds {
			text += fmt.Sprintf(" (usually every %s)", span(time.Duration(p.UsualSeconds)*time.Second))
		}
	case !p.LastAssociation.IsZero():
		text += ": sent nothing so far; last association at " + Clock(p.LastAssociation)
	case p.LastRejection.IsZero():
		text += ": never called"
	default:
		text += ": sent nothing so far"
	}
	if p.LastRejection.After(p.LastInstance) {
		text += fmt.Sprintf("; rejected at %s: %s", Clock(p.LastRejection), p.RejectedBecause)
	}
	if !p.Configured {
		text += " (no [[peer]] of its own)"
	}
	return text
}

// InTrouble tells whether the destination did not take what it was sent last.
func (d Destination) InTrouble() bool { return !d.TroubleSince.IsZero() }

// String says how a destination is: "pacs: in trouble since TIME, 29 objects wait: connection refused".
func (d Destination) String() string {
	text := d.Name + ": "
	switch {
	case d.InTrouble():
		text += "IN TROUBLE since " + Clock(d.TroubleSince)
		if !d.LastSuccess.IsZero() {
			text += ", took the last object at " + Clock(d.LastSuccess)
		}
	case d.LastSuccess.IsZero():
		text += "was sent nothing so far"
	default:
		text += "took the last object at " + Clock(d.LastSuccess)
	}
	if d.Waiting > 0 {
		text += fmt.Sprintf("; %s, the oldest since %s", waits(d.Waiting, "object"), Clock(d.OldestWaiting))
	}
	if d.Failed > 0 {
		text += fmt.Sprintf("; %d given up", d.Failed)
	}
	if d.InTrouble() && d.Answer != "" {
		text += "; it says: " + d.Answer
	}
	if !d.Configured {
		text += " (not configured any more)"
	}
	return text
}

// String says what is on its way to a webhook.
func (w Webhook) String() string {
	text := fmt.Sprintf("%s: %d told", w.Name, w.Sent)
	if w.Waiting > 0 {
		text += ", " + waits(w.Waiting, "notification")
	}
	if w.Failed > 0 {
		text += fmt.Sprintf(", %d given up", w.Failed)
	}
	if !w.Configured {
		text += " (not configured any more)"
	}
	return text
}
