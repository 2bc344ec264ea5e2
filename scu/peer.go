package scu

import (
	"context"
	"fmt"

	"jcsnode/dataset"
	"jcsnode/dimse"
)

// Peer is the node that is asked.
type Peer struct {
	Address       string // host:port
	CalledAETitle string
	Dialer        *dimse.Dialer // under which title, in which time
}

// Echo asks whether the node is there. It is when the error is nil.
func (p Peer) Echo(ctx context.Context) error {
	conn, err := p.dial(ctx, []dimse.PresentationContext{{AbstractSyntax: dimse.Verification,
		TransferSyntaxes: []string{dataset.ExplicitVRLittleEndian, dataset.ImplicitVRLittleEndian}}})
	if err != nil {
		return err
	}
	status, err := conn.Echo(ctx)
	if err != nil {
		conn.Abort()
		return fmt.Errorf("C-ECHO to %s: %w", p.CalledAETitle, err)
	}
	if err := conn.Release(ctx); err != nil {
		return fmt.Errorf("release the association: %w", err)
	}
	if status != dimse.StatusSuccess {
		return fmt.Errorf("%s answered C-ECHO with %v", p.CalledAETitle, status)
	}
	return nil
}

func (p Peer) dial(ctx context.Context, contexts []dimse.PresentationContext) (*dimse.Conn, error) {
	conn, err := p.Dialer.Dial(ctx, p.Address, p.CalledAETitle, contexts)
	if err != nil {
		return nil, fmt.Errorf("open an association with %s at %s: %w", p.CalledAETitle, p.Address, err)
	}
	return conn, nil
}
