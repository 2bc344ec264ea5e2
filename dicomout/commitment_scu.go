package dicomout

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"time"

	"jcsnode/commitment"
	"jcsnode/dicomout/deliver"
	"jcsnode/ledger"
	"jcsnode/netfault"
)

const (
	// commitmentGiveUp is how long a destination is asked.
	commitmentGiveUp = 7 * 24 * time.Hour

	firstAskDelay = time.Minute   // after a request that did not get through, doubled up to
	lastAskDelay  = 6 * time.Hour // this
	lastAskWait   = 24 * time.Hour
)

// CommitmentLedger is what asking for storage commitment asks of the ledger.
type CommitmentLedger interface {
	CommitmentSCU(ctx context.Context, id int64) (ledger.CommitmentSCU, error)
	SaveTransactionUID(ctx context.Context, id int64, uid string) error
	AskedForCommitment(ctx context.Context, id int64, next time.Time) error
	RetryCommitmentSCU(ctx context.Context, id int64, detail string, next time.Time) error
	GiveUpCommitmentSCU(ctx context.Context, id int64, why string) error
	AnswerCommitment(ctx context.Context, a ledger.CommitmentAnswer) (studyUID string, err error)
}

// CommitmentSCU works on the jobs of the ledger that are about storage commitment: it asks destinations to commit to what they were sent,
// again and again until each object has its answer. All fields but Ends must be set.
type CommitmentSCU struct {
	Ledger       CommitmentLedger
	Destinations func() []Destination                                // as they are now
	Out          func(destination string) (next time.Time, out bool) // it cannot be reached until it is tried next
	Missed       func(destination string)                            // there was no connection to it
	Ends         func(destination string) error                      // like that of DeliveryWorker
	Linger       time.Duration                                       // for a report on the association of its request
	Now          func() time.Time
	Logger       *slog.Logger
}

// Ask is ledger.Handlers.CommitmentSCU: one request, if its time has come. It is safe to run twice: a repetition has a transaction UID
// of its own, and an answer to either counts.
func (c *CommitmentSCU) Ask(ctx context.Context, id int64) error {
	request, err := c.Ledger.CommitmentSCU(ctx, id)
	if err != nil || request.State != ledger.SCUWaiting {
		return err
	}
	now := c.Now()
	destination, ok := find(c.Destinations(), request.Destination)
	// A longer wait than any that is given here comes from a clock that was ahead. Who is not in the configuration is not waited for.
	if wait := request.NextAt.Sub(now); ok && wait > 0 && wait <= max(lastAskWait, lastAskDelay, destination.CommitmentWait) {
		return &ledger.RetryAfter{Delay: wait, Err: errors.New("the destination was asked not long ago")}
	}
	if !ok && c.Ends != nil {
		if err := c.Ends(request.Destination); err != nil {
			return err
		}
	}
	switch {
	case !ok || destination.CommitmentAETitle == "":
		return c.Ledger.GiveUpCommitmentSCU(ctx, id, "the configuration does not ask it for storage commitment any more")
	case now.Sub(request.CreatedAt) > commitmentGiveUp:
		return c.Ledger.GiveUpCommitmentSCU(ctx, id, giveUpText(request))
	}
	if next, out := c.Out(destination.Name); out { // the delivery that finds it back says so
		return &ledger.RetryAfter{Delay: next.Sub(now), Err: errors.New("the destination cannot be reached")}
	}
	log := c.Logger.With("study", request.StudyUID, "destination", destination.Name,
		"address", destination.Address, "called", destination.CommitmentAETitle, "objects", len(request.References))
	uid := transactionUID()
	if err := c.Ledger.SaveTransactionUID(ctx, id, uid); err != nil {
		return err
	}
	next := now.Add(grow(destination.CommitmentWait, request.Asked, lastAskWait))
	accepted := false
	err = deliver.AskCommitment(ctx, destination.Destination, deliver.Asking{
		Request: commitment.Request{TransactionUID: uid, References: commitmentReferences(request.References)},
		Linger:  c.Linger,
		Accepted: func() error {
			accepted = true
			return c.Ledger.AskedForCommitment(context.WithoutCancel(ctx), id, next)
		},
		Report: func(r commitment.Result) error { return c.Take(context.WithoutCancel(ctx), destination.Name, r) },
	})
	switch {
	case accepted && err == nil:
		log.Info("storage commitment asked for", "transaction", uid)
		return &ledger.RetryAfter{Delay: next.Sub(c.Now()), Err: errors.New("the destination has not answered yet")}
	case ctx.Err() != nil:
		return ctx.Err()
	case accepted:
		return err // of the ledger
	}
	// A destination that refuses takes deliveries all the same: if they woke this, there were no pause.
	if dial := (*net.OpError)(nil); errors.As(err, &dial) && dial.Op == "dial" {
		c.Missed(destination.Name)
	}
	delay := grow(firstAskDelay, request.Attempts, lastAskDelay)
	log.Warn("storage commitment could not be asked for",
		"attempt", request.Attempts+1, "again_in", delay, "error", netfault.Words(err), "remedy", deliver.ClassifyError(err).Remedy)
	if err := c.Ledger.RetryCommitmentSCU(ctx, id, netfault.Words(err), now.Add(delay)); err != nil {
		return err
	}
	return &ledger.RetryAfter{Delay: delay, Err: err}
}

// giveUpText says why a request ends without an answer.
func giveUpText(c ledger.CommitmentSCU) string {
	if c.Detail != "" {
		return c.Detail
	}
	return fmt.Sprintf("no answer to %d requests for storage commitment in %s", c.Asked, commitmentGiveUp)
}

// Take keeps a report, on whichever association it came. The error is commitment.ErrUnknown for a transaction that is none of ours.
func (c *CommitmentSCU) Take(ctx context.Context, from string, r commitment.Result) error {
	answer := ledger.CommitmentAnswer{TransactionUID: r.TransactionUID, From: from}
	for _, reference := range r.Committed {
		answer.Committed = append(answer.Committed, ledger.Reference(reference))
	}
	for _, f := range r.Failed {
		answer.Failed = append(answer.Failed, ledger.FailedReference{Reference: ledger.Reference(f.Reference), Reason: f.Reason.String(),
			Again: f.OfRequest()})
	}
	study, err := c.Ledger.AnswerCommitment(ctx, answer)
	log := c.Logger.With("study", study, "from", from, "transaction", r.TransactionUID,
		"committed", len(r.Committed), "failed", len(r.Failed))
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		log.Warn("storage commitment reported for a transaction that is none of ours")
		return fmt.Errorf("%w: %s", commitment.ErrUnknown, r.TransactionUID)
	case err != nil:
		log.Error("storage commitment report not recorded: check the disk of data_dir", "error", err)
	case len(r.Failed) > 0:
		log.Warn("destination does not commit to all that it was sent; `jcsnode explain` of the study says why")
	default:
		log.Info("storage commitment reported")
	}
	return err
}

// grow doubles first n times, up to last.
func grow(first time.Duration, n int, last time.Duration) time.Duration {
	return min(first<<min(n, 20), max(last, first))
}

func commitmentReferences(all []ledger.Reference) []commitment.Reference {
	same := make([]commitment.Reference, len(all))
	for i, r := range all {
		same[i] = commitment.Reference(r)
	}
	return same
}

// transactionUID is that of a random UUID (RFC 9562 5.4): whoever reports on it was asked.
func transactionUID() string {
	var uuid [16]byte
	rand.Read(uuid[:]) // never fails
	uuid[6] = uuid[6]&0x0f | 0x40
	uuid[8] = uuid[8]&0x3f | 0x80
	return "2.25." + new(big.Int).SetBytes(uuid[:]).String()
}
