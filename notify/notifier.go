package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"jcsnode/ledger"
	"jcsnode/netfault"
)

const (
	firstDelay = 30 * time.Second
	lastDelay  = time.Hour
	// maxAttempts is some three days, since the delay soon is an hour less some jitter.
	maxAttempts = 100
	// maxHeld is how long a notification waits for a receiver that is out, as long as it would be tried.
	maxHeld = 3 * 24 * time.Hour
)

// Subscriber is a receiver and what it gets.
type Subscriber struct {
	Webhook
	Kinds []string // of notices, ledger.NoticeResult and so on
	// Identify looks up the identifiers that the site sends along; nil sends UIDs alone.
	Identify func(ledger.Instance) (Identifiers, error)
}

// Ledger is what notifications ask of the ledger.
type Ledger interface {
	Notification(ctx context.Context, id int64) (ledger.Notification, error)
	FixNotification(ctx context.Context, id int64, body []byte) error
	RetryNotification(ctx context.Context, id int64, detail string, next time.Time) error
	HoldNotification(ctx context.Context, id int64, detail string, next time.Time) error
	WakeNotifications(ctx context.Context, receiver string) (int, error)
	FinishNotification(ctx context.Context, id int64, state, detail string) error
	Revision(ctx context.Context, id int64) (ledger.Revision, []ledger.Instance, error)
	NewestInstance(ctx context.Context, studyUID, seriesUID string) (ledger.Instance, error)
}

// Notifier works on the notification jobs of the ledger. All fields that others see must be set.
type Notifier struct {
	Ledger      Ledger
	Subscribers func() []Subscriber // as they are now
	Node        Node
	Notice      string
	// Result reads the findings of a revision.
	Result func(findings json.RawMessage) (*Result, error)
	Now    func() time.Time
	Logger *slog.Logger

	// Ends is asked before a notification ends since its receiver is not in the configuration, and says why not here; may be nil.
	Ends func(receiver string) error

	outages outages
}

// Notify is ledger.Handlers.Notify: one attempt. It is safe to run twice: the event keeps its ID and its text.
func (n *Notifier) Notify(ctx context.Context, id int64) error {
	note, err := n.Ledger.Notification(ctx, id)
	if err != nil || note.State != ledger.NotificationWaiting {
		return err
	}
	to, ok := n.subscriber(note.Receiver)
	if !ok && n.Ends != nil {
		if err := n.Ends(note.Receiver); err != nil {
			return err
		}
	}
	if !ok {
		return n.Ledger.FinishNotification(ctx, id, ledger.NotificationFailed, "webhook is not in the configuration any more")
	}
	log := n.Logger.With("webhook", to.Name, "event", note.EventID, "about", note.Notice.Subject())
	if note.Notice.StudyUID != "" {
		log = log.With("study", note.Notice.StudyUID)
	}
	if out, held := n.outages.holding(to.Name, n.Now()); held && !askedFor(note) {
		return n.hold(ctx, note, out, log)
	}
	if len(note.Body) == 0 {
		if note.Body, err = n.compose(ctx, note, to, log); err != nil {
			return err
		}
		if err := n.Ledger.FixNotification(ctx, id, note.Body); err != nil {
			return err
		}
	}
	code, err := to.Post(ctx, note.EventID, note.Body, n.Now())
	switch {
	case err == nil:
		log.Info("notification sent", "attempt", note.Attempts+1, "code", code)
		// The receiver knows it: that must not be forgotten because the node stops just now.
		ctx := context.WithoutCancel(ctx)
		err := n.Ledger.FinishNotification(ctx, id, ledger.NotificationSent, fmt.Sprintf("HTTP %d", code))
		return errors.Join(err, n.answers(ctx, to.Name))
	case ctx.Err() != nil:
		return ctx.Err()
	}
	words := netfault.Words(err)
	if names, ok := netfault.WrongName(err); ok && len(names) > 0 {
		words += fmt.Sprintf("; if it is the right machine, set tls_name = %q for the webhook", names[0])
	}
	if note.Attempts+1 >= maxAttempts {
		return n.giveUp(ctx, note, words, log)
	}
	delay := nextDelay(note.Attempts+1, err, rand.Float64())
	level, text := slog.LevelWarn, "notification not sent yet"
	if ofTheReceiver(err) {
		var first bool
		if delay, first = n.outages.fails(to.Name, words, err, n.Now(), rand.Float64()); first {
			text = "webhook cannot be reached: all that is for it waits, and goes when it is back"
		} else {
			level = slog.LevelDebug
		}
	}
	log.Log(ctx, level, text, "attempt", note.Attempts+1, "again_in", delay, "error", words)
	if err := n.Ledger.RetryNotification(ctx, id, words, n.Now().Add(delay)); err != nil {
		return err
	}
	return &ledger.RetryAfter{Delay: delay, Err: err}
}

// askedFor says whether an operator asked for the notification: requeue leaves the last answer, and no time to wait for.
func askedFor(n ledger.Notification) bool {
	return n.Attempts == 0 && n.Detail != "" && n.NextAt.IsZero()
}

// hold leaves a notification waiting for a receiver that is out: it has that answer, and the time of the attempt that finds out more.
func (n *Notifier) hold(ctx context.Context, note ledger.Notification, out outage, log *slog.Logger) error {
	if n.Now().Sub(note.CreatedAt) >= maxHeld {
		return n.giveUp(ctx, note, out.words, log)
	}
	if err := n.Ledger.HoldNotification(ctx, note.ID, out.words, out.next); err != nil {
		return err
	}
	return &ledger.RetryAfter{Delay: out.next.Sub(n.Now()), Err: errors.New(out.words)}
}

func (n *Notifier) giveUp(ctx context.Context, note ledger.Notification, words string, log *slog.Logger) error {
	log.Error("notification given up",
		"remedy", "check url, ca and secret_file of the webhook, and that it is up; then `jcsnode requeue` has it tried again",
		"attempts", note.Attempts+1, "error", words)
	return n.Ledger.FinishNotification(ctx, note.ID, ledger.NotificationFailed, words)
}

// answers notes that a receiver takes notifications. When it was out, all that waited for that goes now.
func (n *Notifier) answers(ctx context.Context, name string) error {
	out, back, wake := n.outages.answers(name)
	if !wake {
		return nil
	}
	waited, err := n.Ledger.WakeNotifications(ctx, name)
	if back && err == nil {
		n.Logger.Info("webhook is back: what waited for it goes now",
			"webhook", name, "away", n.Now().Sub(out.since), "notifications", waited)
	}
	return err
}

// Anew has all that waits for a webhook go now, since the configuration says something else about it.
func (n *Notifier) Anew(ctx context.Context, name string) error {
	n.outages.forget(name)
	_, err := n.Ledger.WakeNotifications(ctx, name)
	return err
}

// nextDelay grows from half a minute to an hour and lies, by random in [0,1), between half of that and that; a receiver may ask for
// more.
func nextDelay(attempts int, err error, random float64) time.Duration {
	grown := min(firstDelay<<min(attempts-1, 10), lastDelay)
	delay := time.Duration(float64(grown) * (1 - random/2))
	if refusal := (*HTTPError)(nil); errors.As(err, &refusal) {
		delay = max(delay, refusal.RetryAfter)
	}
	return delay
}

func (n *Notifier) subscriber(name string) (Subscriber, bool) {
	for _, s := range n.Subscribers() {
		if s.Name == name {
			return s, true
		}
	}
	return Subscriber{}, false
}

// compose makes the body of an event. Identifiers that cannot be read are no reason to say nothing.
func (n *Notifier) compose(ctx context.Context, note ledger.Notification, to Subscriber, log *slog.Logger) ([]byte, error) {
	var result *Result
	if note.Notice.Kind == ledger.NoticeResult {
		rev, _, err := n.Ledger.Revision(ctx, note.Notice.RevisionID)
		if err != nil {
			return nil, err
		}
		if result, err = n.Result(rev.Findings); err != nil {
			return nil, fmt.Errorf("read the findings of study %s: %w", rev.StudyUID, err)
		}
	}
	var identifiers Identifiers
	if to.Identify != nil && note.Notice.StudyUID != "" {
		series := ""
		if result != nil {
			series = result.SeriesInstanceUID
		}
		newest, err := n.Ledger.NewestInstance(ctx, note.Notice.StudyUID, series)
		if err == nil {
			identifiers, err = to.Identify(newest)
		} else if !errors.Is(err, ledger.ErrNotFound) { // its instances may have been thinned out
			return nil, err
		}
		if err != nil {
			log.Warn("notification goes without accession number and patient ID", "error", err)
		}
	}
	return Compose(note, n.Node, n.Notice, result, identifiers).Encode()
}
