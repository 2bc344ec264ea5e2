package probe

import (
	"bytes"
	"net"
)

// strangers are what comes in place of a request: Sta2 of PS3.8 table 9-10.
func strangers() []Case {
	const (
		aa1     = "PS3.8 table 9-10, Sta2: AA-1"
		invalid = "PS3.8 table 9-10, Sta2, invalid PDU; table 9-26"
	)
	wrong := []string{"A-ABORT 0/0", "A-ABORT *", "A-ASSOCIATE-RJ *", "closed"}
	broken := []string{"A-ABORT 2/6", "A-ABORT *", "A-ASSOCIATE-RJ *", "closed"}
	var cases []Case
	add := func(input, source string, want []string, run func(*peer) string) {
		cases = append(cases, Case{Group: "Before an association", Input: input, Want: want, Source: source, run: run})
	}
	add("A-ASSOCIATE-AC", aa1, wrong, send(unit(typeAC, make([]byte, 68))))
	add("A-ASSOCIATE-RJ", aa1, wrong, send(unit(typeRJ, []byte{0, 1, 1, 1})))
	add("P-DATA-TF", aa1, wrong, send(echoMessage(1)))
	add("A-RELEASE-RQ", aa1, wrong, send(releaseRQ))
	add("A-RELEASE-RP", aa1, wrong, send(releaseRP))
	add("A-ABORT", "PS3.8 table 9-10, Sta2: AA-2", []string{"closed"}, send(abort))
	for _, kind := range []struct {
		text string
		kind byte
	}{{"00", 0}, {"08", 8}, {"7F", 0x7F}, {"FF", 0xFF}} {
		add("PDU of the unknown type "+kind.text, aa1, wrong, send(unit(kind.kind, []byte("abcd"))))
	}
	add("P-DATA-TF that says 4 GiB", aa1, wrong, send([]byte("\x04\x00\xFF\xFF\xFF\xFF")))
	add("unknown type that says 4 GiB", aa1, wrong, send([]byte("\x42\x00\xFF\xFF\xFF\xFF")))
	add("A-RELEASE-RQ of 0 bytes", aa1, wrong, send(unit(typeReleaseRQ)))
	add("A-ABORT of 0 bytes", invalid, broken, send(unit(typeAbort)))
	add("1000 zeros", aa1, wrong, send(make([]byte, 1000)))
	add("HTTP request", aa1, wrong, send([]byte("GET / HTTP/1.1\r\nHost: node\r\nUser-Agent: probe\r\n\r\n")))
	add("TLS client hello", aa1, wrong, send([]byte("\x16\x03\x01\x00\xF5\x01\x00\x00\xF1\x03\x03"), bytes.Repeat([]byte{7}, 200)))
	add("HL7 message", aa1, wrong, send([]byte("\x0bMSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.3\r\x1c\r")))
	add("SSH greeting", aa1, wrong, send([]byte("SSH-2.0-OpenSSH_9.2p1\r\n")))
	add("SMB negotiation", aa1, wrong, send([]byte("\x00\x00\x00\x2f\xffSMB\x72\x00\x00\x00\x00\x18\x01\x28"), make([]byte, 35)))
	add("RDP connection request", aa1, wrong, send([]byte("\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00")))
	add("request that says 4 GiB", invalid, broken, send([]byte("\x01\x00\xFF\xFF\xFF\xFF\x00\x01\x00\x00")))
	add("request that says 1 MiB", invalid, broken, send([]byte("\x01\x00\x00\x10\x00\x00\x00\x01\x00\x00")))
	add("request of 0 bytes", invalid, broken, send(unit(typeRQ)))
	add("request of 1 byte", invalid, broken, send(unit(typeRQ, []byte{0})))
	add("request of 67 bytes", invalid, broken, send(unit(typeRQ, make([]byte, 67))))
	add("nothing, then the peer closes its side", "PS3.8 table 9-10, Sta2: AA-5", []string{"closed"}, func(p *peer) string {
		p.halfClose()
		return p.answer()
	})
	add("half a PDU header, then the peer closes its side", "PS3.8 table 9-10, Sta2: AA-5", []string{"closed"}, func(p *peer) string {
		p.write([]byte{typeRQ, 0, 0})
		p.halfClose()
		return p.answer()
	})
	add("half a request, then the peer closes its side", "PS3.8 table 9-10, Sta2: AA-5",
		[]string{"closed", "A-ABORT *"}, func(p *peer) string {
			p.write(p.target.usual().bytes()[:90])
			p.halfClose()
			return p.answer()
		})
	add("half a request, then a reset", "PS3.8 table 9-10, Sta2: AA-5", []string{"nothing to answer"}, func(p *peer) string {
		p.write(p.target.usual().bytes()[:90])
		p.reset()
		return "nothing to answer"
	})
	return cases
}

func (p *peer) halfClose() {
	if c, ok := p.conn.(*net.TCPConn); ok {
		_ = c.CloseWrite()
	}
}

// reset ends the connection without a farewell.
func (p *peer) reset() {
	if c, ok := p.conn.(*net.TCPConn); ok {
		_ = c.SetLinger(0)
	}
	_ = p.conn.Close()
}
