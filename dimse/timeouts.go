package dimse

import "time"

// Timeouts bound every wait of an association. Zero values mean the defaults in the comments.
type Timeouts struct {
	// Connect bounds the TCP connection and the TLS handshake of a Dialer. 10 s.
	Connect time.Duration
	// Request is ARTIM. Server: from the accepted connection, TLS handshake included, until the A-ASSOCIATE-RQ is there
	// whole; bytes do not renew it. Dialer: from the request until its answer is there whole. Server again: how long the
	// peer may take to close after a rejection, release or abort. 30 s.
	Request time.Duration
	// Idle is how long an accepted association may be silent between two PDUs. Modalities pause for minutes between
	// series. 5 min.
	Idle time.Duration
	// PDU is how long one PDU may take from its first byte to its last. Time that a Handler spends is not counted. 60 s.
	PDU time.Duration
	// Progress is the time over which Server.MinRate is averaged. 5 min.
	Progress time.Duration
	// Write is how long the peer may take to make room for one PDU. 60 s.
	Write time.Duration
	// Response is how long a Dialer's association waits for the response to a request, after its last byte. Receivers
	// that index before they answer need minutes. 5 min.
	Response time.Duration
	// Release is how long a Dialer's association waits for the answer to a release request. 10 s.
	Release time.Duration
	// Drain is how long Server.Serve lets associations finish once its context has ended. 10 s.
	Drain time.Duration
}

// DefaultTimeouts are the limits of a Server or Dialer that sets none.
func DefaultTimeouts() Timeouts { return Timeouts{}.withDefaults() }

func (t Timeouts) withDefaults() Timeouts {
	for _, d := range []struct {
		value     *time.Duration
		otherwise time.Duration
	}{
		{&t.Connect, 10 * time.Second},
		{&t.Request, 30 * time.Second},
		{&t.Idle, 5 * time.Minute},
		{&t.PDU, time.Minute},
		{&t.Progress, 5 * time.Minute},
		{&t.Write, time.Minute},
		{&t.Response, 5 * time.Minute},
		{&t.Release, 10 * time.Second},
		{&t.Drain, 10 * time.Second},
	} {
		if *d.value <= 0 {
			*d.value = d.otherwise
		}
	}
	return t
}
