package probe

import (
	"bytes"
	"fmt"
	"strings"
)

// requests are A-ASSOCIATE-RQs at the edges of PS3.8 section 9.3.2 and PS3.7 annex D.3.3, and beyond them.
func requests() []Case {
	cases := titles()
	cases = append(cases, proposals()...)
	cases = append(cases, lies()...)
	return append(cases, userInformation()...)
}

var (
	good    = []string{"accepted, 7 refused (3)"}
	refused = []string{"A-ABORT 2/6", "A-ABORT *", "A-ASSOCIATE-RJ *", "closed"}
)

// either is for what the standard leaves to the acceptor.
func either(answer string) []string {
	return []string{answer, "accepted*", "A-ABORT *", "A-ASSOCIATE-RJ *", "closed"}
}

func titles() []Case {
	const trimmed = "PS3.8 table 9-11: spaces around a title are not significant; NULs are common in the field"
	var cases []Case
	add := func(input, source string, want []string, change func(*request)) {
		cases = append(cases, Case{Group: "Requests: titles and fixed fields", Input: input, Want: want, Source: source, run: ask(change)})
	}
	add("the usual request: verification, CT twice, a class of nobody", "PS3.8 9.3.2, 9.3.3", good, func(*request) {})
	add("called title with leading spaces", trimmed, good, func(r *request) { r.called = shifted(r.called) })
	add("called title padded with NULs", trimmed, good, func(r *request) { r.called = nulls(r.called) })
	add("calling title with leading spaces", trimmed, good, func(r *request) { r.calling = shifted(r.calling) })
	add("calling title padded with NULs", trimmed, good, func(r *request) { r.calling = nulls(r.calling) })
	add("called title of nobody", "PS3.8 table 9-21, source 1, reason 7", []string{"A-ASSOCIATE-RJ 1/1/7", "A-ASSOCIATE-RJ *", "accepted*"},
		func(r *request) { r.called = title("NOBODY") })
	add("called title in the other case", "PS3.5 6.2, AE: case is significant",
		[]string{"A-ASSOCIATE-RJ 1/1/7", "A-ASSOCIATE-RJ *", "accepted*"},
		func(r *request) { copy(r.called[:], bytes.ToLower(r.called[:])) })
	add("called title of 16 spaces", "PS3.5 6.2, AE: not allowed, so it is nobody's",
		[]string{"A-ASSOCIATE-RJ 1/1/7", "A-ASSOCIATE-RJ *", "A-ABORT *", "accepted*"},
		func(r *request) { r.called = title("") })
	add("called title of 16 NULs", "as 16 spaces", []string{"A-ASSOCIATE-RJ 1/1/7", "A-ASSOCIATE-RJ *", "A-ABORT *", "accepted*"},
		func(r *request) { r.called = [16]byte{} })
	add("calling title of 16 spaces", "PS3.5 6.2, AE: not allowed; an ultrasound sends it (pynetdicom issue 646)",
		either("accepted, 7 refused (3)"),
		func(r *request) { r.calling = title("") })
	add("calling title of 16 characters", "PS3.8 table 9-11", good, func(r *request) { r.calling = title("PROBE_OF_16_CHAR") })
	add("calling title with a space inside", "PS3.5 6.2, AE", good, func(r *request) { r.calling = title("CT SCANNER 1") })
	add("calling title that is not ASCII", "PS3.5 6.2, AE: not allowed, and the peer is admitted by its address",
		either("accepted, 7 refused (3)"),
		func(r *request) { r.calling = title("R\xd6NTGEN\xff") })
	add("calling title with control characters and a backslash", "as before", either("accepted, 7 refused (3)"),
		func(r *request) { r.calling = title("A\\B\x07\x1b[2J") })
	add("protocol version 3: an unknown bit beside that of version 1",
		"PS3.8 table 9-11: this bit alone is tested", good, func(r *request) { r.version = 3 })
	add("protocol version FFFF", "PS3.8 table 9-11", good, func(r *request) { r.version = 0xFFFF })
	add("protocol version 2", "PS3.8 table 9-21, source 2, reason 2",
		[]string{"A-ASSOCIATE-RJ 1/2/2", "A-ASSOCIATE-RJ *", "A-ABORT *"}, func(r *request) { r.version = 2 })
	add("protocol version 0", "PS3.8 table 9-21, source 2, reason 2",
		[]string{"A-ASSOCIATE-RJ 1/2/2", "A-ASSOCIATE-RJ *", "A-ABORT *"}, func(r *request) { r.version = 0 })
	add("reserved bytes 9 and 10 set", "PS3.8 table 9-11: not tested", good, func(r *request) { r.unused = [2]byte{0xFF, 0xFF} })
	add("reserved bytes 43 to 74 set", "PS3.8 table 9-11: not tested, and sent back", good,
		func(r *request) { copy(r.reserved[:], strings.Repeat("\xAA", 32)) })
	cases = append(cases,
		Case{Group: "Requests: titles and fixed fields", Input: "reserved byte of the PDU header set",
			Want: good, Source: "PS3.8 table 9-11: not tested", run: func(p *peer) string {
				b := p.target.usual().bytes()
				b[1] = 0xFF
				return p.play(p.target.usual(), b)
			}},
		Case{Group: "Requests: titles and fixed fields", Input: "reserved bytes of every item and sub-item set",
			Want: good, Source: "PS3.8 9.3.1: not tested", run: func(p *peer) string {
				return p.play(p.target.usual(), unit(typeRQ, reserve(p.target.usual().body())))
			}})
	return cases
}

// play sends the bytes of a request and uses the association.
func (p *peer) play(r request, b []byte) string {
	p.write(b)
	ac, answer := p.accepted(r)
	if ac == nil {
		return answer
	}
	return "accepted" + ac.refusals() + ac.faults + p.goesOn()
}

func shifted(t [16]byte) [16]byte {
	return title("  " + strings.TrimRight(string(t[:]), " "))
}

func nulls(t [16]byte) (n [16]byte) {
	copy(n[:], strings.TrimRight(string(t[:]), " "))
	return n
}

// reserve sets the reserved bytes of all items behind the fixed part of a request.
func reserve(body []byte) []byte {
	b := bytes.Clone(body)
	var set func(b []byte)
	set = func(b []byte) {
		for len(b) >= 4 {
			kind, length := b[0], int(b[2])<<8|int(b[3])
			b[1] = 0xFF
			switch kind {
			case 0x20:
				b[5], b[6], b[7] = 0xFF, 0xFF, 0xFF
				set(b[8 : 4+length])
			case 0x50:
				set(b[4 : 4+length])
			}
			b = b[4+length:]
		}
	}
	set(b[68:])
	return b
}

func proposals() []Case {
	const (
		rejected = "PS3.8 table 9-18: each context has its own answer"
		ids      = "PS3.8 table 9-13: odd and unique; table 9-26, reason 6"
	)
	var cases []Case
	add := func(input, source string, want []string, change func(*request)) {
		cases = append(cases, Case{Group: "Requests: presentation contexts", Input: input, Want: want, Source: source, run: ask(change)})
	}
	more := func(c ...context) func(*request) { return func(r *request) { r.contexts = append(r.contexts, c...) } }
	add("unknown application context", "PS3.8 table 9-21, source 1, reason 2",
		[]string{"A-ASSOCIATE-RJ 1/1/2", "A-ASSOCIATE-RJ *", "A-ABORT *"},
		func(r *request) { r.application = textItem(0x10, "1.2.840.10008.3.1.1.2") })
	add("no application context", "PS3.8 9.3.2: it must be there", []string{"A-ASSOCIATE-RJ 1/1/2", "A-ASSOCIATE-RJ *", "A-ABORT *"},
		func(r *request) { r.application = nil })
	add("application context of 0 bytes", "as before", []string{"A-ASSOCIATE-RJ 1/1/2", "A-ASSOCIATE-RJ *", "A-ABORT *"},
		func(r *request) { r.application = textItem(0x10, "") })
	add("two application contexts", "PS3.8 9.3.2: one; table 9-26, reason 6", either("A-ABORT 2/6"),
		func(r *request) { r.before = [][]byte{r.application} })
	add("application context behind the presentation contexts", "PS3.8 9.3.2 gives an order, which receivers need not test",
		either("accepted, 7 refused (3)"),
		func(r *request) { r.after, r.application = [][]byte{r.application}, nil })
	add("application context padded with a NUL", "PS3.8 annex F: UIDs are not padded; some are (pynetdicom issue 240)",
		either("accepted, 7 refused (3)"),
		func(r *request) { r.application = textItem(0x10, applicationContext+"\x00") })
	add("no presentation context", "PS3.8 9.3.2: one or more; table 9-21",
		[]string{"A-ASSOCIATE-RJ 1/1/1", "A-ASSOCIATE-RJ *", "A-ABORT *", "accepted*"},
		func(r *request) { r.contexts = nil })
	add("one context, for verification", rejected, []string{"accepted"}, func(r *request) { r.contexts = r.contexts[:1] })
	add("one context, of a class of nobody", rejected, []string{"accepted, 1 refused (3)", "accepted, 1 refused (?)", "A-ASSOCIATE-RJ *"},
		func(r *request) { r.contexts = []context{{1, nobodysClass, []string{implicitLE}}} })
	add("128 contexts", "PS3.8 7.1.1.13: IDs 1 to 255", []string{"accepted"}, func(r *request) {
		r.contexts = r.contexts[:1]
		for id := 3; id < 256; id += 2 {
			r.contexts = append(r.contexts, context{byte(id), ctImage, []string{explicitLE}})
		}
	})
	add("128 contexts with 30 transfer syntaxes each", "as before", []string{"accepted"}, func(r *request) {
		r.contexts = r.contexts[:1]
		syntaxes := []string{implicitLE}
		for n := range 29 {
			syntaxes = append(syntaxes, fmt.Sprintf("2.16.840.1.113709.1.2.%d", n))
		}
		for id := 3; id < 256; id += 2 {
			r.contexts = append(r.contexts, context{byte(id), ctImage, syntaxes})
		}
	})
	add("a private transfer syntax alone", rejected, []string{"accepted, 7 refused (3), 9 refused (4)"},
		more(context{9, ctImage, []string{privateSyntax}}))
	add("a private transfer syntax and one that all know", rejected, good, more(context{9, ctImage, []string{privateSyntax, implicitLE}}))
	add("a context without transfer syntax", "PS3.8 9.3.2.2: one or more; table 9-18",
		either("accepted, 7 refused (3), 9 refused (4)"), more(context{9, ctImage, nil}))
	add("a context with a transfer syntax of 0 bytes", "as before",
		either("accepted, 7 refused (3), 9 refused (4)"), more(context{9, ctImage, []string{""}}))
	add("a context without abstract syntax", "PS3.8 9.3.2.2: one; table 9-18", either("accepted, 7 refused (3), 9 refused (3)"),
		func(r *request) { r.addRaw(9, textItem(0x40, implicitLE)) })
	add("a context with two abstract syntaxes", "PS3.8 9.3.2.2: one; table 9-26, reason 6", either("A-ABORT 2/6"),
		func(r *request) {
			r.addRaw(9, textItem(0x30, ctImage), textItem(0x30, ctImage), textItem(0x40, implicitLE))
		})
	add("a context whose transfer syntax stands before its abstract syntax", "PS3.8 9.3.2.2 gives an order, which receivers need not test",
		either("accepted, 7 refused (3)"),
		func(r *request) { r.addRaw(9, textItem(0x40, implicitLE), textItem(0x30, ctImage)) })
	add("a context with nothing in it", "as a context without abstract syntax",
		either("accepted, 7 refused (3), 9 refused (3)"), func(r *request) { r.addRaw(9) })
	add("abstract and transfer syntaxes padded with a NUL", "PS3.8 annex F: UIDs are not padded; some are (pynetdicom issue 240)",
		either("accepted, 7 refused (3)"),
		more(context{9, ctImage + "\x00", []string{implicitLE + "\x00"}}))
	add("an abstract syntax that is no UID", rejected, []string{"accepted, 7 refused (3), 9 refused (3)"},
		more(context{9, "chest CT", []string{implicitLE}}))
	add("an abstract syntax of 1000 characters", rejected,
		[]string{"accepted, 7 refused (3), 9 refused (3)", "A-ABORT *", "A-ASSOCIATE-RJ *"},
		more(context{9, strings.Repeat("1.2.", 250), []string{implicitLE}}))
	chosen := func(a *accepted) string { return ", 9 in " + a.syntaxes[9] }
	pick := func(input, source string, want []string, syntaxes ...string) {
		cases = append(cases, Case{Group: "Requests: presentation contexts", Input: input, Want: want, Source: source,
			run: askFor(more(context{9, ctImage, syntaxes}), chosen)})
	}
	const acceptor = "PS3.8 7.1.1.14: the acceptor chooses"
	anyOf := func(syntax string) []string {
		return []string{"accepted, 7 refused (3), 9 in " + syntax, "accepted, 7 refused (3), 9 in 1.*"}
	}
	pick("implicit before explicit VR in a context", acceptor, anyOf(explicitLE), implicitLE, explicitLE)
	pick("lossless compression before uncompressed syntaxes in a context",
		acceptor+"; what stands first is what such senders have", anyOf(losslessJPEG), losslessJPEG, explicitLE, implicitLE)
	pick("lossy compression before uncompressed syntaxes in a context",
		acceptor+"; it must not make the sender lose what it has", anyOf(implicitLE), lossyJPEG, implicitLE)
	for _, syntax := range []string{implicitLE, explicitLE, explicitBE} {
		add("verification in "+syntax, "PS3.4 A.4", append(good, "accepted, 1 refused (4), 7 refused (3)"),
			func(r *request) { r.contexts[0].syntaxes = []string{syntax} })
	}
	add("verification in a syntax of compressed images", rejected, []string{"accepted, 1 refused (4), 7 refused (3)",
		"accepted, 7 refused (3)"}, func(r *request) { r.contexts[0].syntaxes = []string{losslessJPEG} })
	add("one class in three contexts with one syntax each", rejected, good,
		more(context{9, ctImage, []string{implicitLE}},
			context{13, ctImage, []string{implicitLE}}, context{15, ctImage, []string{explicitLE}}))
	add("the same transfer syntax twice in a context", rejected, good, more(context{9, ctImage, []string{implicitLE, implicitLE}}))
	add("contexts with falling IDs", "PS3.8 7.1.1.13: IDs have no order", good, func(r *request) {
		c := r.contexts
		c[0], c[1], c[2], c[3] = c[3], c[2], c[1], c[0]
	})
	add("an even context ID", ids, either("A-ABORT 2/6"), more(context{8, ctImage, []string{implicitLE}}))
	add("context ID 0", ids, either("A-ABORT 2/6"), more(context{0, ctImage, []string{implicitLE}}))
	add("a context ID twice", ids, either("A-ABORT 2/6"),
		func(r *request) { r.after = [][]byte{context{implicitContext, ctImage, []string{implicitLE}}.bytes()} })
	add("129 contexts", ids, either("A-ABORT 2/6"), func(r *request) {
		r.contexts = nil
		for id := 1; id < 256; id += 2 {
			r.contexts = append(r.contexts, context{byte(id), verification, []string{implicitLE}})
		}
		r.after = [][]byte{context{1, ctImage, []string{implicitLE}}.bytes()}
	})
	return cases
}

// addRaw adds a context with ID id whose sub-items are free.
func (r *request) addRaw(id byte, subs ...[]byte) {
	r.after = append(r.after, item(0x20, []byte{id, 0, 0, 0}, join(subs...)))
	r.answered = append(r.answered, context{id: id, abstract: ctImage, syntaxes: []string{implicitLE}})
}

// lies are requests whose items do not fit, and items that nobody knows.
func lies() []Case {
	const (
		skip    = "PS3.8 9.3.1: unknown items are ignored and skipped"
		invalid = "PS3.8 table 9-26, reason 6"
	)
	var cases []Case
	add := func(input, source string, want []string, run func(*peer) string) {
		cases = append(cases, Case{
			Group:  "Requests: unknown items and lengths that lie",
			Input:  input,
			Want:   want,
			Source: source,
			run:    run,
		})
	}
	change := func(f func(*request)) func(*peer) string { return ask(f) }
	add("unknown item before all others", skip, good, change(func(r *request) { r.before = [][]byte{textItem(0x7A, "what is this")} }))
	add("unknown item between the contexts", skip, good, change(func(r *request) { r.after = [][]byte{textItem(0x77, "")} }))
	add("unknown item of 60,000 bytes", skip, good,
		change(func(r *request) { r.after = [][]byte{textItem(0x77, strings.Repeat("x", 60000))} }))
	add("unknown sub-item in a context", skip, good, change(func(r *request) {
		r.addRaw(9, textItem(0x30, ctImage), textItem(0x3F, "?"), textItem(0x40, implicitLE))
	}))
	add("unknown sub-item in the user information", skip, good,
		change(func(r *request) { r.user = append(r.user, textItem(0x7E, "private"), textItem(0x6F, "")) }))
	add("context item of an A-ASSOCIATE-AC in the request", skip, either("accepted, 7 refused (3)"),
		change(func(r *request) { r.after = [][]byte{item(0x21, []byte{9, 0, 0, 0}, textItem(0x40, implicitLE))} }))
	// cut plays the usual request with bytes changed by f; the PDU length is set right afterwards.
	cut := func(f func(body []byte) []byte) func(*peer) string {
		return func(p *peer) string { return p.play(p.target.usual(), unit(typeRQ, f(p.target.usual().body()))) }
	}
	const firstItem, firstContext = 68, 68 + 4 + len(applicationContext)
	add("item longer than the PDU", invalid, refused, cut(func(b []byte) []byte { b[firstItem+2] = 0xFF; return b }))
	add("context item longer than the PDU", invalid, refused, cut(func(b []byte) []byte { b[firstContext+2] = 0xFF; return b }))
	add("context item that ends inside its abstract syntax", invalid, refused,
		cut(func(b []byte) []byte { b[firstContext+3] = 12; return b }))
	add("context item of 2 bytes", invalid, refused, cut(func(b []byte) []byte { return append(b, item(0x20, []byte{9, 0})...) }))
	add("abstract syntax longer than its context", invalid, refused, cut(func(b []byte) []byte { b[firstContext+8+2] = 0x10; return b }))
	add("transfer syntax one byte longer than its context", invalid, refused, cut(func(b []byte) []byte {
		return append(b, item(0x20, []byte{9, 0, 0, 0}, textItem(0x30, ctImage),
			[]byte{0x40, 0, 0, byte(len(implicitLE) + 1)}, []byte(implicitLE))...)
	}))
	add("user information longer than the PDU", invalid, refused, cut(func(b []byte) []byte {
		i := bytes.Index(b, []byte{0x50, 0})
		b[i+2] = 0xFF
		return b
	}))
	add("user information sub-item longer than its item", invalid, refused, cut(func(b []byte) []byte {
		i := bytes.Index(b, []byte{0x51, 0, 0, 4})
		b[i+3] = 0xFF
		return b
	}))
	add("3 bytes behind the last item", invalid, refused, cut(func(b []byte) []byte { return append(b, 1, 2, 3) }))
	add("fixed fields and no item", "PS3.8 9.3.2: application context is missing",
		[]string{"A-ASSOCIATE-RJ 1/1/2", "A-ASSOCIATE-RJ *", "A-ABORT *", "closed"},
		cut(func(b []byte) []byte { return b[:68] }))
	add("PDU length that ends the request inside an item", invalid, refused, func(p *peer) string {
		b := p.target.usual().bytes()
		copy(b[2:], be32(100))
		return p.play(p.target.usual(), b)
	})
	add("PDU length that ends before the user information", "PS3.8 table 9-10, Sta6, what follows is no PDU: AA-8",
		[]string{"A-ASSOCIATE-AC, A-ABORT 2/1", "A-ASSOCIATE-AC, *", "A-ABORT *", "A-ASSOCIATE-RJ *", "closed"}, func(p *peer) string {
			b := p.target.usual().body()
			end := bytes.Index(b, []byte{0x50, 0})
			p.write(join([]byte{typeRQ, 0}, be32(end), b))
			if got := p.answer(); got != "A-ASSOCIATE-AC" {
				return got
			}
			return "A-ASSOCIATE-AC, " + p.answer()
		})
	return cases
}
