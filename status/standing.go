package status

import (
	"cmp"
	"slices"
	"time"

	"jcsnode/findings"
	"jcsnode/ledger"
)

// lifeSign is how long a node that runs may give no sign of life. It writes one every few seconds, and may wait for a slow disk.
const lifeSign = 30 * time.Second

// NewOverview makes the view of what the ledger answered, what the configuration says and what can be seen beside both.
func NewOverview(self Self, site Site, s ledger.Standing, now time.Time) Overview {
	o := Overview{
		Version: self.Version,
		AETitle: self.AETitle,
		Weights: "unknown",
		Models:  []findings.Model{},
		Running: running(own(s, self.Name), self, now),
		Nodes:   members(s.Nodes, self, now),
		Counts:  s.Counts,
		Queue: Queue{
			Receiving:  s.Counts.Studies[ledger.StateReceiving],
			Waiting:    s.Counts.Studies[ledger.StateSettled],
			Processing: s.Counts.Studies[ledger.StateProcessing],
		},
		Today: Today{
			Since:         s.Today.Since,
			Finished:      s.Today.Positive + s.Today.Negative + s.Today.NotProcessed,
			Positive:      s.Today.Positive,
			Negative:      s.Today.Negative,
			NotProcessed:  s.Today.NotProcessed,
			MedianSeconds: s.Today.Median.Seconds(),
		},
		Disk:         self.Disk,
		Peers:        peers(s.Peers, site.Peers, now),
		Destinations: destinations(s.Destinations, site.Destinations),
		Webhooks:     webhooks(s.Receivers, site.Webhooks),
		Notice:       findings.Notice,
	}
	o.Lacks = o.lacks()
	if self.Models != nil {
		o.Models, o.Weights = self.Models, findings.Weights(self.Models)
	}
	if o.Disk != nil && !site.FilesGo {
		o.Disk = o.Disk.lasting(s.BytesPerDay)
	}
	return o
}

// running tells how the process is that works on the ledger.
func running(a ledger.Alive, self Self, now time.Time) Running {
	r := Running{
		StartedAt: a.StartedAt,
		Version:   a.Version,
		PID:       a.PID,
		Device:    a.Device,
		Weights:   a.Weights,
		Config:    a.ConfigPath,
		Work:      append([]ledger.Work{}, a.Work...),
		Sends:     append([]ledger.Sending{}, a.Sends...),
		Uploads:   a.Waiting,
	}
	fresh := now.Sub(a.SeenAt) < lifeSign
	switch {
	case a.Held != nil && *a.Held && a.StoppedAt.IsZero() && !a.StartedAt.IsZero() && fresh:
		r.State, r.Since = Runs, a.StartedAt
	case a.Held != nil && *a.Held:
		r.State, r.Since = Hangs, a.SeenAt
	case a.StartedAt.IsZero():
		r.State = NeverStarted
	case !a.StoppedAt.IsZero():
		r.State, r.Since = Stopped, a.StoppedAt
	case a.Held == nil && fresh:
		r.State, r.Since = Runs, a.StartedAt
	default:
		r.State, r.Since = Dead, a.SeenAt
	}
	if r.State == Runs {
		r.StoreAway, r.AwaySince = a.StoreAway, a.AwaySince
	}
	if r.State == Runs && a.ConfigHash != "" {
		hash := self.ConfigHash(a.ConfigPath)
		r.ConfigStale = hash != "" && hash != a.ConfigHash
	}
	return r
}

// peers are those of the configuration in its order, then the others that called, the newest first.
func peers(seen []ledger.PeerSeen, configured []string, now time.Time) []Peer {
	all := []Peer{}
	for _, title := range configured {
		p := Peer{AETitle: title, Configured: true}
		if i := slices.IndexFunc(seen, func(s ledger.PeerSeen) bool { return s.CallingAE == title }); i >= 0 {
			p = peer(seen[i], now)
			p.Configured = true
		}
		all = append(all, p)
	}
	var others []Peer
	for _, s := range seen {
		if !slices.Contains(configured, s.CallingAE) {
			others = append(others, peer(s, now))
		}
	}
	slices.SortStableFunc(others, func(a, b Peer) int { return b.last().Compare(a.last()) })
	return append(all, others...)
}

func peer(s ledger.PeerSeen, now time.Time) Peer {
	p := Peer{
		AETitle:         s.CallingAE,
		Address:         s.Address,
		LastAssociation: s.AssociationAt,
		LastInstance:    s.InstanceAt,
		UsualSeconds:    int64(s.Usual.Seconds()),
		Instances:       s.Instances,
		Bytes:           s.Bytes,
		LastRejection:   s.RejectedAt,
		RejectedBecause: s.RejectedBecause,
	}
	if !s.InstanceAt.IsZero() {
		p.SilentSeconds = max(1, int64(now.Sub(s.InstanceAt).Seconds()))
	}
	return p
}

// last is when something of the peer was seen last.
func (p Peer) last() time.Time {
	return slices.MaxFunc([]time.Time{p.LastAssociation, p.LastInstance, p.LastRejection}, time.Time.Compare)
}

// destinations are those of the configuration in its order, then those that were configured once.
func destinations(seen []ledger.DestinationSeen, configured []string) []Destination {
	all := []Destination{}
	for _, s := range seen {
		all = append(all, Destination{
			Name:          s.Name,
			Waiting:       s.Deliveries[ledger.DeliveryWaiting],
			Sent:          s.Deliveries[ledger.DeliverySent],
			Failed:        s.Deliveries[ledger.DeliveryFailed],
			Withdrawn:     s.Deliveries[ledger.DeliveryWithdrawn],
			OldestWaiting: s.OldestAt,
			LastSuccess:   s.SentAt,
			LastFailure:   s.FailedAt,
			Answer:        s.Answer,
			TroubleSince:  s.TroubleSince,
		})
	}
	return arranged(all, configured, func(d *Destination) (*string, *bool) { return &d.Name, &d.Configured })
}

func webhooks(seen []ledger.ReceiverSeen, configured []string) []Webhook {
	all := []Webhook{}
	for _, s := range seen {
		all = append(all, Webhook{
			Name:    s.Name,
			Waiting: s.Notifications[ledger.NotificationWaiting],
			Sent:    s.Notifications[ledger.NotificationSent],
			Failed:  s.Notifications[ledger.NotificationFailed],
		})
	}
	return arranged(all, configured, func(w *Webhook) (*string, *bool) { return &w.Name, &w.Configured })
}

// arranged adds what is configured and was not seen, marks what is configured, and puts that first, in the order of the configuration.
func arranged[T any](all []T, configured []string, of func(*T) (name *string, configured *bool)) []T {
	rank := map[string]int{}
	for i, n := range configured {
		rank[n] = i - len(configured)
		if !slices.ContainsFunc(all, func(t T) bool { name, _ := of(&t); return *name == n }) {
			var fresh T
			name, _ := of(&fresh)
			*name = n
			all = append(all, fresh)
		}
	}
	for i := range all {
		name, is := of(&all[i])
		*is = rank[*name] < 0
	}
	slices.SortStableFunc(all, func(a, b T) int {
		first, _ := of(&a)
		second, _ := of(&b)
		return cmp.Compare(rank[*first], rank[*second])
	})
	return all
}
