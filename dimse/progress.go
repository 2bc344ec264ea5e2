package dimse

import (
	"fmt"
	"os"
	"time"
)

// progress is the rule that a message must arrive at a least average rate: each PDU of it may come in time, and all of them
// trickle for ever. Only time that is spent waiting for the peer counts.
type progress struct {
	rate   int64         // bytes per second; 0: no rule
	window time.Duration // over which the average is taken

	on       bool // a message is under way
	waited   time.Duration
	received int64
}

// begin starts with a message whose first bytes are there.
func (p *progress) begin() { p.on, p.waited, p.received = true, 0, 0 }

func (p *progress) end() { p.on = false }

// add counts n bytes that took so long to come.
func (p *progress) add(n int, took time.Duration) error {
	if !p.on || p.rate == 0 {
		return nil
	}
	p.waited += took
	p.received += int64(n)
	if p.waited < p.window {
		return nil
	}
	if float64(p.received) < float64(p.rate)*p.waited.Seconds() {
		return &TimeoutError{Waiting: fmt.Sprintf("a message to arrive at %d bytes per second: %d bytes came in %v",
			p.rate, p.received, p.waited.Round(time.Millisecond)),
			Err: os.ErrDeadlineExceeded}
	}
	p.waited, p.received = 0, 0
	return nil
}
