package probe

import (
	"bytes"
	"fmt"
	"strings"
)

var (
	echoed   = []string{"C-ECHO-RSP 0000H to 1"}
	stored   = []string{"C-STORE-RSP 0000H to 1"}
	invalid  = []string{"A-ABORT 2/6", "A-ABORT *"}
	disorder = []string{"A-ABORT 2/5", "A-ABORT *"}
)

// statusOr are a status and the other failures of C-STORE that say the same.
func statusOr(status string) []string {
	return []string{"C-STORE-RSP " + status + " to 1", "C-STORE-RSP 01??H to 1",
		"C-STORE-RSP A[79]??H to 1", "C-STORE-RSP C???H to 1", "A-ABORT *"}
}

// fragments are presentation data values: PS3.8 section 9.3.5, annex E.
func fragments() []Case {
	const (
		value  = "PS3.8 9.3.5.1; table 9-26, reason 6"
		order  = "PS3.8 E.1: fragments of one message follow each other; table 9-26, reason 5"
		packed = "PS3.8 E.1: PDUs may hold several values, of any part of a message"
		odd    = "PS3.8 E.1 binds senders to even lengths; receivers take what comes"
	)
	var cases []Case
	add := func(input, source string, want []string, run func(*peer) string) {
		cases = append(cases, Case{Group: "P-DATA-TF and its fragments", Input: input, Want: want, Source: source, run: run})
	}
	set, data := store(1).bytes(), ct(explicitLE)
	e := echo(1).bytes()
	add("C-ECHO in one PDU", "PS3.7 9.3.5", echoed, inside(1, echoMessage(1)))
	add("command in fragments of 1 byte, a PDU each", odd, echoed, inside(1, shred(echoContext, commandPart, e, 1, false)))
	add("command in fragments of 1 byte, all in one PDU", odd, echoed, inside(1, shred(echoContext, commandPart, e, 1, true)))
	add("command in fragments of 7 bytes, all in one PDU", odd, echoed, inside(1, shred(echoContext, commandPart, e, 7, true)))
	add("command and data set in one PDU", packed, stored,
		inside(1, pdata(pdv(explicitContext, commandEnd, set), pdv(explicitContext, dataEnd, data))))
	add("command and two parts of the data set in one PDU", packed, stored,
		inside(1, pdata(pdv(explicitContext, commandEnd, set),
			pdv(explicitContext, dataPart, data[:100]), pdv(explicitContext, dataEnd, data[100:]))))
	add("end of the command and beginning of the data set in one PDU", packed, stored,
		inside(1, pdata(pdv(explicitContext, commandPart, set[:20])), pdata(pdv(explicitContext, commandEnd, set[20:]),
			pdv(explicitContext, dataPart, data[:100])), pdata(pdv(explicitContext, dataEnd, data[100:]))))
	add("odd fragment in a PDU shared with others", odd, stored,
		inside(1, pdata(pdv(explicitContext, commandEnd, set),
			pdv(explicitContext, dataPart, data[:101]), pdv(explicitContext, dataEnd, data[101:]))))
	add("data set in fragments of 1 byte, a PDU each", odd, stored,
		inside(1, pdata(pdv(explicitContext, commandEnd, set)), shred(explicitContext, dataPart, data, 1, false)))
	add("data set in fragments of 3 bytes, all in one PDU", odd, stored,
		inside(1, pdata(pdv(explicitContext, commandEnd, set)), shred(explicitContext, dataPart, data, 3, true)))
	add("empty fragments in the command", "PS3.8 9.3.5.1: a value may have no fragment", echoed,
		inside(1, pdata(pdv(echoContext, commandPart, nil)), pdata(pdv(echoContext, commandPart, e[:10])),
			pdata(pdv(echoContext, commandPart, nil)), pdata(pdv(echoContext, commandEnd, e[10:]))))
	add("empty fragments in the data set", "as before", stored, inside(1, pdata(pdv(explicitContext, commandEnd, set)),
		pdata(pdv(explicitContext, dataPart, nil)), pdata(pdv(explicitContext, dataPart, data)),
		pdata(pdv(explicitContext, dataPart, nil))[:0], pdata(pdv(explicitContext, dataEnd, nil))))
	add("empty last fragment", "PS3.8 E.2", stored, inside(1, pdata(pdv(explicitContext, commandEnd, set)),
		pdata(pdv(explicitContext, dataPart, data), pdv(explicitContext, dataEnd, nil))))
	add("bits 2 to 7 of the message control header set", "PS3.8 E.2: not tested", echoed,
		inside(1, pdata(pdv(echoContext, commandEnd|0xFC, e))))
	add("reserved byte of the P-DATA-TF set", "PS3.8 table 9-22: not tested", echoed, inside(1, []byte{typeData, 0xFF}, echoMessage(1)[2:]))
	add("two messages in one PDU", packed, []string{"C-ECHO-RSP 0000H to 1, C-ECHO-RSP 0000H to 2"},
		inside(2, pdata(pdv(echoContext, commandEnd, e), pdv(echoContext, commandEnd, echo(2).bytes()))))
	add("50 messages in one segment", "PS3.7 D.3.3.3: answered one by one, in order",
		[]string{strings.Join(echoes(50), ", ")}, inside(50, manyEchoes(50)))
	add("PDU of the length that was announced", "PS3.8 D.1.1", stored, func(p *peer) string { return p.long(0) })
	add("PDU one byte longer than announced", "PS3.8 D.1.1; table 9-26, reason 6",
		[]string{"A-ABORT 2/6", "A-ABORT *", "C-STORE-RSP *", "closed"}, func(p *peer) string { return p.long(1) })
	add("PDU that says 4 GiB", value, append(invalid, "closed"), inside(1, []byte("\x04\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFB\x01\x03")))
	add("PDU that says 2 GiB", value, append(invalid, "closed"), inside(1, []byte("\x04\x00\x80\x00\x00\x00\x7F\xFF\xFF\xFB\x01\x03")))
	add("PDU without a value", "PS3.8 9.3.5: one or more; table 9-26, reason 6", append(invalid, "closed", silence), inside(1, pdata()))
	add("PDU of 1 byte", value, append(invalid, "closed"), inside(1, unit(typeData, []byte{0})))
	add("PDU of 5 bytes", value, append(invalid, "closed"), inside(1, unit(typeData, []byte{0, 0, 0, 1, 1})))
	add("value of length 0", value, append(invalid, "closed"), inside(1, unit(typeData, []byte{0, 0, 0, 0, echoContext, commandEnd})))
	add("value of length 1", value, append(invalid, "closed"), inside(1, unit(typeData, []byte{0, 0, 0, 1, echoContext, commandEnd})))
	add("value of length 2 that ends an empty command", "PS3.7 6.3.1; table 9-26, reason 6", append(invalid, "closed"),
		inside(1, pdata(pdv(echoContext, commandEnd, nil))))
	add("value longer than its PDU", value, append(invalid, "closed"),
		inside(1, unit(typeData, be32(len(e)+3), []byte{echoContext, commandEnd}, e)))
	add("value that says 4 GiB", value, append(invalid, "closed"), inside(1, unit(typeData, []byte("\xFF\xFF\xFF\xFF\x01\x03"), e)))
	add("value shorter than its PDU, 3 bytes behind it", value, []string{"C-ECHO-RSP 0000H to 1, A-ABORT 2/6", "*A-ABORT *",
		"*closed", "C-ECHO-RSP 0000H to 1*"}, inside(2, unit(typeData, pdv(echoContext, commandEnd, e), []byte{1, 2, 3})))
	add("context that was not proposed", "PS3.8 9.3.5.1; table 9-26, reason 6", append(invalid, "closed"),
		inside(1, pdata(pdv(99, commandEnd, e))))
	add("context that was refused", "as before", append(invalid, "closed"), inside(1, pdata(pdv(refusedContext, commandEnd, e))))
	add("even context, 0", "as before", append(invalid, "closed"), inside(1, pdata(pdv(0, commandEnd, e))))
	add("even context, 2", "as before", append(invalid, "closed"), inside(1, pdata(pdv(2, commandEnd, e))))
	add("data set without a command", order, append(disorder, "closed"), inside(1, pdata(pdv(explicitContext, dataEnd, data))))
	add("beginning of a data set without a command", order, append(disorder, "closed"),
		inside(1, pdata(pdv(explicitContext, dataPart, data))))
	add("command in place of the data set", order, append(disorder, "closed"),
		inside(1, pdata(pdv(explicitContext, commandEnd, set)), pdata(pdv(explicitContext, commandEnd, set))))
	add("C-ECHO-RQ inside a data set", order, append(disorder, "closed"),
		inside(1, pdata(pdv(explicitContext, commandEnd, set)), pdata(pdv(explicitContext, dataPart, data[:100])), echoMessage(2)))
	add("data set inside a command", order, append(disorder, "closed"),
		inside(1, pdata(pdv(explicitContext, commandPart, set[:20])), pdata(pdv(explicitContext, dataEnd, data))))
	add("data set on another context than its command", order, append(disorder, "closed", "C-STORE-RSP [AC]???H to 1"),
		inside(1, pdata(pdv(explicitContext, commandEnd, set)), pdata(pdv(implicitContext, dataEnd, data))))
	add("command spread over two contexts", order, append(disorder, "closed"),
		inside(1, pdata(pdv(explicitContext, commandPart, set[:20])), pdata(pdv(implicitContext, commandEnd, set[20:]))))
	add("data behind a C-ECHO that announces none", order, []string{"C-ECHO-RSP 0000H to 1, A-ABORT 2/5",
		"*A-ABORT *", "C-ECHO-RSP 0000H to 1, closed"}, inside(2, echoMessage(1), pdata(pdv(echoContext, dataEnd, data))))
	return cases
}

// shred cuts a command set or data set into fragments of n bytes; control is that of all but the last.
func shred(id, control byte, b []byte, n int, shared bool) []byte {
	var out []byte
	for len(b) > 0 {
		k := min(n, len(b))
		c := control
		if k == len(b) {
			c |= dataEnd
		}
		v := pdv(id, c, b[:k])
		if !shared {
			v = pdata(v)
		}
		out = append(out, v...)
		b = b[k:]
	}
	if shared {
		return pdata(out)
	}
	return out
}

func echoes(n int) []string {
	var all []string
	for id := 1; id <= n; id++ {
		all = append(all, fmt.Sprintf("C-ECHO-RSP 0000H to %d", id))
	}
	return all
}

func manyEchoes(n int) []byte {
	var b []byte
	for id := 1; id <= n; id++ {
		b = append(b, echoMessage(id)...)
	}
	return b
}

// long stores an instance whose data set comes in one PDU, as long as the acceptor announced and more bytes more.
func (p *peer) long(more int) string {
	ac, answer := p.associate(p.target.usual())
	if ac == nil {
		return answer
	}
	length := ac.max
	if length == 0 || length > 1<<20 {
		length = 1 << 20 // nothing is too long for this acceptor
	}
	attributes := image(ctImage, instance)
	room := length + more - 6 - len(dataSet(explicitLE, attributes))
	attributes[len(attributes)-1].value = make([]byte, 32+room)
	p.write(pdata(pdv(explicitContext, commandEnd, store(1).bytes())),
		pdata(pdv(explicitContext, dataEnd, dataSet(explicitLE, attributes))))
	return p.answers(1)
}

// commands are command sets: PS3.7 section 6.3.1, annex E.
func commands() []Case {
	const (
		no   = "PS3.7 6.3.1: this is no command set; PS3.8 table 9-26, reason 6"
		skip = "PS3.7 6.3.1: elements that an operation does not have say nothing"
		lack = "PS3.7 9.3: without it no answer can be formed; PS3.8 table 9-26, reason 6"
	)
	no6 := append(invalid, "closed", "C-ECHO-RSP 0[12]??H to ?")
	var cases []Case
	add := func(input, source string, want []string, sets ...[]byte) {
		var b []byte
		for _, s := range sets {
			b = append(b, pdata(pdv(echoContext, commandEnd, s))...)
		}
		cases = append(cases, Case{Group: "Command sets", Input: input, Want: want, Source: source, run: inside(1, b)})
	}
	lenient := append(echoed, "A-ABORT *", "C-ECHO-RSP 0[12]??H to ?")
	e := echo(1)
	add("group length too small", "PS3.7 E.1: redundant; some senders have it wrong",
		lenient, join(commandElement(0, le32(10)), e.elements()))
	add("group length too large", "as before", lenient, join(commandElement(0, le32(1<<20)), e.elements()))
	add("no group length", "PS3.7 6.3.1: must be there; nothing depends on it", lenient, e.elements())
	add("group length twice", "as before", lenient, join(commandElement(0, le32(56)), e.bytes()))
	add("group length at the end", "PS3.7 6.3.1: elements ascend; nothing depends on it", lenient,
		join(e.elements(), commandElement(0, le32(len(e.elements())))))
	add("elements in falling order", "as before", lenient, reversed(e))
	add("an element twice", "as before; the last one counts",
		append(lenient, "C-ECHO-RSP 0000H to 2"), join(e.elements(), commandElement(messageID, le16(1))))
	add("an unknown element", skip, echoed, e.with(0x7777, []byte("what is this")).bytes())
	add("an unknown element of odd length", skip, lenient, e.with(0x7777, []byte("odd")).bytes())
	add("an unknown element of 10,000 bytes", skip, append(echoed, "A-ABORT *"), e.with(0x7777, make([]byte, 10000)).bytes())
	add("retired elements (PS3.7 E.2)", skip, echoed, e.with(0x0010, []byte("ACR-NEMA 2.0")).with(0x0001, le32(100)).bytes())
	add("command set of 17,000 bytes", "limit of 16 KiB, forty times what PS3.7 9.3 needs; PS3.8 table 9-26, reason 6",
		append(invalid, "C-ECHO-RSP 0000H to 1"), e.with(0x7777, make([]byte, 17000)).bytes())
	cases = append(cases, Case{
		Group:  "Command sets",
		Input:  "command set without end",
		Source: "as before",
		Want:   append(invalid, "closed", silence),
		run:    inside(1, bytes.Repeat(pdata(pdv(echoContext, commandPart, make([]byte, 4000))), 400)),
	})
	add("element longer than the command set", no, no6, join(e.bytes(), []byte{0, 0, 0x77, 0x77}, le32(100)))
	add("element that says 4 GiB", no, no6, join(e.bytes(), []byte{0, 0, 0x77, 0x77, 0xFF, 0xFF, 0xFF, 0xFF}))
	add("command set that ends inside an element header", no, no6, join(e.bytes(), []byte{0, 0, 0x77}))
	add("element of group 0008", no, append(no6, "C-ECHO-RSP 0000H to 1"), join(e.bytes(), []byte{8, 0, 0x16, 0}, le32(2), []byte("1\x00")))
	add("explicit VR", "PS3.7 6.3.1: implicit VR little endian whatever the context; PS3.8 table 9-26, reason 6", no6, explicitEcho())
	add("big endian", "as before", no6, bigEcho())
	add("text", no, no6, []byte("C-ECHO please, as soon as you can"))
	add("zeros", no, no6, make([]byte, 64))
	add("a data set", no, no6, ct(explicitLE))
	add("no command field", lack, no6, e.without(commandField).bytes())
	add("command field of 4 bytes", lack, no6, e.with(commandField, le32(cEcho)).bytes())
	add("no message ID", lack, no6, e.without(messageID).bytes())
	add("message ID of 0 bytes", lack, no6, e.with(messageID, nil).bytes())
	add("message ID of 4 bytes", lack, append(no6, "C-ECHO-RSP 0000H to 1"), e.with(messageID, le32(1)).bytes())
	add("no data set type", lack, append(no6, "C-ECHO-RSP 0000H to 1"), e.without(dataSetType).bytes())
	add("no affected SOP class", "PS3.7 9.1.5.1.4: class not supported",
		[]string{"C-ECHO-RSP 0122H to 1", "C-ECHO-RSP ????H to 1", "A-ABORT *"}, e.without(affectedClass).bytes())
	add("affected SOP class of another service", "as before",
		[]string{"C-ECHO-RSP 0122H to 1", "C-ECHO-RSP ????H to 1", "A-ABORT *"}, e.with(affectedClass, uidValue(ctImage)).bytes())
	add("affected SOP class padded with a space", "PS3.5 9.1: NUL; some pad with space",
		append(echoed, "C-ECHO-RSP 0122H to 1", "A-ABORT *"), e.with(affectedClass, []byte(verification+" ")).bytes())
	add("message ID 0", "PS3.7 E.1: any value", []string{"C-ECHO-RSP 0000H to 0"}, echo(0).bytes())
	add("message ID FFFF", "PS3.7 E.1: any value", []string{"C-ECHO-RSP 0000H to 65535"}, echo(0xFFFF).bytes())
	return cases
}

func reversed(c command) []byte {
	var b []byte
	for i := len(c) - 1; i >= 0; i-- {
		b = append(b, commandElement(c[i].number, c[i].value)...)
	}
	return b
}

// explicitEcho is a C-ECHO-RQ in explicit VR.
func explicitEcho() []byte {
	rest := join([]byte("\x00\x00\x02\x00UI"), le16(18), uidValue(verification), []byte("\x00\x00\x00\x01US"), le16(2), le16(cEcho),
		[]byte("\x00\x00\x10\x01US"), le16(2), le16(1), []byte("\x00\x00\x00\x08US"), le16(2), le16(withoutData))
	return join([]byte("\x00\x00\x00\x00UL"), le16(4), le32(len(rest)), rest)
}

// bigEcho is a C-ECHO-RQ in big endian.
func bigEcho() []byte {
	value := func(number int, v []byte) []byte { return join(be16(0), be16(number), be32(len(v)), v) }
	rest := join(value(affectedClass, uidValue(verification)),
		value(commandField, be16(cEcho)), value(messageID, be16(1)), value(dataSetType, be16(withoutData)))
	return join(value(0, be32(len(rest))), rest)
}

// services are operations of PS3.7 sections 9 and 10 at an acceptor of verification, CT storage and storage commitment.
func services() []Case {
	const (
		unknown = "PS3.7 C.4.3, 9.3: unrecognized operation"
		class   = "PS3.7 C.5.8: class not supported; field.md"
		lack    = "PS3.4 table B.2-1: cannot understand"
	)
	var cases []Case
	add := func(input, source string, want []string, run func(*peer) string) {
		cases = append(cases, Case{Group: "Operations", Input: input, Want: want, Source: source, run: run})
	}
	data := ct(explicitLE)
	s := store(1)
	explicit := func(c command, d []byte) func(*peer) string { return inside(1, message(explicitContext, c, d)) }
	add("C-STORE", "PS3.4 B.2.3", stored, explicit(s, data))
	for _, v := range []int{0x0001, 0x0102, 0x0100, 0xFFFF} {
		add(fmt.Sprintf("data set type %04X", v), "PS3.7 E.1: every value but 0101 says that a data set follows", stored,
			explicit(s.number(dataSetType, v), data))
	}
	add("priority 7", "PS3.7 E.1: 0, 1 or 2; nothing depends on it",
		append(stored, "C-STORE-RSP ????H to 1"), explicit(s.number(priority, 7), data))
	add("no priority", "as before", append(stored, "C-STORE-RSP ????H to 1", "A-ABORT *"), explicit(s.without(priority), data))
	add("move originator", "PS3.7 9.1.1.1.6", stored,
		explicit(s.with(moveOriginator, []byte("ARCHIVE ")).number(moveOriginatorID, 77), data))
	add("move originator of 100 bytes", "PS3.5 6.2, AE: 16; nothing depends on it",
		append(stored, "C-STORE-RSP ????H to 1", "A-ABORT *"), explicit(s.with(moveOriginator, bytes.Repeat([]byte("AE"), 50)), data))
	add("message ID used again", "PS3.7 9.1.1.1.1: unique among those that wait, and none waits",
		[]string{"C-STORE-RSP 0000H to 1, C-STORE-RSP 0000H to 1"},
		inside(2, message(explicitContext, s, data), message(explicitContext, s, data)))
	add("three requests without waiting for answers", "PS3.7 D.3.3.3: answered one by one, in order",
		[]string{"C-STORE-RSP 0000H to 1, C-ECHO-RSP 0000H to 2, C-STORE-RSP 0000H to 3"},
		inside(3, message(explicitContext, s, data), echoMessage(2), message(implicitContext, store(3), ct(implicitLE))))
	add("C-STORE whose data set does not come, then a release", "PS3.8 table 9-10, Sta6: AR-2, AR-4",
		[]string{"A-RELEASE-RP", "A-ABORT *"}, inside(1, pdata(pdv(explicitContext, commandEnd, s.bytes())), releaseRQ))
	add("C-STORE whose data set does not come, then a C-ECHO", "PS3.8 E.1; table 9-26, reason 5",
		[]string{"A-ABORT 2/5", "A-ABORT *"}, inside(1, pdata(pdv(explicitContext, commandEnd, s.bytes())), echoMessage(2)))
	add("C-STORE without data set", lack, statusOr("C000H"), explicit(s.number(dataSetType, withoutData), nil))
	add("C-STORE without class", lack, statusOr("C000H"), explicit(s.without(affectedClass), data))
	add("C-STORE without instance", lack, statusOr("C000H"), explicit(s.without(affectedInstance), data))
	add("C-STORE with an instance UID of 0 bytes", lack, statusOr("C000H"), explicit(s.with(affectedInstance, nil), data))
	add("C-STORE with another class than that of the context", class, statusOr("0122H"),
		explicit(s.with(affectedClass, uidValue(enhancedCT)), data))
	add("C-STORE with a class that is no UID", class, statusOr("0122H"), explicit(s.with(affectedClass, []byte("chest CT")), data))
	add("C-STORE on the context of verification", class, statusOr("0122H"), inside(1, message(echoContext, s, data)))
	add("C-STORE of verification on its context", class, statusOr("0122H"),
		inside(1, message(echoContext, s.with(affectedClass, uidValue(verification)), data)))
	add("C-ECHO on the context of CT", class, []string{"C-ECHO-RSP 0122H to 1", "C-ECHO-RSP ????H to 1", "A-ABORT *"},
		inside(1, message(explicitContext, echo(1), nil)))
	add("C-ECHO with a data set", "PS3.7 9.3.5: has none; it is read and left", append(echoed, "C-ECHO-RSP ????H to 1", "A-ABORT *"),
		inside(1, message(echoContext, echo(1).number(dataSetType, withData), data)))
	for _, o := range []struct {
		name  string
		field int
	}{{"C-FIND", cFind}, {"C-GET", cGet}, {"C-MOVE", cMove}, {"N-GET", nGet}, {"N-SET", nSet},
		{"N-CREATE", nCreate}, {"N-DELETE", nDelete}, {"N-EVENT-REPORT", nEvent}} {
		want := []string{o.name + "-RSP 0211H to 1", o.name + "-RSP [0AC]???H to 1", "A-ABORT *"}
		c := operation(o.field, 1, withoutData).with(affectedClass, uidValue(ctImage))
		if o.field >= nGet && o.field != nCreate {
			c = operation(o.field, 1, withoutData).with(requestedClass, uidValue(ctImage)).with(requestedInstance, uidValue(instance))
		}
		add(o.name+" on the context of CT", unknown, want, explicit(c, nil))
		if o.field == cFind || o.field == nSet {
			add(o.name+" with its data set on the context of CT", unknown, want, explicit(c.number(dataSetType, withData), data))
		}
	}
	for _, field := range []int{0x0000, 0x0002, 0x0777, 0x7FFF} {
		name := fmt.Sprintf("%04XH", field)
		add("unknown operation "+name, unknown, []string{name + "-RSP 0211H to 1", "A-ABORT *", name + "-RSP ????H to 1"},
			inside(1, message(echoContext, operation(field, 1, withoutData), nil)))
	}
	add("unknown operation with a data set", unknown,
		[]string{"0777H-RSP 0211H to 1", "A-ABORT *", "0777H-RSP ????H to 1"}, explicit(operation(0x0777, 1, withData), data))
	cancel := command{}.number(commandField, cCancel).number(respondedTo, 1).number(dataSetType, withoutData)
	add("C-CANCEL for nothing, then a C-ECHO", "PS3.7 9.3.2.3: has no answer", echoed,
		inside(1, message(echoContext, cancel, nil), echoMessage(1)))
	add("C-CANCEL without message ID, then a C-ECHO", "PS3.7 9.3.2.3: cancels nothing; PS3.8 table 9-26, reason 6", []string{"A-ABORT 2/6",
		"A-ABORT *", "C-ECHO-RSP 0000H to 1"}, inside(1, message(echoContext, cancel.without(respondedTo), nil), echoMessage(1)))
	response := command{}.number(commandField, 0x8000|cEcho).number(respondedTo, 1).number(dataSetType, withoutData)
	response = response.with(affectedClass, uidValue(verification)).number(status, 0)
	add("response to nothing", "PS3.7 9.3.5: unexpected; PS3.8 table 9-26, reason 5",
		append(disorder, "closed", silence), inside(1, message(echoContext, response, nil)))
	add("response of an unknown operation", "as before", append(disorder, "closed", silence),
		inside(1, message(echoContext, response.number(commandField, 0x8777), nil)))
	propose := func(r *request) { r.contexts = append(r.contexts, context{9, commitment, []string{explicitLE}}) }
	action := operation(nAction, 1, withoutData).with(requestedClass, uidValue(commitment)).with(requestedInstance,
		uidValue(commitmentInstance)).number(actionTypeID, 1)
	add("N-ACTION of storage commitment on the context of CT", "PS3.7 10.1.4.1.10: no such SOP class",
		[]string{"N-ACTION-RSP 0118H to 1", "N-ACTION-RSP ????H to 1", "A-ABORT *"}, explicit(action, nil))
	act := func(input, source, status string, c command, data []byte) {
		add(input, source, []string{"N-ACTION-RSP " + status + " to 1", "N-ACTION-RSP ????H to 1", "A-ABORT *"},
			with(propose, 1, message(9, c, data)))
	}
	act("storage commitment without action information", "PS3.7 10.1.4.1.10: invalid argument", "0115H", action, nil)
	act("storage commitment with noise as action information", "PS3.7 10.1.4.1.10: invalid argument", "0115H",
		action.number(dataSetType, withData), []byte("\x08\x00\x95\x11UI\xFF\xFFnoise!"))
	act("storage commitment of another instance", "PS3.7 10.1.4.1.10: no such SOP instance", "0112H",
		action.with(requestedInstance, uidValue("1.2.3")), nil)
	act("storage commitment, action type 2", "PS3.7 10.1.4.1.10: no such action", "0123H", action.number(actionTypeID, 2), nil)
	act("N-ACTION of another class on the context of storage commitment",
		"PS3.7 10.1.4.1.10: no such SOP class", "0118H", action.with(requestedClass, uidValue(ctImage)), nil)
	add("C-STORE on the context of storage commitment", class, statusOr("0122H"), with(propose, 1, message(9, s, data)))
	return cases
}
