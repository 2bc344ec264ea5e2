package dicomout

import (
	"context"
	"errors"

	"jcsnode/guard"
	"jcsnode/ledger"
)

// Outcomes takes what became of deliveries: each with an event of its own, or those that ended alike with one.
type Outcomes interface {
	RecordOutcomes(ctx context.Context, results []ledger.DeliveryResult) error
	RecordDeliveries(ctx context.Context, results []ledger.DeliveryResult) error
}

// recorder keeps outcomes in the ledger while further objects are on their way: what has come meanwhile goes into one transaction.
type recorder struct {
	ledger   Outcomes
	waiting  chan ledger.DeliveryResult
	ended    chan struct{}
	failures []error
}

// mostUnrecorded bounds the outcomes that wait for the ledger: so many objects at most go again if the node is killed just then.
const mostUnrecorded = 32

// newRecorder records until it is closed, whatever becomes of ctx: an answer must not be lost because the node stops just now.
func newRecorder(ctx context.Context, l Outcomes) *recorder {
	r := &recorder{ledger: l, waiting: make(chan ledger.DeliveryResult, mostUnrecorded), ended: make(chan struct{})}
	ctx = context.WithoutCancel(ctx)
	go func() {
		defer close(r.ended)
		for first := range r.waiting {
			batch := []ledger.DeliveryResult{first}
			for range len(r.waiting) { // what is there now
				batch = append(batch, <-r.waiting)
			}
			r.failures = append(r.failures, guard.Call(func() error { return r.ledger.RecordOutcomes(ctx, batch) }))
		}
	}()
	return r
}

// record keeps an outcome, and waits while too many wait already.
func (r *recorder) record(id int64, o ledger.DeliveryOutcome) {
	r.waiting <- ledger.DeliveryResult{ID: id, Outcome: o}
}

// close returns when everything is recorded.
func (r *recorder) close() error {
	close(r.waiting)
	<-r.ended
	return errors.Join(r.failures...)
}
