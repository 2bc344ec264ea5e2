package dimse

import (
	"errors"
	"fmt"
	"io"

	"jcsnode/dimse/pdu"
)

// maxSendLength is the longest P-DATA-TF in bytes that this side sends, and announces by default. DCMTK takes no
// announcement above it (dcmnet/assoc.h), and larger PDUs gain nothing.
const maxSendLength = 128 << 10

// readCommand reads the next command set: all its fragments, in as many P-DATA-TFs as the peer likes.
func (l *link) readCommand(waiting string) (*PresentationContext, pdu.Command, error) {
	var id byte
	l.command = l.command[:0]
	for first := true; ; first = false {
		v, err := l.nextFragment(waiting)
		if err != nil {
			return nil, pdu.Command{}, err
		}
		if first {
			id = v.ContextID
			l.progress.begin()
		}
		if !v.Command || v.ContextID != id {
			return nil, pdu.Command{}, l.disorder("data or another context where a command was due")
		}
		if len(l.command)+int(v.Length) > pdu.MaxCommandLength {
			return nil, pdu.Command{}, l.malformed(fmt.Errorf("command set of more than %d bytes", pdu.MaxCommandLength))
		}
		for l.fragmentLeft > 0 {
			b, err := l.chunk()
			if err != nil {
				return nil, pdu.Command{}, err
			}
			l.command = append(l.command, b...)
		}
		if v.Last {
			break
		}
	}
	command, err := pdu.DecodeCommand(l.command)
	if err != nil {
		return nil, pdu.Command{}, l.malformed(fmt.Errorf("decode command set: %w", err))
	}
	return l.accepted[id], command, nil
}

// disorder is the abort for fragments that do not follow each other as PS3.8 annex E asks.
func (l *link) disorder(what string) error {
	l.on(evtInvalidPDU)
	return violation(pdu.AbortUnexpectedParameter, errors.New(what))
}

// send writes a message without data set in one write.
func (l *link) send(id byte, command *pdu.Command) error {
	l.out = pdu.AppendPData(l.out[:0], pdu.PDV{ContextID: id, Command: true}, command.Append(nil), l.fragment)
	l.on(evtData)
	return l.write(l.out)
}

// body streams the data set of a message from the connection.
type body struct {
	link *link
	id   byte  // presentation context
	last bool  // the fragment under way is the last one
	err  error // set at the end, io.EOF if all is there
}

// errBodyClosed answers reads of a body whose message is done.
var errBodyClosed = errors.New("data set is read after its message was answered")

// chunk returns the next bytes, valid until the next call.
func (b *body) chunk() ([]byte, error) {
	if b.err != nil {
		return nil, b.err
	}
	for b.link.fragmentLeft == 0 {
		if b.last {
			b.link.progress.end()
			b.err = io.EOF
			return nil, b.err
		}
		v, err := b.link.nextFragment("the next part of a data set")
		if err == nil && (v.Command || v.ContextID != b.id) {
			err = b.link.disorder("command or another context in the middle of a data set")
		}
		if err != nil {
			b.err = err
			return nil, err
		}
		b.last = v.Last
	}
	data, err := b.link.chunk()
	b.err = err
	return data, err
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n := 0
	for n < len(p) && (n == 0 || b.ready()) {
		data, err := b.part(len(p) - n)
		if err != nil {
			if n > 0 {
				return n, nil // b.err stays for the next call
			}
			return 0, err
		}
		n += copy(p[n:], data)
	}
	return n, nil
}

// ready reports whether the next part needs no read of the connection.
func (b *body) ready() bool {
	return b.err == nil && b.link.fragmentLeft > 0 && b.link.buffered() > 0
}

// part is chunk with at most n bytes.
func (b *body) part(n int) ([]byte, error) {
	data, err := b.chunk()
	if over := len(data) - n; over > 0 {
		b.link.unread(over)
		data = data[:n]
	}
	return data, err
}

// WriteTo implements io.WriterTo: fragments go from the buffer of the connection to w without a copy between.
func (b *body) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for {
		data, err := b.chunk()
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
		n, err := w.Write(data)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
}

// drain reads what the handler left and returns nil if the data set arrived whole. The body is closed then.
func (b *body) drain() error {
	for b.err == nil {
		_, _ = b.chunk()
	}
	err := b.err
	b.err = errBodyClosed
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
