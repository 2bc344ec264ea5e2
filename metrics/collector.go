package metrics

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"jcsnode/ledger"
	"jcsnode/status"
)

// Views is what metrics ask of the node; a status.Reader answers.
type Views interface {
	Overview(ctx context.Context) (status.Overview, error)
}

// scrapeTime bounds one look at the views: Prometheus itself waits for 10 s.
const scrapeTime = 8 * time.Second

// other stands for whoever is in no configuration.
const other = "other"

// collector makes metrics of the views, anew for each scrape.
type collector struct {
	views       Views
	ledgerBytes func() int64
	farStore    func() (waiting int, takes bool)
	log         *slog.Logger
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("jcsnode_"+name, help, labels, nil)
}

var (
	buildInfo  = desc("build_info", "The running node: 1.", "version", "device", "weights")
	nodeUp     = desc("node_up", "1 for a node on this ledger that lives, 0 for one that is dead; nothing for one that stopped.", "node")
	leads      = desc("node_leads", "1 for the node that settles studies and tidies up for all, 0 for each other one.", "node")
	roleNodes  = desc("role_nodes", "Nodes on this ledger that live and have a role; nothing where one node has it for itself.", "role")
	clockAhead = desc("node_clock_ahead_seconds", "How far the clock of a node's machine is ahead of the database's.", "node")
	owner      = desc("destination_owner", "1 for the node that delivers to a destination now.", "destination", "node")
	scrapeGood = desc("views_up", "1 if the views of the node could be read for this scrape.")
	studies    = desc("studies", "Studies by state.", "state")
	finished   = desc("studies_finished_total", "Readings of studies that ended, by outcome.", "outcome")
	instances  = desc("instances_received_total", "Instances that were stored, by peer.", "peer")
	received   = desc("receive_bytes_total", "Bytes of instances that were stored, by peer.", "peer")
	lastSeen   = desc("peer_last_instance_timestamp_seconds", "When a peer stored its last instance.", "peer")
	deliveries = desc("deliveries", "Objects on their way, by destination and state.", "destination", "state")
	up         = desc("destination_up", "0 while a destination does not take what it is sent; nothing before it was sent anything.",
		"destination")
	oldest = desc("oldest_waiting_delivery_timestamp_seconds", "When the oldest object was made that waits for a destination.",
		"destination")
	notifications = desc("notifications", "Notifications by webhook and state.", "webhook", "state")
	diskFree      = desc("disk_free_bytes", "Free bytes on the disk of data_dir.")
	diskReserve   = desc("disk_reserve_bytes", "Free bytes below which instances are refused.")
	altered       = desc("models_altered", "Networks whose files are not those of the manifest.")
	stale         = desc("config_stale", "1 if the configuration file was changed since the node started.")
	ledgerBytes   = desc("ledger_bytes", "Bytes of the ledger.")
	storeUp       = desc("store_up", "0 while the object store does not take files; nothing without one.")
	storeWaiting  = desc("store_waiting_files", "Files on this machine that have still to go to the object store.")
	fault         = desc("ledger_fault", "1 while the ledger cannot be written.")
)

// Describe lists all metrics; the node need not run for it.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{buildInfo, nodeUp, leads, roleNodes, clockAhead, owner, scrapeGood, studies, finished, instances,
		received, lastSeen, deliveries, up,
		oldest, notifications, diskFree, diskReserve, altered, stale, storeUp, storeWaiting, ledgerBytes, fault} {
		to <- d
	}
}

// Collect makes the metrics of one scrape.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v int64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	o, err := c.views.Overview(ctx)
	if err != nil {
		c.log.Warn("metrics without the views of the node", "error", err)
		gauge(scrapeGood, 0)
		return
	}
	gauge(scrapeGood, 1)
	gauge(buildInfo, 1, o.Version, device(o.Running.Device), weights(o))
	for _, m := range o.Nodes {
		if m.State != status.Stopped {
			gauge(nodeUp, truth(m.Lives()), m.Name)
			gauge(leads, truth(m.Leads), m.Name)
		}
		if m.Lives() {
			gauge(clockAhead, m.ClockAhead, m.Name)
		}
		for _, d := range m.Deliver {
			gauge(owner, 1, d, m.Name)
		}
	}
	for role, count := range o.RoleNodes() {
		gauge(roleNodes, float64(count), role)
	}
	for _, state := range []string{ledger.StateReceiving, ledger.StateSettled, ledger.StateProcessing, ledger.StateReported,
		ledger.StateNotProcessed} {
		gauge(studies, float64(o.Counts.Studies[state]), word(state))
	}
	for _, outcome := range []string{"positive", "negative", ledger.StateNotProcessed} {
		counter(finished, int64(o.Counts.Finished[outcome]), word(outcome))
	}
	for name, p := range peers(o.Peers) {
		counter(instances, p.instances, name)
		counter(received, p.bytes, name)
		if !p.last.IsZero() {
			gauge(lastSeen, seconds(p.last), name)
		}
	}
	for _, d := range o.Destinations {
		if !d.Configured {
			continue
		}
		for state, n := range map[string]int{ledger.DeliveryWaiting: d.Waiting, ledger.DeliverySent: d.Sent,
			ledger.DeliveryFailed: d.Failed, ledger.DeliveryWithdrawn: d.Withdrawn} {
			gauge(deliveries, float64(n), d.Name, state)
		}
		if d.InTrouble() || !d.LastSuccess.IsZero() {
			gauge(up, truth(!d.InTrouble()), d.Name)
		}
		if !d.OldestWaiting.IsZero() {
			gauge(oldest, seconds(d.OldestWaiting), d.Name)
		}
	}
	for _, w := range o.Webhooks {
		if w.Configured {
			gauge(notifications, float64(w.Waiting), w.Name, ledger.NotificationWaiting)
			gauge(notifications, float64(w.Sent), w.Name, ledger.NotificationSent)
			gauge(notifications, float64(w.Failed), w.Name, ledger.NotificationFailed)
		}
	}
	if o.Disk != nil {
		gauge(diskFree, float64(o.Disk.Free))
		gauge(diskReserve, float64(o.Disk.Reserve))
	}
	n := 0
	for _, m := range o.Models {
		n += int(truth(m.Status == "altered"))
	}
	gauge(altered, float64(n))
	gauge(stale, truth(o.Running.ConfigStale))
	if c.farStore != nil {
		waiting, takes := c.farStore()
		gauge(storeUp, truth(takes))
		gauge(storeWaiting, float64(waiting))
	}
	gauge(ledgerBytes, float64(c.ledgerBytes()))
	gauge(fault, truth(o.Counts.Fault != ""))
}

// traffic is what came from a peer.
type traffic struct {
	instances, bytes int64
	last             time.Time
}

// peers are those of the configuration, and all others as one.
func peers(all []status.Peer) map[string]traffic {
	sums := map[string]traffic{other: {}}
	for _, p := range all {
		name := other
		if p.Configured {
			name = p.AETitle
		}
		s := sums[name]
		s.instances += int64(p.Instances)
		s.bytes += p.Bytes
		if p.LastInstance.After(s.last) {
			s.last = p.LastInstance
		}
		sums[name] = s
	}
	return sums
}

// device is the first word of what networks run on; the rest is why, and changes with every measurement.
func device(text string) string {
	text, _, _ = strings.Cut(text, " ")
	return strings.TrimSuffix(text, ",")
}

func weights(o status.Overview) string {
	if o.Running.Weights != "" {
		return o.Running.Weights
	}
	return o.Weights
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
