package deliver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"jcsnode/commitment"
	"jcsnode/dicomout/object"
	"jcsnode/dimse"
)

// Asking is a request for storage commitment (PS3.4 annex J).
type Asking struct {
	commitment.Request
	// Accepted is called when the destination has taken the request.
	Accepted func() error
	// Report keeps a report that comes on the same association, and Linger is how long it may take to come.
	Report func(commitment.Result) error
	Linger time.Duration
}

// errCommitmentRefused says that there is nobody to ask.
var errCommitmentRefused = errors.New("destination does not accept storage commitment: " +
	"enable it there for our AE title, check commitment_ae_title, or set commitment = false")

// AskCommitment asks a destination to commit to what it was sent. The error is nil once the destination has taken the request: its
// report comes on this association within a.Linger, or later on one that it opens.
func AskCommitment(ctx context.Context, dest Destination, a Asking) error {
	reported := false
	conn, err := dest.dialCommitment(ctx, func(e *dimse.EventRequest) (dimse.Status, string) {
		reported = true
		return commitment.Take(e, a.Report)
	})
	if err != nil {
		return fmt.Errorf("ask %s for storage commitment: %w", dest.Name, err)
	}
	syntaxes := conn.Accepted(commitment.PushModel)
	if len(syntaxes) == 0 {
		_ = conn.Release(ctx)
		return errCommitmentRefused
	}
	response, err := conn.Action(ctx, dimse.ActionCommand{SOPClassUID: commitment.PushModel, SOPInstanceUID: commitment.PushModelInstance,
		ActionTypeID: commitment.ActionRequest, TransferSyntaxUID: syntaxes[0], Body: bytes.NewReader(a.Encode(syntaxes[0]))})
	if err != nil {
		return fmt.Errorf("ask %s for storage commitment: %w", dest.Name, err)
	}
	defer conn.Abort() // closes what is left
	if response.Status.Class() == dimse.ClassFailure {
		_ = conn.Release(ctx)
		return fmt.Errorf("destination refused the request for storage commitment, %v", response.Status)
	}
	if err := a.Accepted(); err != nil {
		return err
	}
	if !reported {
		// A peer that reports on an association of its own may close this one at once: that is no failure.
		if _, err := conn.AwaitReport(ctx, a.Linger); err != nil {
			return ctx.Err()
		}
	}
	_ = conn.Release(ctx) // how the peer says goodbye changes nothing
	return nil
}

// ProbeCommitment asks a destination whether it would take requests for storage commitment. Nothing is requested.
func ProbeCommitment(ctx context.Context, dest Destination) error {
	conn, err := dest.dialCommitment(ctx, nil)
	if err != nil {
		return fmt.Errorf("probe storage commitment of %s: %w", dest.Name, err)
	}
	_ = conn.Release(ctx)
	if len(conn.Accepted(commitment.PushModel)) == 0 {
		return errCommitmentRefused
	}
	return nil
}

// dialCommitment opens an association in the default roles: we use the service, the destination provides it.
func (dest Destination) dialCommitment(ctx context.Context, report func(*dimse.EventRequest) (dimse.Status, string)) (*dimse.Conn, error) {
	dialer := dimse.Dialer{
		CallingAETitle:         dest.CallingAETitle,
		TLSConfig:              dest.TLS,
		Timeouts:               dest.Timeouts,
		EventReport:            report,
		ImplementationClassUID: object.ImplementationClassUID,
		ImplementationVersion:  object.ImplementationVersionName,
	}
	return dialer.Dial(ctx, dest.Address, dest.CommitmentAETitle,
		[]dimse.PresentationContext{{AbstractSyntax: commitment.PushModel, TransferSyntaxes: commitment.Syntaxes()}})
}
