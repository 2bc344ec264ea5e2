package dicomout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"jcsnode/dicomout/deliver"
	"jcsnode/guard"
	"jcsnode/ledger"
	"jcsnode/netfault"
	"jcsnode/store"
)

// Destination is where objects go, what goes there, and how it is met when it does not take them.
type Destination struct {
	deliver.Destination
	Profile        Profile
	Passing        deliver.Policy // for trouble that passes by itself
	CommitmentWait time.Duration  // for a report of storage commitment, before it is asked for again
}

// DeliveryLedger is what deliveries ask of the ledger.
type DeliveryLedger interface {
	Outcomes
	Pending(ctx context.Context, revisionID int64, destination string) ([]ledger.Delivery, error)
	MayBegin(ctx context.Context, revisionID int64, destination string) error
	BeginDeliveries(ctx context.Context, revisionID int64, destination string, ids []int64) (map[int64]ledger.Mark, error)
	Waits(ctx context.Context, deliveryID int64, mark ledger.Mark) (bool, error)
	Objects(ctx context.Context, revisionID int64) ([]ledger.Object, error)
	SentBefore(ctx context.Context, revisionID int64, destination string) ([]ledger.Delivery, error)
	SentSince(ctx context.Context, destination string, since time.Time) (bool, error)
	Wake(ctx context.Context, destination string, troubles ...string) (revisions int, err error)
}

// DeliveryWorker works on the delivery jobs of the ledger. All fields that others see must be set.
type DeliveryWorker struct {
	Ledger       DeliveryLedger
	Store        store.Reader
	Destinations func() []Destination // as they are now
	Now          func() time.Time
	Random       func() float64 // in [0,1), for delays
	Logger       *slog.Logger

	// Fenced is asked before each object, and says why none may go out from here now; may be nil.
	Fenced func() error

	// Ends is asked before deliveries end since their destination is not in the configuration, and says why not here; may be nil.
	Ends func(destination string) error

	// Sends is told that objects of a study go out, and gets a call when that is over; may be nil.
	Sends func(studyUID, destination string) (over func())
	// Attempted is told what came of each attempt at an object; with an empty result no association could be made. May be nil.
	Attempted func(destination, result string)
	// Delivered is told how long it took, since its objects were made, until a destination had all of a revision; may be nil.
	Delivered func(took time.Duration)

	outages outages      // of destinations
	away    store.Outage // of the store
}

// soon is how much before its time a delivery goes along with others: one association for many is better than many.
const soon = time.Minute

// Deliver sends what a revision still owes to a destination, over its associations, and leaves an outcome for every object in
// the ledger, which runs the job again when the next delivery is due. It is safe to run twice: an object that was sent before
// a crash could be noted goes again under the same UID.
func (c *DeliveryWorker) Deliver(ctx context.Context, revisionID int64, name string) error {
	waiting, err := c.Ledger.Pending(ctx, revisionID, name)
	if err != nil {
		return err
	}
	destination, ok := find(c.Destinations(), name)
	if !ok {
		return c.unknown(ctx, waiting, name)
	}
	// One time and one random number for all: what failed together comes back together.
	v := visit{now: c.Now(), random: c.Random(), passing: destination.Passing, byID: map[int64]ledger.Delivery{}}
	var ids []int64
	for _, d := range waiting {
		if !due(d, destination.Passing, v.now) {
			continue
		}
		if !destination.Profile.Wants(d.Object.Kind) && d.BegunAt.IsZero() {
			v.left = append(v.left, withdrawn(d, "the profile of "+name+" does not ask for "+d.Object.Kind+" any more"))
			continue
		}
		v.byID[d.ID] = d
		ids = append(ids, d.ID)
	}
	if len(ids) == 0 {
		return c.Ledger.RecordDeliveries(ctx, v.left)
	}
	out, held := c.outages.holding(name, destination.Passing, v.now)
	if held && !v.askedFor() {
		return c.hold(ctx, &v, ids, out)
	}
	// Asked first: what is put off does not ask the store, and what the store keeps waiting is not begun.
	if err := c.Ledger.MayBegin(ctx, revisionID, name); err != nil {
		return err
	}
	if ids, err = c.present(ctx, &v, ids); err != nil {
		return err
	}
	if len(ids) == 0 {
		return c.Ledger.RecordDeliveries(ctx, v.left)
	}
	marks, err := c.Ledger.BeginDeliveries(ctx, revisionID, name, ids)
	if err != nil {
		return err
	}
	v.begun(marks)
	items, err := c.items(ctx, &v, revisionID, ids)
	if err != nil {
		return err
	}
	if len(items) == 0 {
		return c.Ledger.RecordDeliveries(ctx, v.left)
	}
	return c.attempt(ctx, &v, destination, revisionID, items)
}

// attempt sends the items and leaves an outcome for each.
func (c *DeliveryWorker) attempt(ctx context.Context, v *visit, to Destination, revisionID int64, items []deliver.Item) error {
	about := v.byID[items[0].ID]
	where := c.Logger.With("destination", to.Name, "address", to.Address, "called", to.AETitle)
	log := where.With("study", about.StudyUID, "revision", about.Revision)
	recorded := newRecorder(ctx, c.Ledger)
	var failures []error
	attempted := false
	if c.Sends != nil {
		defer c.Sends(about.StudyUID, to.Name)()
	}
	sendErr := deliver.Send(ctx, to.Destination, items, func(o deliver.Outcome) {
		d, out := v.outcome(log, o, func(since time.Time) bool {
			if v.sent > 0 { // not all of that need be recorded yet
				return true
			}
			sent, err := c.Ledger.SentSince(context.WithoutCancel(ctx), to.Name, since)
			failures = append(failures, err)
			return sent
		})
		if !o.Attempted {
			v.left = append(v.left, ledger.DeliveryResult{ID: d.ID, Outcome: out})
			return
		}
		attempted = true
		c.attempted(to.Name, string(o.Result))
		recorded.record(d.ID, out)
	})
	failures = append(failures, recorded.close())
	away := false
	switch p := (*guard.Panic)(nil); {
	case errors.As(sendErr, &p):
		log.Error("sending crashed", "error", sendErr, "stack", string(p.Stack))
	case ctx.Err() != nil:
	case attempted:
		if sendErr != nil {
			log.Warn("association with the destination failed",
				"error", netfault.Words(sendErr), "remedy", deliver.ClassifyError(sendErr).Remedy)
		}
		failures = append(failures, c.answers(ctx, to.Name, v.now, where))
	default:
		c.attempted(to.Name, "")
		away = c.fails(v, to, sendErr, where)
	}
	if len(v.left) > 0 {
		failures = append(failures, c.Ledger.RecordDeliveries(context.WithoutCancel(ctx), v.left))
	}
	waiting, err := c.Ledger.Pending(context.WithoutCancel(ctx), revisionID, to.Name)
	if err == nil && len(waiting) == 0 {
		c.delivered(v)
	}
	if !away { // else the log has it once for all that waits
		v.sum(log, len(items), waiting, ctx.Err() != nil)
	}
	return errors.Join(append(failures, err)...)
}

func (c *DeliveryWorker) attempted(destination, result string) {
	if c.Attempted != nil {
		c.Attempted(destination, result)
	}
}

// delivered tells of a visit that took the last objects there. What was sent once and goes again says nothing about the destination.
func (c *DeliveryWorker) delivered(v *visit) {
	var first time.Time
	for _, d := range v.byID {
		if !d.SentAt.IsZero() {
			return
		}
		if first.IsZero() || d.CreatedAt.Before(first) {
			first = d.CreatedAt
		}
	}
	if c.Delivered != nil && v.sent > 0 {
		c.Delivered(c.Now().Sub(first))
	}
}

// due says whether it is time for a delivery. One that waits for longer than any wait of its kind of trouble was put off by a clock that
// was ahead.
func due(d ledger.Delivery, passing deliver.Policy, now time.Time) bool {
	wait := d.NextAt.Sub(now)
	return wait <= soon || wait > longestWait(passing, deliver.Retry(d.Trouble))
}

// longestWait is the longest that a kind of trouble puts a delivery off.
func longestWait(passing deliver.Policy, trouble deliver.Retry) time.Duration {
	if p := trouble.Policy(passing); p.Base > 0 {
		return max(p.Base, p.Cap)
	}
	return max(passing.Base, passing.Cap)
}

// present are those of the deliveries whose files are there; the others end.
func (c *DeliveryWorker) present(ctx context.Context, v *visit, ids []int64) (present []int64, err error) {
	for _, id := range ids {
		gone, err := c.gone(ctx, v.byID[id])
		if err != nil {
			return nil, err
		}
		if gone == nil {
			present = append(present, id)
			continue
		}
		v.left = append(v.left, *gone)
		delete(v.byID, id)
	}
	return present, nil
}

// gone ends the delivery of an object whose file is not there, as after a restore of the ledger alone: no attempt brings it back. Nil if
// it is there. A store that cannot be asked now is waited for, without an attempt at the destination.
func (c *DeliveryWorker) gone(ctx context.Context, d ledger.Delivery) (*ledger.DeliveryResult, error) {
	has, err := c.Store.Has(ctx, d.Object.Path)
	if errors.Is(err, store.ErrTemporary) && ctx.Err() == nil {
		c.Logger.Warn("objects wait for the store of files", "study", d.StudyUID, "destination", d.Destination, "error", err)
		return nil, &ledger.RetryAfter{Delay: c.away.Pause(d.ID, c.Now()), Err: err}
	}
	if err == nil {
		c.away.Over(d.ID)
	}
	if has || err != nil {
		return nil, nil // an error comes again when it is read
	}
	c.Logger.Error("object is not on this node any more and cannot be delivered",
		"study", d.StudyUID, "revision", d.Revision, "destination", d.Destination,
		"object", d.Object.SOPInstanceUID, "remedy", deliver.GoneRemedy)
	return &ledger.DeliveryResult{ID: d.ID, Outcome: ledger.DeliveryOutcome{State: ledger.DeliveryFailed, Mark: d.BegunAt,
		Detail: "its file is not on this node any more; " + deliver.GoneRemedy}}, nil
}

// visit is one attempt at one destination.
type visit struct {
	now     time.Time
	random  float64
	passing deliver.Policy
	byID    map[int64]ledger.Delivery
	heirs   map[int64]bool // of a visit that does not know what the destination has of them
	sent    int
	left    []ledger.DeliveryResult // objects whose turn never came, and those that nobody needs any more
}

// begun notes what the visit began with, under which marks.
func (v *visit) begun(marks map[int64]ledger.Mark) {
	v.heirs = map[int64]bool{}
	for id, mark := range marks {
		d := v.byID[id]
		d.BegunAt = mark.At
		v.byID[id], v.heirs[id] = d, mark.Heir
	}
}

// sum logs what the visit brought, and what waits after it.
func (v *visit) sum(log *slog.Logger, of int, waiting []ledger.Delivery, stopped bool) {
	log = log.With("sent", v.sent, "of", of)
	switch {
	case v.sent == of:
		log.Info("objects delivered")
	case stopped:
		log.Info("delivery cut short, since the node stops: it goes on at the next start")
	case len(waiting) > 0:
		first := slices.MinFunc(waiting, func(a, b ledger.Delivery) int { return a.NextAt.Compare(b.NextAt) })
		log.Warn("objects not delivered yet: they are tried again", "waiting", len(waiting), "again_in", max(first.NextAt.Sub(v.now), 0))
	default:
		log.Warn("objects not delivered, nor tried again: `jcsnode status` of the study says why")
	}
}

func withdrawn(d ledger.Delivery, why string) ledger.DeliveryResult {
	return ledger.DeliveryResult{ID: d.ID, Outcome: ledger.DeliveryOutcome{State: ledger.DeliveryWithdrawn, Detail: why, Mark: d.BegunAt}}
}

// outcome turns what deliver says about an object into what the ledger keeps. The peer's comment may name a patient: it goes to
// the ledger, and to the log at debug only. Passed tells whether the destination took any object since a time.
func (v *visit) outcome(log *slog.Logger, o deliver.Outcome, passed func(since time.Time) bool) (ledger.Delivery, ledger.DeliveryOutcome) {
	d := v.byID[o.Item.ID]
	out := ledger.DeliveryOutcome{Detail: o.Text, Attempted: o.Attempted, Begun: o.Unknown || v.heirs[d.ID] && !o.Answered, Mark: d.BegunAt}
	if o.Answered {
		out.Status = fmt.Sprintf("%04XH", uint16(o.Status))
	}
	log = log.With("object", d.Object.SOPInstanceUID, "kind", d.Object.Kind, "status", out.Status)
	log.Debug("outcome of an object", "result", string(o.Result), "answer", o.Text)
	if o.Result == deliver.Sent || o.Result == deliver.SentWithWarning {
		v.sent++
		out.State = ledger.DeliverySent
		sent := &o.Item
		if o.Alternative {
			sent = o.Item.Alternative
		}
		out.SentClass, out.SentUID = sent.SOPClassUID, sent.SOPInstanceUID
		if o.Result == deliver.SentWithWarning {
			log.Warn("object stored with a warning")
		}
		return d, out
	}
	// Only failures of one kind count together: after a weekend of refused connections the first answer is a first answer.
	troubles, since := d.Streak(string(o.Retry), v.now)
	policy := o.Retry.Policy(v.passing)
	switch {
	case o.Retry != deliver.RetryAlone:
	case d.Replaced:
		policy.Attempts = deliver.ReplacedAttempts
	case passed(since):
		policy.Attempts = deliver.AloneAttempts
	}
	delay, again := policy.Next(troubles, v.now.Sub(since), func() float64 { return v.random })
	out.State, out.NextAt, out.Trouble = ledger.DeliveryWaiting, v.now.Add(delay), string(o.Retry)
	if o.Remedy != "" {
		out.Detail += "; " + o.Remedy
	}
	if !again {
		out.State, out.NextAt = ledger.DeliveryFailed, time.Time{}
		log.Error("object cannot be delivered; `jcsnode status` of the study says why", "remedy", o.Remedy)
	}
	return d, out
}

// find looks a destination up by its name.
func find(all []Destination, name string) (Destination, bool) {
	for _, d := range all {
		if d.Name == name {
			return d, true
		}
	}
	return Destination{}, false
}

// unknown ends deliveries to a destination that was taken out of the configuration.
func (c *DeliveryWorker) unknown(ctx context.Context, waiting []ledger.Delivery, name string) error {
	if c.Ends != nil {
		if err := c.Ends(name); err != nil {
			return err
		}
	}
	if len(waiting) > 0 {
		c.Logger.Warn("destination is not in the configuration any more; its deliveries end",
			"study", waiting[0].StudyUID, "destination", name, "objects", len(waiting),
			"remedy", "to have them sent, put the destination back, reload the configuration (SIGHUP) and requeue the study")
	}
	ended := make([]ledger.DeliveryResult, len(waiting))
	for i, d := range waiting {
		o := ledger.DeliveryOutcome{State: ledger.DeliveryFailed, Detail: "destination " + name + " is not in the configuration",
			Mark: d.BegunAt}
		ended[i] = ledger.DeliveryResult{ID: d.ID, Outcome: o}
	}
	return c.Ledger.RecordOutcomes(ctx, ended)
}
