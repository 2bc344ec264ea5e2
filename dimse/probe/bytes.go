package probe

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"slices"
	"strings"
)

// PDU types, PS3.8 section 9.3.1.
const (
	typeRQ        = 0x01
	typeAC        = 0x02
	typeRJ        = 0x03
	typeData      = 0x04
	typeReleaseRQ = 0x05
	typeReleaseRP = 0x06
	typeAbort     = 0x07
)

// UIDs of PS3.6.
const (
	applicationContext = "1.2.840.10008.3.1.1.1"
	verification       = "1.2.840.10008.1.1"
	ctImage            = "1.2.840.10008.5.1.4.1.1.2"
	enhancedCT         = "1.2.840.10008.5.1.4.1.1.2.1"
	commitment         = "1.2.840.10008.1.20.1"
	commitmentInstance = "1.2.840.10008.1.20.1.1"
	nobodysClass       = "2.25.99"
	implicitLE         = "1.2.840.10008.1.2"
	explicitLE         = "1.2.840.10008.1.2.1"
	explicitBE         = "1.2.840.10008.1.2.2"
	deflatedLE         = "1.2.840.10008.1.2.1.99"
	losslessJPEG       = "1.2.840.10008.1.2.4.70"
	lossyJPEG          = "1.2.840.10008.1.2.4.50"
	privateSyntax      = "2.16.840.1.113709.1.2.2" // offered by GE PACS (go-netdicom issue 7)
)

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func be16(n int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(n)) }

func be32(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

func le16(n int) []byte { return binary.LittleEndian.AppendUint16(nil, uint16(n)) }

func le32(n int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(n)) }

// unit packs a PDU.
func unit(kind byte, body ...[]byte) []byte {
	content := join(body...)
	return join([]byte{kind, 0}, be32(len(content)), content)
}

// item packs an item of a request, or a sub-item.
func item(kind byte, body ...[]byte) []byte {
	content := join(body...)
	return join([]byte{kind, 0}, be16(len(content)), content)
}

// block packs a field that stands behind its length.
func block(s string) []byte { return join(be16(len(s)), []byte(s)) }

func textItem(kind byte, s string) []byte { return item(kind, []byte(s)) }

var (
	releaseRQ = unit(typeReleaseRQ, make([]byte, 4))
	releaseRP = unit(typeReleaseRP, make([]byte, 4))
	abort     = unit(typeAbort, make([]byte, 4))
)

// context is a proposed presentation context.
type context struct {
	id       byte
	abstract string
	syntaxes []string
}

func (c context) bytes() []byte {
	b := []byte{c.id, 0, 0, 0}
	b = append(b, textItem(0x30, c.abstract)...)
	for _, s := range c.syntaxes {
		b = append(b, textItem(0x40, s)...)
	}
	return item(0x20, b)
}

// request is an A-ASSOCIATE-RQ.
type request struct {
	version         int
	unused          [2]byte
	called, calling [16]byte
	reserved        [32]byte
	before          [][]byte // items in front of all others
	application     []byte   // item
	contexts        []context
	after           [][]byte  // items behind the contexts
	answered        []context // those among them that are contexts and have to be answered
	user            [][]byte  // sub-items; nil: no user information item
}

// proposed are all contexts that have to be answered.
func (r request) proposed() []context { return slices.Concat(r.contexts, r.answered) }

// takes is the longest P-DATA-TF that the request allows the acceptor, 0 for any.
func (r request) takes() int {
	for _, s := range r.user {
		if len(s) == 8 && s[0] == 0x51 {
			return int(binary.BigEndian.Uint32(s[4:]))
		}
	}
	return 0
}

// Contexts of the usual request.
const (
	echoContext     = 1
	explicitContext = 3
	implicitContext = 5
	refusedContext  = 7
	bigContext      = 9
	deflatedContext = 11
)

// title fills the 16 bytes of an AE title with spaces.
func title(s string) (t [16]byte) {
	copy(t[:], s+strings.Repeat(" ", 16))
	return t
}

// usual is the request that the cases change.
func (t Target) usual() request {
	return request{
		version: 1, called: title(t.Called), calling: title(t.Calling), application: textItem(0x10, applicationContext),
		contexts: []context{
			{echoContext, verification, []string{implicitLE}},
			{explicitContext, ctImage, []string{explicitLE}},
			{implicitContext, ctImage, []string{implicitLE}},
			{refusedContext, nobodysClass, []string{implicitLE}},
		},
		user: [][]byte{maxLength(16384), textItem(0x52, "2.25.98"), textItem(0x55, "PROBE")},
	}
}

func maxLength(n int) []byte { return item(0x51, be32(n)) }

func (r request) body() []byte {
	b := join(be16(r.version), r.unused[:], r.called[:], r.calling[:], r.reserved[:], join(r.before...), r.application)
	for _, c := range r.contexts {
		b = append(b, c.bytes()...)
	}
	b = append(b, join(r.after...)...)
	if r.user != nil {
		b = append(b, item(0x50, r.user...)...)
	}
	return b
}

func (r request) bytes() []byte { return unit(typeRQ, r.body()) }

// Message control headers, PS3.8 annex E.2.
const (
	dataPart    = 0
	commandPart = 1
	dataEnd     = 2
	commandEnd  = 3
)

func pdv(id, control byte, fragment []byte) []byte {
	return join(be32(len(fragment)+2), []byte{id, control}, fragment)
}

func pdata(values ...[]byte) []byte { return unit(typeData, values...) }

// Elements of group 0000, PS3.7 annex E.1.
const (
	affectedClass     = 0x0002
	requestedClass    = 0x0003
	commandField      = 0x0100
	messageID         = 0x0110
	respondedTo       = 0x0120
	moveDestination   = 0x0600
	priority          = 0x0700
	dataSetType       = 0x0800
	status            = 0x0900
	affectedInstance  = 0x1000
	requestedInstance = 0x1001
	eventTypeID       = 0x1002
	actionTypeID      = 0x1008
	moveOriginator    = 0x1030
	moveOriginatorID  = 0x1031
)

// Command fields, PS3.7 annex E.1.
const (
	cStore  = 0x0001
	cGet    = 0x0010
	cFind   = 0x0020
	cMove   = 0x0021
	cEcho   = 0x0030
	nEvent  = 0x0100
	nGet    = 0x0110
	nSet    = 0x0120
	nAction = 0x0130
	nCreate = 0x0140
	nDelete = 0x0150
	cCancel = 0x0FFF
)

// Values of (0000,0800).
const (
	withData    = 0x0000
	withoutData = 0x0101
)

// command is a command set without its group length.
type command []element

type element struct {
	number int
	value  []byte
}

func uidValue(s string) []byte {
	if len(s)%2 == 1 {
		s += "\x00"
	}
	return []byte(s)
}

// with returns a copy in which an element has another value, or is added where its number puts it.
func (c command) with(number int, value []byte) command {
	c = slices.Clone(c)
	i, found := slices.BinarySearchFunc(c, number, func(e element, n int) int { return e.number - n })
	if found {
		c[i].value = value
		return c
	}
	return slices.Insert(c, i, element{number, value})
}

func (c command) number(number, value int) command { return c.with(number, le16(value)) }

// without returns a copy that lacks an element.
func (c command) without(number int) command {
	return slices.DeleteFunc(slices.Clone(c), func(e element) bool { return e.number == number })
}

// elements packs the command set without group length.
func (c command) elements() []byte {
	var b []byte
	for _, e := range c {
		b = append(b, commandElement(e.number, e.value)...)
	}
	return b
}

func commandElement(number int, value []byte) []byte {
	return join([]byte{0, 0}, le16(number), le32(len(value)), value)
}

// bytes packs the command set, implicit VR little endian, group length first.
func (c command) bytes() []byte {
	rest := c.elements()
	return join(commandElement(0, le32(len(rest))), rest)
}

// operation is a request of any kind.
func operation(field, id, data int) command {
	return command{}.number(commandField, field).number(messageID, id).number(dataSetType, data)
}

func echo(id int) command {
	return operation(cEcho, id, withoutData).with(affectedClass, uidValue(verification))
}

func store(id int) command {
	c := operation(cStore, id, withData).number(priority, 0)
	return c.with(affectedClass, uidValue(ctImage)).with(affectedInstance, uidValue(instance))
}

// message packs a command and, if data is not nil, its data set, each in P-DATA-TFs of their own.
func message(id byte, c command, data []byte) []byte {
	b := pdata(pdv(id, commandEnd, c.bytes()))
	if data == nil {
		return b
	}
	const fragment = 4000 // even, and below what anybody announces
	for len(data) > fragment {
		b = append(b, pdata(pdv(id, dataPart, data[:fragment]))...)
		data = data[fragment:]
	}
	return append(b, pdata(pdv(id, dataEnd, data))...)
}

func echoMessage(id int) []byte { return message(echoContext, echo(id), nil) }

// instance is the SOP Instance UID of what the cases store.
const instance = "2.25.4711"

// attribute is an element of a data set.
type attribute struct {
	group, element int
	vr             string
	value          []byte
}

// attributes of a CT image of 4 x 4 pixels. Those of group 0028 and the pixel data are numbers in little endian.
func image(class, sop string) []attribute {
	return []attribute{
		{0x0008, 0x0016, "UI", uidValue(class)},
		{0x0008, 0x0018, "UI", uidValue(sop)},
		{0x0008, 0x0060, "CS", []byte("CT")},
		{0x0010, 0x0010, "PN", []byte("PROBE^")},
		{0x0010, 0x0020, "LO", []byte("PROBE1")},
		{0x0020, 0x000D, "UI", uidValue("2.25.4712")},
		{0x0020, 0x000E, "UI", uidValue("2.25.4713")},
		{0x0020, 0x0013, "IS", []byte("1 ")},
		{0x0028, 0x0002, "US", le16(1)},
		{0x0028, 0x0004, "CS", []byte("MONOCHROME2 ")},
		{0x0028, 0x0010, "US", le16(4)},
		{0x0028, 0x0011, "US", le16(4)},
		{0x0028, 0x0100, "US", le16(16)},
		{0x0028, 0x0101, "US", le16(16)},
		{0x0028, 0x0102, "US", le16(15)},
		{0x0028, 0x0103, "US", le16(1)},
		{0x7FE0, 0x0010, "OW", make([]byte, 32)},
	}
}

// dataSet packs attributes in a transfer syntax.
func dataSet(syntax string, attributes []attribute) []byte {
	order := binary.AppendByteOrder(binary.LittleEndian)
	if syntax == explicitBE {
		order = binary.BigEndian
	}
	var b []byte
	for _, a := range attributes {
		b = order.AppendUint16(b, uint16(a.group))
		b = order.AppendUint16(b, uint16(a.element))
		value := a.value
		if syntax == explicitBE && (a.vr == "US" || a.vr == "OW") {
			value = swapped(value)
		}
		switch {
		case syntax == implicitLE:
			b = order.AppendUint32(b, uint32(len(value)))
		case a.vr == "OB" || a.vr == "OW" || a.vr == "SQ" || a.vr == "UN":
			b = append(b, a.vr...)
			b = order.AppendUint32(append(b, 0, 0), uint32(len(value)))
		default:
			b = append(b, a.vr...)
			b = order.AppendUint16(b, uint16(len(value)))
		}
		b = append(b, value...)
	}
	if syntax == deflatedLE {
		return deflate(b)
	}
	return b
}

func swapped(words []byte) []byte {
	b := slices.Clone(words)
	for i := 0; i+1 < len(b); i += 2 {
		b[i], b[i+1] = b[i+1], b[i]
	}
	return b
}

func deflate(b []byte) []byte {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	_, _ = w.Write(b) // to memory
	_ = w.Close()
	return out.Bytes()
}

// ct is the usual data set.
func ct(syntax string) []byte { return dataSet(syntax, image(ctImage, instance)) }
