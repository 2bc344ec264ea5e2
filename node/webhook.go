package node

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"jcsnode/config"
	"jcsnode/dataset"
	"jcsnode/dimse/secure"
	"jcsnode/findings"
	"jcsnode/ledger"
	"jcsnode/notify"
	"jcsnode/store"
)

// subscriptions are the webhooks as the ledger knows them.
func subscriptions(webhooks []config.Webhook) []ledger.Subscription {
	var all []ledger.Subscription
	for _, w := range webhooks {
		all = append(all, ledger.Subscription{Name: w.Name, Kinds: w.On})
	}
	return all
}

// Subscriber says in notify's words where a webhook of the configuration is and what it is told. The identifiers that it asks for are read
// from files, those of the instances.
func Subscriber(w config.Webhook, files store.Reader, version string, log *slog.Logger) (notify.Subscriber, error) {
	identity, err := secure.Load(secure.Files{Authorities: w.CA}, log.With("for", "webhook "+w.Name), time.Now)
	if err != nil {
		return notify.Subscriber{}, err
	}
	s := notify.Subscriber{
		Webhook: notify.Webhook{
			Name:     w.Name,
			URL:      w.URL,
			Secret:   w.Secret,
			TLS:      identity.Client(w.TLSName),
			Insecure: w.Insecure,
			Timeout:  time.Duration(w.Timeout),
			Agent:    "jcsnode/" + version,
		},
		Kinds: w.On,
	}
	if w.Identifiers != config.IdentifiersUIDs {
		s.Identify = func(i ledger.Instance) (notify.Identifiers, error) {
			return identifiersIn(files, i.Path, w.Identifiers == config.IdentifiersPatient)
		}
	}
	return s, nil
}

// TestWebhook sends a webhook a test event, which names no study, and says what it answered.
func TestWebhook(ctx context.Context, c config.Node, w config.Webhook, version string) (answer string, err error) {
	to, err := Subscriber(w, nil, version, slog.New(slog.DiscardHandler))
	if err != nil {
		return "", err
	}
	id, code, err := to.Try(ctx, EventNode(c, version), findings.Notice, time.Now())
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("HTTP %d, event %s", code, id), nil
}

// identifiersIn reads the accession number of an instance, and the patient ID if it is wanted.
func identifiersIn(files store.Reader, name string, patient bool) (notify.Identifiers, error) {
	file, err := files.Open(context.Background(), name)
	if err != nil {
		return notify.Identifiers{}, err
	}
	f, err := dataset.OpenReader(file, file.Size(), dataset.Limits{})
	if err != nil {
		return notify.Identifiers{}, err
	}
	defer f.Close()
	set := f.Set()
	ids := notify.Identifiers{AccessionNumber: set.Text(dataset.AccessionNumber)}
	if patient {
		ids.PatientID, ids.IssuerOfPatientID = set.Text(dataset.PatientID), set.Text(dataset.IssuerOfPatientID)
	}
	return ids, nil
}

// silentAfter says of the peers that are watched, by calling AE title, how long they may be silent. Of several with one title the longest
// counts: by the title they are one.
func silentAfter(peers []config.Peer) map[string]time.Duration {
	after := map[string]time.Duration{}
	for _, p := range peers {
		if p.SilentAfter > 0 {
			after[p.AETitle] = max(after[p.AETitle], time.Duration(p.SilentAfter))
		}
	}
	return after
}

// EventNode is the node as its events name it.
func EventNode(c config.Node, version string) notify.Node {
	return notify.Node{AETitle: c.AETitle, ID: c.ID, Version: version}
}

// resultOf converts findings of a revision.
func resultOf(text json.RawMessage) (*notify.Result, error) {
	var f findings.Findings
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, err
	}
	result := &notify.Result{
		SeriesInstanceUID: f.SeriesInstanceUID,
		Cautions:          f.Cautions,
		Limits:            append([]string{}, f.Limits...),
		Weights:           findings.Weights(f.Models),
		Models:            []notify.Model{},
	}
	for _, m := range f.Models {
		result.Models = append(result.Models, notify.Model{
			Role:    m.Role,
			Name:    m.Name,
			Version: m.Version,
			SHA256:  m.SHA256,
			Status:  m.Status,
		})
	}
	if d := f.Decision; d != nil {
		result.Decision = "negative"
		if d.Positive {
			result.Decision = "positive"
		}
		result.Text, result.Rule = d.Text, d.Rule
		result.PositiveSlices, result.PositiveMM, result.Slices, result.LengthMM = d.PositiveSlices, d.PositiveMM, d.Slices, d.LengthMM
		result.Threshold, result.ThresholdMM = d.Threshold, d.ThresholdMM
	}
	if l := f.Lesions; l != nil {
		result.Lesions = &notify.Lesions{Count: l.Count, VolumeML: l.VolumeML}
		if f.Lungs != nil {
			result.Lesions.Share = f.Lungs.LesionShare
		}
	}
	return result, nil
}

// wireNotify makes the parts that tell others.
func (n *Node) wireNotify() {
	c := n.config
	n.notifier = &notify.Notifier{
		Ledger:      n.ledger,
		Subscribers: func() []notify.Subscriber { return n.site.Load().subscribers },
		Node:        EventNode(c.Node, n.version),
		Notice:      findings.Notice,
		Result:      resultOf,
		Now:         n.now,
		Logger:      n.log,
		Ends:        func(name string) error { return n.mayEnd(receiverLane(name)) },
	}
	study := time.Duration(c.Stuck.Study)
	n.stuck = &notify.Watch{
		Ledger: n.ledger,
		Logger: n.log,
		StuckAfter: ledger.StuckAfter{
			Receiving: time.Duration(c.Settle.Limit) + study,
			Study:     study,
			Delivery:  time.Duration(c.Stuck.Delivery),
		},
		SilentAfter: func() map[string]time.Duration { return n.site.Load().silentAfter },
		Room: func(ctx context.Context) (notify.Room, error) {
			r, err := n.store.Room(ctx)
			return notify.Room(r), err
		},
		Started: n.now(),
		Now:     n.now,
	}
}
