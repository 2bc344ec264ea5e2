package dimse

import (
	"context"
	"slices"

	"jcsnode/dimse/pdu"
)

// Offer is what an acceptor takes: the transfer syntaxes of each SOP class, the preferred one first.
type Offer map[string][]string

// Accept is a Server.Accept that takes what is offered: of a context, the first syntax of the class that the peer proposes.
func (o Offer) Accept(_ Requestor, abstract string, proposed []string) (transferSyntax string, result byte) {
	preferred, known := o[abstract]
	if !known {
		return "", pdu.ResultAbstractSyntaxNotSupported
	}
	for _, syntax := range preferred {
		if slices.Contains(proposed, syntax) {
			return syntax, pdu.ResultAcceptance
		}
	}
	return "", pdu.ResultTransferSyntaxesNotSupported
}

// StoreFunc is a Handler that is Handler.Store alone: C-ECHO succeeds, and how associations end does not matter.
type StoreFunc func(ctx context.Context, a *Association, req *StoreRequest) (status Status, comment string)

// Echo is always a success.
func (StoreFunc) Echo(context.Context, *Association) Status { return StatusSuccess }

// Store calls f.
func (f StoreFunc) Store(ctx context.Context, a *Association, req *StoreRequest) (status Status, comment string) {
	return f(ctx, a, req)
}

// Closed does nothing.
func (StoreFunc) Closed(*Association, error) {}
