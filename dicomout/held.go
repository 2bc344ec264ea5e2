package dicomout

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"jcsnode/dicomout/deliver"
	"jcsnode/ledger"
	"jcsnode/netfault"
)

// ofTheDestination are the kinds of trouble that are the destination's, not an object's, and never end by themselves: whatever is for it
// shares them.
var ofTheDestination = []deliver.Retry{deliver.RetrySoon, deliver.RetryProbe}

// askedFor says whether an operator asked for something of the visit: requeue leaves the last answer and takes the trouble away.
func (v *visit) askedFor() bool {
	for _, d := range v.byID {
		if d.Trouble == "" && d.Detail != "" {
			return true
		}
	}
	return false
}

// hold leaves deliveries waiting for a destination that is out, as if they had been tried with it: they have its answer, and its time.
func (c *DeliveryWorker) hold(ctx context.Context, v *visit, ids []int64, out outage) error {
	for _, id := range ids {
		d, outcome := v.outcome(c.Logger, deliver.Outcome{Item: deliver.Item{ID: id}, Verdict: out.verdict}, nil)
		outcome.Begun = true // who has begun is still the last who did
		v.left = append(v.left, ledger.DeliveryResult{ID: d.ID, Outcome: outcome})
	}
	v.until(out.next)
	return c.Ledger.RecordDeliveries(ctx, v.left)
}

// until has whatever waits after the visit wait until a time.
func (v *visit) until(next time.Time) {
	for i := range v.left {
		if o := &v.left[i].Outcome; o.State == ledger.DeliveryWaiting {
			o.NextAt = next
		}
	}
}

// fails notes that no association could be made, and tells so once. It says whether the destination is out.
func (c *DeliveryWorker) fails(v *visit, to Destination, err error, log *slog.Logger) bool {
	verdict := deliver.ClassifyError(err)
	log = log.With("error", netfault.Words(err), "remedy", verdict.Remedy)
	if !slices.Contains(ofTheDestination, verdict.Retry) {
		log.Warn("association with the destination failed")
		return false
	}
	out, news := c.outages.fails(to.Name, verdict, verdict.Retry.Policy(to.Passing), v.now, v.random)
	v.until(out.next)
	log = log.With("again_in", out.next.Sub(v.now))
	if news {
		log.Warn("destination cannot be reached: all that is for it waits, and goes when it is back")
	} else {
		log.Debug("destination cannot be reached still", "since", out.since)
	}
	return true
}

// answers notes that the destination takes associations. When it was out, all that waited for that goes now.
func (c *DeliveryWorker) answers(ctx context.Context, name string, now time.Time, log *slog.Logger) error {
	out, back, wake := c.outages.answers(name)
	if !wake {
		return nil
	}
	studies, err := c.wake(context.WithoutCancel(ctx), name)
	if back && err == nil {
		log.Info("destination is back: what waited for it goes now", "away", now.Sub(out.since), "studies", studies)
	}
	return err
}

// Out says whether a destination cannot be reached, and when it is tried next.
func (c *DeliveryWorker) Out(name string) (next time.Time, out bool) {
	to, known := find(c.Destinations(), name)
	if !known {
		return time.Time{}, false
	}
	one, out := c.outages.holding(name, to.Passing, c.Now())
	return one.next, out
}

// Missed notes that something else for a destination did not get through: the next association of a delivery wakes it.
func (c *DeliveryWorker) Missed(name string) { c.outages.missed(name) }

// Anew has all that waits for a destination that could not be reached go now, since the configuration says something else about it.
func (c *DeliveryWorker) Anew(ctx context.Context, name string) error {
	c.outages.forget(name)
	_, err := c.wake(ctx, name)
	return err
}

func (c *DeliveryWorker) wake(ctx context.Context, name string) (studies int, err error) {
	var troubles []string
	for _, r := range ofTheDestination {
		troubles = append(troubles, string(r))
	}
	return c.Ledger.Wake(ctx, name, troubles...)
}
