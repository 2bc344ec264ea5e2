package metrics

import (
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Meter counts what the running node does; how it stands is in the views. Its counts begin at 0 with every start, as Prometheus expects of
// counters. All methods may be called from any goroutine.
type Meter struct {
	now      func() time.Time
	stages   *prometheus.HistogramVec
	rejected *prometheus.CounterVec
	refused  *prometheus.CounterVec
	attempts *prometheus.CounterVec

	mu   sync.Mutex // guards what follows
	work map[string]*reading
}

// reading is a study that is being read.
type reading struct {
	began  time.Time
	stages map[string]*stretch
}

// stretch is a stage of it, which may come to an end several times: its total grows.
type stretch struct{ began, ended time.Time }

// Stages of a study beside those that its reading has.
const (
	StageSettle  = "settle"  // from its first instance until it counts as complete
	StageWait    = "wait"    // from then until somebody begins to read it
	StageProcess = "process" // all of its reading; the stages of that overlap
	StageDeliver = "deliver" // from when a result is made until a destination has all of it
)

// stageBuckets are in seconds: a slice is classified in milliseconds, a study waits an hour for an archive.
var stageBuckets = []float64{0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600}

// Results of attempts to deliver beside those that an object may have.
const noAssociation = "no association"

// results are what may come of an attempt, as room dicomout has them.
var results = []string{"sent", "sent with warning", "temporary", "permanent", noAssociation}

// rejections are why associations are rejected (PS3.8 table 9-21), in the words of room dimse.
var rejections = []string{"no reason given", "application context not supported", "calling AE title not recognized",
	"called AE title not recognized", "protocol version not supported", "temporary congestion", "local limit exceeded"}

// NewMeter makes a meter. now is time.Now outside tests.
func NewMeter(now func() time.Time) *Meter {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "jcsnode_" + name, Help: help}, labels)
	}
	m := &Meter{
		now: now,
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "jcsnode_study_duration_seconds",
			Help: "What a stage of a study took, since the start of the node.", Buckets: stageBuckets}, []string{"stage"}),
		rejected: counter("associations_rejected_total", "Associations that were rejected, by reason of PS3.8.", "reason"),
		refused:  counter("instances_refused_total", "Instances that were refused, by reason.", "reason"),
		attempts: counter("delivery_attempts_total", "Attempts to deliver an object, or to reach a destination at all, by what came of it.",
			"destination", "result"),
		work: map[string]*reading{},
	}
	for _, stage := range []string{StageSettle, StageWait, StageProcess, StageDeliver} {
		m.stages.WithLabelValues(stage)
	}
	for _, reason := range rejections {
		m.rejected.WithLabelValues(word(reason))
	}
	return m
}

// Expect has the attempts at destinations begin at 0, so that the first one is a change.
func (m *Meter) Expect(destinations ...string) {
	for _, d := range destinations {
		for _, result := range results {
			m.attempts.WithLabelValues(d, word(result))
		}
	}
}

// Took notes that a stage of a study took so long.
func (m *Meter) Took(stage string, d time.Duration) {
	m.stages.WithLabelValues(stage).Observe(max(0, d.Seconds())) // clocks are set
}

// Works is pipeline.Processor.Works: it notes what each stage took that came to its end, once the work on the study ends.
func (m *Meter) Works(studyUID, stage string, done, total int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, r := m.now(), m.work[studyUID]
	if stage == "" {
		if r != nil {
			delete(m.work, studyUID)
			m.ended(r, now)
		}
		return
	}
	if r == nil {
		r = &reading{now, map[string]*stretch{}}
		m.work[studyUID] = r
	}
	s := r.stages[stage]
	if s == nil {
		s = &stretch{began: now}
		r.stages[stage] = s
	}
	if total > 0 && done >= total {
		s.ended = now
	}
}

func (m *Meter) ended(r *reading, now time.Time) {
	m.Took(StageProcess, now.Sub(r.began))
	for stage, s := range r.stages {
		if !s.ended.IsZero() {
			m.Took(stage, s.ended.Sub(s.began))
		}
	}
}

// Rejected notes a rejected association.
func (m *Meter) Rejected(reason string) { m.rejected.WithLabelValues(word(reason)).Inc() }

// Refused notes a refused instance.
func (m *Meter) Refused(code string) { m.refused.WithLabelValues(word(code)).Inc() }

// Attempted notes what came of an attempt to deliver an object; no result: no association could be made.
func (m *Meter) Attempted(destination, result string) {
	if result == "" {
		result = noAssociation
	}
	m.attempts.WithLabelValues(destination, word(result)).Inc()
}

func (m *Meter) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.stages, m.rejected, m.refused, m.attempts}
}

// word makes a value of a label of words.
func word(text string) string {
	return strings.ToLower(strings.NewReplacer(" ", "_", "-", "_").Replace(text))
}
