package scp

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"jcsnode/commitment"
	"jcsnode/dimse"
	"jcsnode/ledger"
	"jcsnode/netfault"
)

// statusNoSuchClass answers an N-ACTION for another class than that of the context (PS3.7 C.5.8).
const statusNoSuchClass dimse.Status = 0x0118

// maxOwed bounds the reports that leave on one association which the requestor opened for them.
const maxOwed = 100

// commitmentGiveUp is how long a report is tried. After that the modality's own list has the studies as not committed.
const commitmentGiveUp = 48 * time.Hour

// CommitmentLedger is what storage commitment asks of the ledger.
type CommitmentLedger interface {
	RequestCommitment(ctx context.Context, c ledger.CommitmentSCP) (int64, error)
	CommitmentSCP(ctx context.Context, id int64) (ledger.CommitmentSCP, error)
	UnreportedCommitments(ctx context.Context, callingAE string, limit int) ([]int64, error)
	Presence(ctx context.Context, of []ledger.Reference) ([]ledger.Presence, error)
	QueueCommitmentSCP(ctx context.Context, id int64) error
	RetryCommitmentSCP(ctx context.Context, id int64, detail string) error
	FinishCommitmentSCP(ctx context.Context, id int64, state, detail string) error
}

// ReportAddress is where reports for a peer go when its own association is gone.
type ReportAddress struct {
	AETitle string
	Address string      // host:port
	TLS     *tls.Config // nil: plain TCP
}

// CommitmentSCP is storage commitment as SCP (PS3.4 annex J). A request is recorded and answered at once. The report goes out
// on the requestor's association while that is open; otherwise on associations of ours, by jobs of the ledger that call
// Deliver, or, for a requestor without an address, on the next one that it opens. It says what is true when it leaves: an instance is
// committed when the ledger has it, which is after the sync of its bytes and name.
type CommitmentSCP struct {
	Ledger    CommitmentLedger
	Addresses func() []ReportAddress
	Dialer    dimse.Dialer // its CallingAETitle and TLSConfig are set for each report
	Now       func() time.Time
	Logger    *slog.Logger
}

// Opened implements dimse.Opener.
func (d *Door) Opened(ctx context.Context, a *dimse.Association) {
	d.called(a.Requestor(), "")
	if d.Commitment != nil {
		d.Commitment.opened(ctx, a)
	}
}

// Action implements dimse.Actor.
func (d *Door) Action(ctx context.Context, a *dimse.Association, req *dimse.ActionRequest) (dimse.Status, string) {
	v := d.visit(a)
	if d.Commitment == nil {
		return dimse.StatusUnrecognizedOperation, ""
	}
	return d.Commitment.request(ctx, a, v.name, req)
}

func (c *CommitmentSCP) request(
	ctx context.Context, a *dimse.Association, association string, req *dimse.ActionRequest,
) (dimse.Status, string) {
	switch {
	case req.SOPClassUID != commitment.PushModel || req.AbstractSyntax != commitment.PushModel:
		return statusNoSuchClass, "N-ACTION is for storage commitment and its context only"
	case req.SOPInstanceUID != commitment.PushModelInstance:
		return dimse.StatusNoSuchInstance, "storage commitment has the instance " + commitment.PushModelInstance
	case req.ActionTypeID != commitment.ActionRequest:
		return dimse.StatusNoSuchAction, "storage commitment has action type 1 only"
	}
	requestor := a.Requestor()
	log := c.Logger.With("association", association, "calling", requestor.CallingAETitle, "peer", requestor.Addr.String())
	asked, err := commitment.DecodeRequest(req.Body, req.TransferSyntaxUID)
	if err != nil {
		log.Warn("storage commitment request refused", "error", err)
		if errors.Is(err, commitment.ErrTooLong) {
			return dimse.StatusResourceLimitation, "too many instances in one request"
		}
		return dimse.StatusInvalidArgument, err.Error()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWait)
	defer cancel()
	id, err := c.Ledger.RequestCommitment(ctx, ledger.CommitmentSCP{
		TransactionUID: asked.TransactionUID,
		CallingAE:      requestor.CallingAETitle,
		CalledAE:       requestor.CalledAETitle,
		RemoteAddr:     requestor.Addr.String(),
		Association:    association,
		References:     ledgerReferences(asked.References),
	})
	if err != nil {
		log.Error("storage commitment request not recorded: check the disk of data_dir", "error", err)
		return dimse.StatusProcessingFailure, "request could not be recorded"
	}
	log.Info("storage commitment requested", "transaction", asked.TransactionUID, "instances", len(asked.References))
	c.reportOn(a, id, log)
	return dimse.StatusSuccess, ""
}

// reportOn has the report leave on an association of the requestor.
func (c *CommitmentSCP) reportOn(a *dimse.Association, id int64, log *slog.Logger) {
	a.QueueEventReport(dimse.EventReport{
		SOPClassUID: commitment.PushModel, SOPInstanceUID: commitment.PushModelInstance,
		Make: func(syntax string) (uint16, []byte, error) {
			ctx, cancel := context.WithTimeout(context.Background(), recordWait)
			defer cancel()
			r, err := c.compose(ctx, id)
			if err != nil {
				return 0, nil, err
			}
			return r.EventType(), r.Encode(syntax), nil
		},
		Done: func(response dimse.Response, err error) { c.reported(log, id, response, err) },
	})
}

// opened reports what a requestor without an address is owed on the association that it opened (PS3.4 J.3.3).
func (c *CommitmentSCP) opened(ctx context.Context, a *dimse.Association) {
	title := a.Requestor().CallingAETitle
	accepted := slices.ContainsFunc(a.Contexts(), func(pc dimse.PresentationContext) bool {
		return pc.AbstractSyntax == commitment.PushModel && pc.TransferSyntax != ""
	})
	if _, ok := c.address(title); ok || !accepted {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, recordWait)
	defer cancel()
	log := c.Logger.With("calling", title, "peer", a.Requestor().Addr.String())
	ids, err := c.Ledger.UnreportedCommitments(ctx, title, maxOwed)
	if err != nil {
		log.Error("cannot look up storage commitment reports that the peer is owed", "error", err)
	}
	for _, id := range ids {
		c.reportOn(a, id, log)
	}
}

// reported takes what became of the report on the requestor's association.
func (c *CommitmentSCP) reported(log *slog.Logger, id int64, response dimse.Response, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), recordWait)
	defer cancel()
	switch {
	case errors.Is(err, errNotWaiting):
		return
	case err == nil && response.Status.Class() != dimse.ClassFailure:
		err = c.Ledger.FinishCommitmentSCP(ctx, id, ledger.SCPReported, "reported on the requestor's association")
	default:
		why := slog.String("status", response.Status.String())
		if err != nil {
			why = slog.String("error", netfault.Words(err))
		}
		log.Info("storage commitment is not reported on the requestor's association", why)
		err = c.Ledger.QueueCommitmentSCP(ctx, id)
	}
	if err != nil {
		log.Error("outcome of a storage commitment report not recorded; it is sent again after the next start",
			"commitment", id, "error", err)
	}
}

// errNotWaiting says that the request has its report, or a newer request stands for it.
var errNotWaiting = errors.New("request does not wait for a report any more")

// report is what is told of a request.
type report struct {
	request ledger.CommitmentSCP
	commitment.Result
}

// compose finds out what is true now.
func (c *CommitmentSCP) compose(ctx context.Context, id int64) (*report, error) {
	request, err := c.Ledger.CommitmentSCP(ctx, id)
	if err != nil {
		return nil, err
	}
	if request.State != ledger.SCPWaiting {
		return nil, errNotWaiting
	}
	presence, err := c.Ledger.Presence(ctx, request.References)
	if err != nil {
		return nil, err
	}
	r := &report{request, commitment.Result{TransactionUID: request.TransactionUID}}
	for i, of := range request.References {
		reference := commitment.Reference(of)
		switch {
		case request.Duplicate:
			r.Failed = append(r.Failed, commitment.Failure{Reference: reference, Reason: dimse.StatusDuplicateTransaction})
		case presence[i] == ledger.OtherClass:
			r.Failed = append(r.Failed, commitment.Failure{Reference: reference, Reason: dimse.StatusClassInstanceConflict})
		case presence[i] == ledger.Absent:
			r.Failed = append(r.Failed, commitment.Failure{Reference: reference, Reason: dimse.StatusNoSuchInstance})
		default:
			r.Committed = append(r.Committed, reference)
		}
	}
	return r, nil
}

func ledgerReferences(all []commitment.Reference) []ledger.Reference {
	same := make([]ledger.Reference, len(all))
	for i, r := range all {
		same[i] = ledger.Reference(r)
	}
	return same
}

// Deliver is ledger.Handlers.CommitmentSCP: it reports on an association of ours, in the role of SCP.
func (c *CommitmentSCP) Deliver(ctx context.Context, id int64) error {
	r, err := c.compose(ctx, id)
	if errors.Is(err, errNotWaiting) {
		return nil
	}
	if err != nil {
		return err
	}
	log := c.Logger.With("commitment", id, "transaction", r.request.TransactionUID, "requestor", r.request.CallingAE)
	address, ok := c.address(r.request.CallingAE)
	if !ok {
		err = fmt.Errorf("no [[peer]] with ae_title %q has an address: it waits for an association of the requestor", r.request.CallingAE)
	} else if err = c.send(ctx, address, r); err == nil {
		log.Info("storage commitment reported", "address", address.Address, "committed", len(r.Committed), "failed", len(r.Failed))
		return c.Ledger.FinishCommitmentSCP(ctx, id, ledger.SCPReported,
			fmt.Sprintf("reported to %s at %s: %d instances are safe, %d are not",
				address.AETitle, address.Address, len(r.Committed), len(r.Failed)))
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	text := fmt.Sprintf("report to %s: %s", r.request.CallingAE, netfault.Words(err))
	if age := c.Now().Sub(r.request.CreatedAt); age > commitmentGiveUp {
		log.Error("storage commitment is given up",
			"remedy", "check ae_title and address of the [[peer]], and that the peer lets us in", "error", netfault.Words(err))
		return c.Ledger.FinishCommitmentSCP(ctx, id, ledger.SCPFailed, text)
	}
	delay := commitmentDelay(r.request.Attempts)
	log.Warn("storage commitment not reported yet", "attempt", r.request.Attempts+1, "again_in", delay, "error", netfault.Words(err))
	if err := c.Ledger.RetryCommitmentSCP(ctx, id, text); err != nil {
		return err
	}
	return &ledger.RetryAfter{Delay: delay, Err: err}
}

// commitmentDelay doubles from 30 s to an hour.
func commitmentDelay(attempts int) time.Duration {
	return min(30*time.Second<<min(attempts, 10), time.Hour)
}

func (c *CommitmentSCP) address(title string) (ReportAddress, bool) {
	for _, a := range c.Addresses() {
		if a.AETitle == title && a.Address != "" {
			return a, true
		}
	}
	return ReportAddress{}, false
}

func (c *CommitmentSCP) send(ctx context.Context, to ReportAddress, r *report) error {
	dialer := c.Dialer
	dialer.CallingAETitle, dialer.TLSConfig = r.request.CalledAE, to.TLS
	conn, err := dialer.Dial(ctx, to.Address, to.AETitle, []dimse.PresentationContext{{AbstractSyntax: commitment.PushModel,
		TransferSyntaxes: commitment.Syntaxes(), SCP: true}})
	if err != nil {
		return err
	}
	syntaxes := conn.Accepted(commitment.PushModel)
	if len(syntaxes) == 0 {
		return errors.Join(errors.New("peer does not take storage commitment with us as SCP"), conn.Release(ctx))
	}
	response, err := conn.Report(ctx, dimse.EventCommand{SOPClassUID: commitment.PushModel, SOPInstanceUID: commitment.PushModelInstance,
		EventTypeID: r.EventType(), TransferSyntaxUID: syntaxes[0], Body: bytes.NewReader(r.Encode(syntaxes[0]))})
	if err != nil {
		return err
	}
	if err := conn.Release(ctx); err != nil {
		c.Logger.Debug("association of a storage commitment report ended badly", "error", err) // the report has its answer
	}
	if response.Status.Class() == dimse.ClassFailure {
		return fmt.Errorf("peer answered %v %s", response.Status, response.ErrorComment)
	}
	return nil
}
