package dimse

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// requestBuffer is the read buffer before an association is established, in bytes: a thousand silent connections cost
// half a megabyte of it.
const requestBuffer = 512

// wire reads and writes a connection through one buffer and sets a deadline for every read and write. It belongs to one
// goroutine; only interrupt may be called by others.
type wire struct {
	conn     net.Conn
	quickAck func()

	buf     []byte // buf[start:end] was read and is not consumed
	start   int
	end     int
	until   time.Time     // deadline of all reads, while an association begins or ends; zero: budget counts
	budget  time.Duration // what is left for waiting in reads; time between reads does not count
	waiting string        // for what, for the error text

	progress progress // of the message under way

	writeTimeout time.Duration
	writeFailed  bool // part of a PDU may have left: nothing can follow it

	mu          sync.Mutex
	interrupted error // guarded by mu; why reads end at once
	stopWrites  bool  // guarded by mu; whether writes end as well
}

func newWire(conn net.Conn, writeTimeout time.Duration) *wire {
	return &wire{conn: conn, quickAck: newQuickAck(conn), buf: make([]byte, requestBuffer), writeTimeout: writeTimeout}
}

// transport is the connection below TLS, or conn itself.
func transport(conn net.Conn) net.Conn {
	if t, ok := conn.(*tls.Conn); ok {
		return t.NetConn()
	}
	return conn
}

// grow makes the buffer size bytes long and keeps what is in it.
func (w *wire) grow(size int) {
	buf := make([]byte, max(size, w.end-w.start))
	w.end = copy(buf, w.buf[w.start:w.end])
	w.start, w.buf = 0, buf
}

// interrupt ends the read under way and all later ones with cause, and writes too if asked. The first cause stays.
func (w *wire) interrupt(cause error, writes bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.interrupted == nil {
		w.interrupted = cause
	}
	past := time.Unix(1, 0)
	_ = w.conn.SetReadDeadline(past) // fails only on a closed connection, whose reads end anyway
	if writes {
		w.stopWrites = true
		_ = w.conn.SetWriteDeadline(past)
	}
}

// interruption is the cause given to interrupt, or nil.
func (w *wire) interruption() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.interrupted
}

// armRead sets a deadline unless the wire is interrupted: interrupt cannot be lost between here and the read.
func (w *wire) armRead(deadline time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.interrupted != nil {
		return w.interrupted
	}
	return w.conn.SetReadDeadline(deadline)
}

// armWrite is armRead for writes.
func (w *wire) armWrite(deadline time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopWrites {
		return w.interrupted
	}
	return w.conn.SetWriteDeadline(deadline)
}

// read is one read of the connection.
func (w *wire) read(p []byte) (int, error) {
	begin := time.Now()
	deadline := w.until
	if deadline.IsZero() {
		deadline = begin.Add(w.budget)
	}
	if err := w.armRead(deadline); err != nil {
		return 0, err
	}
	n, err := w.conn.Read(p)
	if n > 0 {
		w.quickAck()
		took := time.Since(begin)
		w.budget -= took
		return n, w.progress.add(n, took)
	}
	if cause := w.interruption(); cause != nil {
		return 0, cause
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return 0, &TimeoutError{Waiting: w.waiting, Err: err}
	case err == nil || errors.Is(err, io.EOF):
		return 0, ErrConnectionLost
	}
	return 0, fmt.Errorf("read from the peer while waiting for %s: %w", w.waiting, err)
}

// buffered is the number of bytes that were read and not consumed.
func (w *wire) buffered() int { return w.end - w.start }

// fill reads once into an empty or partly filled buffer.
func (w *wire) fill() error {
	if w.start == w.end {
		w.start, w.end = 0, 0
	} else if w.end == len(w.buf) {
		w.end = copy(w.buf, w.buf[w.start:w.end])
		w.start = 0
	}
	n, err := w.read(w.buf[w.end:])
	w.end += n
	return err
}

// peek returns the next n bytes without consuming them; n is at most the size of a header.
func (w *wire) peek(n int) ([]byte, error) {
	for w.buffered() < n {
		if err := w.fill(); err != nil {
			return nil, err
		}
	}
	return w.buf[w.start : w.start+n], nil
}

func (w *wire) consume(n int) { w.start += n }

// readAll reads n bytes into memory that grows as they arrive, not as n promises.
func (w *wire) readAll(n int) ([]byte, error) {
	var body []byte
	for len(body) < n {
		if w.buffered() == 0 {
			if err := w.fill(); err != nil {
				return nil, err
			}
		}
		take := min(w.buffered(), n-len(body))
		body = append(body, w.buf[w.start:w.start+take]...)
		w.consume(take)
	}
	return body, nil
}

// write sends b in one write.
func (w *wire) write(b []byte) error {
	if w.writeFailed {
		return errors.New("write to the peer: an earlier write failed")
	}
	if err := w.armWrite(time.Now().Add(w.writeTimeout)); err != nil {
		return err
	}
	_, err := w.conn.Write(b)
	if err == nil {
		return nil
	}
	w.writeFailed = true
	if cause := w.interruption(); cause != nil {
		return cause
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &TimeoutError{Waiting: "the peer to take what was sent", Err: err}
	}
	return fmt.Errorf("write to the peer: %w", err)
}

// farewellTimeout bounds the write of a last PDU: it fits any socket buffer that is not stuck.
const farewellTimeout = 2 * time.Second

// farewell writes the last PDU of an association, interrupted or not. It stays silent where it would land in the middle of
// another PDU, and its errors say nothing new about a connection that ends.
func (w *wire) farewell(b []byte) {
	if w.writeFailed {
		return
	}
	w.writeFailed = true
	_ = w.conn.SetWriteDeadline(time.Now().Add(farewellTimeout))
	_, _ = w.conn.Write(b)
}
