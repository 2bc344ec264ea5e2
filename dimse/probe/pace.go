package probe

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// pace are connections that are right in what they say and odd in when.
func pace() []Case {
	var cases []Case
	add := func(input, source string, want []string, run func(*peer) string) {
		cases = append(cases, Case{Group: "Pace", Input: input, Want: want, Source: source, run: run})
	}
	const stream = "TCP is a stream: segments say nothing"
	add("a whole association byte by byte", stream, []string{"accepted, C-STORE-RSP 0000H to 1, A-RELEASE-RP"}, func(p *peer) string {
		return p.association(func(b []byte) {
			for i := range b {
				p.write(b[i : i+1])
			}
		})
	})
	add("a whole association in segments of 7 bytes", stream,
		[]string{"accepted, C-STORE-RSP 0000H to 1, A-RELEASE-RP"}, func(p *peer) string {
			return p.association(func(b []byte) {
				for len(b) > 0 {
					n := min(7, len(b))
					p.write(b[:n])
					b = b[n:]
				}
			})
		})
	add("request, C-ECHO and release in one segment",
		"PS3.8 table 9-10, Sta3: nothing comes before the answer; an acceptor that answers at once may go on",
		[]string{"A-ASSOCIATE-AC, C-ECHO-RSP 0000H to 1, A-RELEASE-RP", "A-ABORT *", "A-ASSOCIATE-AC*", "closed"}, func(p *peer) string {
			p.write(p.target.usual().bytes(), echoMessage(1), releaseRQ)
			all := []string{p.answer()}
			for len(all) < 3 && (strings.HasSuffix(all[len(all)-1], "-AC") || strings.Contains(all[len(all)-1], "-RSP")) {
				all = append(all, p.answer())
			}
			return strings.Join(all, ", ")
		})
	add("C-STORE and release in one segment", "PS3.8 table 9-10, Sta6: in order",
		[]string{"C-STORE-RSP 0000H to 1, A-RELEASE-RP"}, func(p *peer) string {
			if ac, answer := p.associate(p.target.usual()); ac == nil {
				return answer
			}
			p.write(message(explicitContext, store(1), ct(explicitLE)), releaseRQ)
			got := p.answer()
			return got + ", " + p.answer()
		})
	add("a whole association, then the peer closes its side before it reads",
		"the peer may have all answers, or none", []string{"A-ASSOCIATE-AC, C-ECHO-RSP 0000H to 1, closed",
			"*closed", "A-ABORT *", "A-ASSOCIATE-AC, A-ABORT *", "A-ASSOCIATE-AC, C-ECHO-RSP 0000H to 1, A-ABORT *"}, func(p *peer) string {
			p.write(p.target.usual().bytes(), echoMessage(1))
			p.halfClose()
			all := []string{p.answer()}
			for strings.HasSuffix(all[len(all)-1], "-AC") || strings.Contains(all[len(all)-1], "-RSP") {
				all = append(all, p.answer())
			}
			return strings.Join(all, ", ")
		})
	add("100 associations one after the other", "none leaves anything behind", []string{"served 100 times"}, func(p *peer) string {
		for n := range 100 {
			if lost := p.target.serves(); lost != "" {
				return fmt.Sprintf("served %d times, then %s", n, lost)
			}
		}
		return "served 100 times"
	})
	for _, n := range []int{8, 100} {
		served := fmt.Sprintf("served %d times", n)
		add(fmt.Sprintf("%d associations at the same time, each with a C-STORE", n), "PS3.8 9.1: associations are independent",
			[]string{served}, func(p *peer) string {
				if lost := p.target.beside(n); lost != "" {
					return lost
				}
				return served
			})
	}
	add("C-STORE and A-ABORT in one segment", "PS3.8 table 9-10, Sta6: in order; the peer does not wait for the answer",
		[]string{"C-STORE-RSP 0000H to 1, closed", "closed"}, func(p *peer) string {
			if ac, answer := p.associate(p.target.usual()); ac == nil {
				return answer
			}
			p.write(message(explicitContext, store(1), ct(explicitLE)), abort)
			got := p.answer()
			if got != closed {
				got += ", " + p.answer()
			}
			return got
		})
	add("200 connections that say nothing, and a good peer beside them",
		"PS3.8 9.1.5 (ARTIM); no connection waits for another", []string{"served"}, func(p *peer) string {
			for range 200 {
				silent, err := p.target.connect()
				if err != nil {
					return "no connection: " + err.Error()
				}
				defer silent.conn.Close()
			}
			if lost := p.target.serves(); lost != "" {
				return "good peer: " + lost
			}
			return "served"
		})
	return cases
}

// beside has n associations open at the same time and stores on each. It is empty if all are served.
func (t Target) beside(n int) string {
	var open []*peer
	defer func() {
		for _, q := range open {
			q.conn.Close()
		}
	}()
	for range n {
		q, err := t.connect()
		if err != nil {
			return "no connection: " + err.Error()
		}
		open = append(open, q)
		if ac, answer := q.associate(t.usual()); ac == nil {
			return fmt.Sprintf("%s beside %d others", answer, len(open)-1)
		}
	}
	for _, q := range open {
		q.write(message(explicitContext, store(1), ct(explicitLE)))
	}
	for _, q := range slices.Backward(open) {
		if got := q.answers(1); got != stored[0] {
			return got
		}
	}
	return ""
}

// waits are connections that stop saying anything.
func waits() []Case {
	const artim = "PS3.8 9.1.5: ARTIM, for the whole request, not renewed by bytes"
	var cases []Case
	add := func(input, source string, want []string, run func(*peer) string) {
		cases = append(cases, Case{Group: "Silence", Input: input, Want: want, Source: source, Waits: true, run: run})
	}
	ended := []string{"closed", "A-ABORT *"}
	request := func(input string, run func(*peer) string) { add(input, artim, ended, run) }
	request("nothing at all", func(p *peer) string { return p.answerWithin(p.target.Request) })
	request("half a PDU header", func(p *peer) string { return p.halt(3) })
	request("PDU header of a request and no more", func(p *peer) string { return p.halt(6) })
	request("half a request", func(p *peer) string { return p.halt(90) })
	request("all of a request but its last byte", func(p *peer) string { return p.halt(len(p.target.usual().bytes()) - 1) })
	request("a request, one byte a second", func(p *peer) string { return p.drip(p.target.usual().bytes()) })
	const left = "PS3.8 table 9-10, Sta13: ARTIM, AA-2"
	add("a rejected peer that does not close", left,
		[]string{"A-ASSOCIATE-RJ 1/2/2, closed", "A-ASSOCIATE-RJ *, closed", "A-ABORT *, closed", "closed"}, func(p *peer) string {
			r := p.target.usual()
			r.version = 0
			return p.linger(r.bytes())
		})
	add("an aborted peer that does not close", left, []string{"A-ABORT 0/0, closed", "A-ABORT *, closed", "closed"},
		func(p *peer) string { return p.linger(releaseRP) })
	add("a released peer that does not close", left, []string{"A-RELEASE-RP, closed", "A-ABORT *, closed"}, func(p *peer) string {
		if ac, answer := p.associate(p.target.usual()); ac == nil {
			return answer
		}
		return p.linger(releaseRQ)
	})
	const stalled = "no paragraph: a PDU that has begun has to end; A-ABORT of the service user (AA-1)"
	stops := []string{"A-ABORT 0/0", "A-ABORT *", "closed"}
	stall := func(input string, parts ...[]byte) {
		add(input, stalled, stops, func(p *peer) string {
			if ac, answer := p.associate(p.target.usual()); ac == nil {
				return answer
			}
			p.write(parts...)
			return p.answerWithin(p.target.PDU)
		})
	}
	half := message(explicitContext, store(1), ct(explicitLE))
	stall("association that stops inside a PDU header", []byte{typeData, 0, 0})
	stall("association that stops inside a command", half[:40])
	stall("association that stops inside a data set", half[:len(half)-100])
	return cases
}

// association plays a request, a C-STORE and a release through say.
func (p *peer) association(say func([]byte)) string {
	r := p.target.usual()
	say(r.bytes())
	ac, answer := p.accepted(r)
	if ac == nil {
		return answer
	}
	say(message(explicitContext, store(1), ct(explicitLE)))
	text := "accepted" + ac.faults + ", " + p.answer()
	say(releaseRQ)
	return text + ", " + p.answer()
}

// halt sends the first n bytes of a request and waits for the end.
func (p *peer) halt(n int) string {
	p.write(p.target.usual().bytes()[:n])
	return p.answerWithin(p.target.Request)
}

// drip sends a byte a second, slow enough to be at it when the limit ends.
func (p *peer) drip(b []byte) string {
	ended := make(chan string, 1)
	go func() { ended <- p.answerWithin(p.target.Request) }()
	pause := min(time.Second, p.target.Request/30)
	for i := range b {
		select {
		case got := <-ended:
			return got
		case <-time.After(pause):
			p.write(b[i : i+1])
		}
	}
	return <-ended
}

// linger plays what ends an association and keeps the connection open: the acceptor closes it.
func (p *peer) linger(b []byte) string {
	p.write(b)
	got := p.answer()
	if got == closed {
		return got
	}
	if _, _, instead := p.read(p.target.Request); instead != closed {
		return got + ", " + instead
	}
	return got + ", " + closed
}
