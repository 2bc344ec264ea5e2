package probe

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"
)

// maxAnswer bounds what is read of one PDU.
const maxAnswer = 1 << 20

// peer is a connection to the acceptor. Its methods tell what came back in the words of Case.Want.
type peer struct {
	target Target
	conn   net.Conn
	in     *bufio.Reader
	takes  int // longest P-DATA-TF that the acceptor may send, 0 for any
}

func (t Target) connect() (*peer, error) {
	conn, err := net.DialTimeout("tcp", t.Address, t.Wait)
	if err != nil {
		return nil, err
	}
	return &peer{target: t, conn: conn, in: bufio.NewReader(conn)}, nil
}

// write sends bytes. That the acceptor does not take them any more shows in its answer.
func (p *peer) write(parts ...[]byte) {
	_ = p.conn.SetWriteDeadline(time.Now().Add(p.target.Wait))
	_, _ = p.conn.Write(join(parts...))
}

// What may come in place of a PDU.
const (
	closed  = "closed"
	silence = "silence"
)

// read returns the next PDU, or closed or silence.
func (p *peer) read(limit time.Duration) (kind byte, body []byte, instead string) {
	_ = p.conn.SetReadDeadline(time.Now().Add(limit))
	header := make([]byte, 6)
	if _, err := io.ReadFull(p.in, header); err != nil {
		return 0, nil, ending(err)
	}
	length := binary.BigEndian.Uint32(header[2:])
	if length > maxAnswer {
		return 0, nil, fmt.Sprintf("PDU of %d bytes", length)
	}
	body = make([]byte, length)
	if _, err := io.ReadFull(p.in, body); err != nil {
		return 0, nil, "half a PDU, " + ending(err)
	}
	return header[0], body, ""
}

func ending(err error) string {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return silence
	}
	return closed
}

// answer tells what comes next.
func (p *peer) answer() string { return p.answerWithin(p.target.Wait) }

func (p *peer) answerWithin(limit time.Duration) string {
	kind, body, instead := p.read(limit)
	if instead != "" {
		return instead
	}
	return p.name(kind, body)
}

// name gives a PDU its words. That an acceptor leaves it to the peer to close the connection is right (PS3.8 table 9-10, Sta13).
func (p *peer) name(kind byte, body []byte) string {
	switch {
	case kind == typeAC:
		return "A-ASSOCIATE-AC"
	case kind == typeRJ && len(body) == 4:
		return fmt.Sprintf("A-ASSOCIATE-RJ %d/%d/%d", body[1], body[2], body[3])
	case kind == typeAbort && len(body) == 4:
		return fmt.Sprintf("A-ABORT %d/%d", body[2], body[3])
	case kind == typeReleaseRP && len(body) == 4:
		return "A-RELEASE-RP"
	case kind == typeData:
		return p.response(body)
	}
	return fmt.Sprintf("PDU type %02X of %d bytes", kind, len(body))
}

// response reads a message without data set, the first P-DATA-TF of which is there, and checks its form.
func (p *peer) response(body []byte) string {
	var set []byte
	for last := false; !last; {
		// Below 8 no fragment of even length fits, and something has to be sent.
		if p.takes >= 8 && len(body) > p.takes {
			return fmt.Sprintf("P-DATA-TF of %d bytes for a peer that takes %d", len(body), p.takes)
		}
		for len(body) > 0 && !last {
			if len(body) < 6 {
				return "presentation data value that is cut"
			}
			length := int(binary.BigEndian.Uint32(body))
			if length < 2 || length > len(body)-4 {
				return "presentation data value whose length lies"
			}
			if body[5]&1 == 0 {
				return "data set"
			}
			set = append(set, body[6:4+length]...)
			last = body[5]&2 != 0
			body = body[4+length:]
		}
		if last {
			break
		}
		kind, more, instead := p.read(p.target.Wait)
		if instead != "" {
			return "half a message, " + instead
		}
		if kind != typeData {
			return "half a message, " + p.name(kind, more)
		}
		body = more
	}
	return describe(set)
}

var operations = map[int]string{cStore: "C-STORE", cGet: "C-GET",
	cFind: "C-FIND", cMove: "C-MOVE", cEcho: "C-ECHO", nEvent: "N-EVENT-REPORT",
	nGet: "N-GET", nSet: "N-SET", nAction: "N-ACTION", nCreate: "N-CREATE", nDelete: "N-DELETE", cCancel: "C-CANCEL"}

// describe names a command set with its status, and says what is wrong with its form (PS3.7 section 6.3.1).
func describe(set []byte) string {
	values := map[int][]byte{}
	last := -1
	for rest := set; len(rest) > 0; {
		if len(rest) < 8 {
			return "command set that is cut"
		}
		number, length := int(binary.LittleEndian.Uint16(rest[2:])), int(binary.LittleEndian.Uint32(rest[4:]))
		if rest[0] != 0 || rest[1] != 0 || length > len(rest)-8 || length%2 != 0 || number <= last {
			return fmt.Sprintf("command set with a faulty element %04X", number)
		}
		if number == 0 && (length != 4 || int(binary.LittleEndian.Uint32(rest[8:])) != len(set)-12) {
			return "command set whose group length is wrong"
		}
		values[number], last = rest[8:8+length], number
		rest = rest[8+length:]
	}
	number := func(e int) int {
		if len(values[e]) != 2 {
			return -1
		}
		return int(binary.LittleEndian.Uint16(values[e]))
	}
	for _, e := range []int{0, commandField, dataSetType} {
		if values[e] == nil {
			return fmt.Sprintf("command set without element %04X", e)
		}
	}
	field := number(commandField)
	name, known := operations[field&0x7FFF]
	if !known {
		name = fmt.Sprintf("%04XH", field&0x7FFF)
	}
	if field&0x8000 == 0 {
		return name + "-RQ"
	}
	return fmt.Sprintf("%s-RSP %04XH to %d", name, number(status), number(respondedTo))
}

// accepted is an A-ASSOCIATE-AC.
type accepted struct {
	results  map[byte]byte   // of contexts
	syntaxes map[byte]string // of accepted contexts
	user     map[byte][][]byte
	max      int    // longest P-DATA-TF that the acceptor takes, 0: any
	faults   string // what is wrong with its form, or with it as an answer
}

// associate sends a request. ac is nil if something else than an acceptance came; answer says what.
func (p *peer) associate(r request) (ac *accepted, answer string) {
	p.write(r.bytes())
	return p.accepted(r)
}

// accepted reads the answer to a request.
func (p *peer) accepted(r request) (ac *accepted, answer string) {
	kind, body, instead := p.read(p.target.Wait)
	if instead != "" {
		return nil, instead
	}
	if kind != typeAC {
		return nil, p.name(kind, body)
	}
	p.takes = r.takes()
	a := &accepted{results: map[byte]byte{}, syntaxes: map[byte]string{}, user: map[byte][][]byte{}}
	a.decode(body, r)
	return a, "A-ASSOCIATE-AC"
}

func (a *accepted) fault(format string, args ...any) { a.faults += ", " + fmt.Sprintf(format, args...) }

// decode reads the PDU behind its header and compares it with the request: PS3.8 section 9.3.3.
func (a *accepted) decode(body []byte, r request) {
	if len(body) < 68 {
		a.fault("AC of %d bytes", len(body))
		return
	}
	if binary.BigEndian.Uint16(body)&1 == 0 {
		a.fault("AC without version 1")
	}
	if string(body[4:68]) != string(r.called[:])+string(r.calling[:])+string(r.reserved[:]) {
		a.fault("AC does not repeat bytes 11 to 74")
	}
	items, ok := split(body[68:])
	if !ok {
		a.fault("AC whose item lengths lie")
	}
	users, applications := 0, 0
	for _, i := range items {
		switch i.kind {
		case 0x10:
			applications++
			if string(i.content) != applicationContext {
				a.fault("AC with application context %q", i.content)
			}
		case 0x21:
			a.context(i.content, r)
		case 0x50:
			users++
			a.userItems(i.content, r)
		default:
			a.fault("AC with item %02X", i.kind)
		}
	}
	if users != 1 || applications != 1 {
		a.fault("AC with %d user information and %d application context items", users, applications)
	}
	for _, c := range r.proposed() {
		if _, answered := a.results[c.id]; !answered {
			a.fault("context %d not answered", c.id)
		}
	}
}

func (a *accepted) context(content []byte, r request) {
	if len(content) < 4 {
		a.fault("context item of %d bytes", len(content))
		return
	}
	id, result := content[0], content[2]
	proposed := r.proposed()
	i := slices.IndexFunc(proposed, func(c context) bool { return c.id == id })
	_, again := a.results[id]
	if i < 0 || again || result > 4 {
		a.fault("context %d, result %d: not proposed, or answered again", id, result)
		return
	}
	a.results[id] = result
	subs, ok := split(content[4:])
	if !ok || len(subs) > 1 {
		a.fault("context %d with faulty sub-items", id)
	}
	if result != 0 {
		return
	}
	if len(subs) != 1 || subs[0].kind != 0x40 {
		a.fault("context %d without transfer syntax", id)
		return
	}
	syntax := strings.TrimRight(string(subs[0].content), "\x00 ")
	a.syntaxes[id] = syntax
	if !slices.ContainsFunc(proposed[i].syntaxes, func(s string) bool { return strings.TrimRight(s, "\x00 ") == syntax }) {
		a.fault("context %d with transfer syntax %q, which was not proposed", id, syntax)
	}
}

func (a *accepted) userItems(content []byte, r request) {
	subs, ok := split(content)
	if !ok {
		a.fault("user information whose lengths lie")
	}
	for _, s := range subs {
		a.user[s.kind] = append(a.user[s.kind], s.content)
	}
	asked := func(kind byte) bool {
		return slices.ContainsFunc(r.user, func(b []byte) bool { return b[0] == kind })
	}
	if m := a.user[0x51]; len(m) != 1 || len(m[0]) != 4 {
		a.fault("%d maximum length items", len(m))
	} else {
		a.max = int(binary.BigEndian.Uint32(m[0]))
	}
	if c := a.user[0x52]; len(c) != 1 || len(c[0]) == 0 || len(c[0]) > 64 {
		a.fault("%d implementation class UIDs, or a wrong one", len(c))
	}
	if v := a.user[0x55]; len(v) > 1 || len(v) == 1 && (len(v[0]) == 0 || len(v[0]) > 16) {
		a.fault("%d implementation version names, or a wrong one", len(v))
	}
	for _, optional := range []struct{ answer, request byte }{{0x53, 0x53}, {0x54, 0x54}, {0x56, 0x56}, {0x59, 0x58}} {
		if len(a.user[optional.answer]) > 0 && !asked(optional.request) {
			a.fault("item %02X, to which nothing was asked", optional.answer)
		}
	}
}

// sub is an item or sub-item.
type sub struct {
	kind    byte
	content []byte
}

func split(b []byte) (items []sub, ok bool) {
	for len(b) > 0 {
		if len(b) < 4 {
			return items, false
		}
		length := int(binary.BigEndian.Uint16(b[2:]))
		if length > len(b)-4 {
			return items, false
		}
		items = append(items, sub{b[0], b[4 : 4+length]})
		b = b[4+length:]
	}
	return items, true
}

// refusals lists contexts that were not accepted, with their results.
func (a *accepted) refusals() string {
	var text string
	for id := range 256 {
		if result := a.results[byte(id)]; result != 0 {
			text += fmt.Sprintf(", %d refused (%d)", id, result)
		}
	}
	return text
}

// goesOn is empty if the association takes a C-ECHO and ends by release, as it must.
func (p *peer) goesOn() string {
	p.write(echoMessage(1))
	if got := p.answer(); got != "C-ECHO-RSP 0000H to 1" {
		return ", then a C-ECHO: " + got
	}
	return p.release()
}

// release is empty if the association ends as it must.
func (p *peer) release() string {
	p.write(releaseRQ)
	if got := p.answer(); got != "A-RELEASE-RP" {
		return ", then a release: " + got
	}
	return ""
}
