package scu

import (
	"context"
	"fmt"

	"jcsnode/dataset"
	"jcsnode/dimse"
)

// Acceptor is the node that is asked; the word is that of PS3.8.
type Acceptor struct {
	Address       string // host:port
	CalledAETitle string
	Dialer        *dimse.Dialer // under which title, in which time
}

// Echo asks whether the node is there. It is when the error is nil.
func (a Acceptor) Echo(ctx context.Context) error {
	conn, err := a.dial(ctx, []dimse.PresentationContext{{AbstractSyntax: dimse.Verification,
		TransferSyntaxes: []string{dataset.ExplicitVRLittleEndian, dataset.ImplicitVRLittleEndian}}})
	if err != nil {
		return err
	}
	status, err := conn.Echo(ctx)
	if err != nil {
		conn.Abort()
		return fmt.Errorf("C-ECHO to %s: %w", a.CalledAETitle, err)
	}
	if err := conn.Release(ctx); err != nil {
		return fmt.Errorf("release the association: %w", err)
	}
	if status != dimse.StatusSuccess {
		return fmt.Errorf("%s answered C-ECHO with %v", a.CalledAETitle, status)
	}
	return nil
}

func (a Acceptor) dial(ctx context.Context, contexts []dimse.PresentationContext) (*dimse.Conn, error) {
	conn, err := a.Dialer.Dial(ctx, a.Address, a.CalledAETitle, contexts)
	if err != nil {
		return nil, err // which says with whom
	}
	return conn, nil
}
