package dimse

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"

	"jcsnode/dimse/pdu"
)

var (
	// ErrNoContext is returned by Conn.Store and Conn.Echo when the peer accepted no presentation context for the SOP class
	// and transfer syntax. Nothing was sent, and the association goes on.
	ErrNoContext = errors.New("no presentation context was accepted for this SOP class and transfer syntax")

	// ErrClosed is returned by methods of a Conn whose association is over.
	ErrClosed = errors.New("association is over")

	// ErrConnectionLost says that the peer closed the connection without releasing or aborting the association.
	ErrConnectionLost = errors.New("peer closed the connection without release or abort")

	// ErrReleasedByPeer is returned by methods of a Conn when the peer asked for release in place of an answer.
	ErrReleasedByPeer = errors.New("peer released the association")

	// ErrNoTLS says that the peer answers a TLS handshake with something else, or begins without one where it has to.
	ErrNoTLS = errors.New("the peer does not speak TLS on this port")

	// ErrSpeaksTLS says that the peer speaks TLS on a connection without.
	ErrSpeaksTLS = errors.New("the peer speaks TLS on this port, and the connection is one without")

	// ErrNotDICOM says that the peer begins with a text: HTTP, SSH and the like.
	ErrNotDICOM = errors.New("the peer does not speak DICOM on this port")

	// ErrShutdown is the cause when Server.Shutdown ends an association.
	ErrShutdown = errors.New("server shuts down")
)

// Rejection is an A-ASSOCIATE-RJ (PS3.8 table 9-21): received by Dialer.Dial, or returned by Server.Admit to send it.
type Rejection struct {
	Result byte   // 1 permanent, 2 transient
	Source byte   // 1 service user, 2 service provider (ACSE), 3 service provider (presentation)
	Reason byte   // meaning depends on Source
	Detail string // for the log: what did not fit and what to do; never sent
}

// Temporary reports whether trying again later may help.
func (r *Rejection) Temporary() bool { return r.Result == 2 }

// Error gives the three numbers with their meaning.
func (r *Rejection) Error() string {
	duration := "permanent"
	if r.Temporary() {
		duration = "transient"
	}
	text := fmt.Sprintf("association rejected %d/%d/%d (%s, %s)", r.Result, r.Source, r.Reason, duration, r.Words())
	if r.Detail != "" {
		text += ": " + r.Detail
	}
	return text
}

// Words is what the numbers of source and reason mean.
func (r *Rejection) Words() string {
	reasons := map[[2]byte]string{
		{1, 1}: "no reason given", {1, 2}: "application context not supported",
		{1, 3}: "calling AE title not recognized", {1, 7}: "called AE title not recognized",
		{2, 1}: "no reason given", {2, 2}: "protocol version not supported",
		{3, 1}: "temporary congestion", {3, 2}: "local limit exceeded",
	}
	if words, known := reasons[[2]byte{r.Source, r.Reason}]; known {
		return words
	}
	return "unknown reason"
}

// AbortError is an A-ABORT (PS3.8 table 9-26) that ended an association.
type AbortError struct {
	Source, Reason byte
	ByPeer         bool  // received; otherwise sent by this side
	Cause          error // why this side sent it, nil when received
}

// Error gives both numbers, who aborted and why.
func (e *AbortError) Error() string {
	reasons := []string{"reason not specified", "unrecognized PDU", "unexpected PDU", "reserved reason",
		"unrecognized PDU parameter", "unexpected PDU parameter", "invalid PDU parameter value"}
	text := fmt.Sprintf("%d/%d", e.Source, e.Reason)
	if e.Source == pdu.AbortByProvider && int(e.Reason) < len(reasons) {
		text += " (" + reasons[e.Reason] + ")"
	}
	if e.ByPeer {
		return "association aborted by the peer: " + text
	}
	return fmt.Sprintf("association aborted with %s: %v", text, e.Cause)
}

// Unwrap gives the cause.
func (e *AbortError) Unwrap() error { return e.Cause }

// violation is an abort, still to be sent, for what the peer did against PS3.8.
func violation(reason byte, cause error) *AbortError {
	return &AbortError{Source: pdu.AbortByProvider, Reason: reason, Cause: cause}
}

// TimeoutError says for what the peer let us wait too long. It is an os.ErrDeadlineExceeded and a net.Error timeout.
type TimeoutError struct {
	Waiting string // "the A-ASSOCIATE-RQ", ...
	Err     error
}

func (e *TimeoutError) Error() string { return "timeout while waiting for " + e.Waiting }

// Unwrap gives the error of the connection.
func (e *TimeoutError) Unwrap() error { return e.Err }

// Timeout is always true.
func (e *TimeoutError) Timeout() bool { return true }

// handshakeError puts into words why a TLS handshake failed.
func handshakeError(err error) error {
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &record):
		return fmt.Errorf("TLS handshake: %w", ErrNoTLS)
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return fmt.Errorf(
			"TLS handshake: the peer closed the connection; it may not speak TLS on this port, or not take our certificate: %w", err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("TLS handshake: the peer may not speak TLS on this port: %w", err)
	}
	return fmt.Errorf("TLS handshake: %w", err)
}

// isText says whether the beginning of what should be a PDU is one of a protocol of lines: the types of PDUs are no letters.
func isText(b []byte) bool {
	return len(b) > 0 && !slices.ContainsFunc(b, func(c byte) bool { return c < ' ' || c > '~' })
}

// isTLS says whether the beginning of what should be a PDU is a TLS record: a handshake or an alert of version 3 (RFC 8446 5.1).
func isTLS(b []byte) bool { return len(b) > 1 && (b[0] == 0x16 || b[0] == 0x15) && b[1] == 3 }
