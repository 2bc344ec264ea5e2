package probe

import (
	"fmt"
	"strings"
)

func userInformation() []Case {
	const (
		skip    = "PS3.8 9.3.1: unknown items are ignored and skipped"
		invalid = "PS3.8 table 9-26, reason 6"
		user    = "PS3.7 D.3.3.7: no answer means that identity is not verified"
	)
	var cases []Case
	addFor := func(input, source string, want []string, look func(*accepted) string, subs ...[]byte) {
		cases = append(cases, Case{Group: "Requests: user information", Input: input, Want: want, Source: source,
			run: askFor(func(r *request) { r.user = append(r.user, subs...) }, look)})
	}
	add := func(input, source string, want []string, subs ...[]byte) {
		addFor(input, source, want, func(*accepted) string { return "" }, subs...)
	}
	replaced := func(input, source string, want []string, subs ...[]byte) {
		cases = append(cases, Case{Group: "Requests: user information", Input: input, Want: want, Source: source,
			run: ask(func(r *request) { r.user = subs })})
	}
	class, version := textItem(0x52, "2.25.98"), textItem(0x55, "PROBE")
	replaced("no user information", "PS3.8 9.3.2: it must be there; nothing in it is needed to go on", either("accepted, 7 refused (3)"))
	replaced("user information of 0 bytes", "as before", either("accepted, 7 refused (3)"), []byte{})
	replaced("no maximum length", "PS3.8 D.1: must be there; without it no limit is known",
		either("accepted, 7 refused (3)"), class, version)
	replaced("maximum length 0: no limit", "PS3.8 D.1.1", good, maxLength(0), class)
	replaced("maximum length FFFFFFFF", "PS3.8 D.1.1", good, maxLength(0xFFFFFFFF), class)
	for _, n := range []int{1, 7, 8, 13, 64, 128} {
		replaced(fmt.Sprintf("maximum length %d", n), "PS3.8 D.1.1: answers are cut to fit, to single bytes where nothing fits",
			tiny(n), maxLength(n), class)
	}
	replaced("maximum length of 2 bytes", invalid, either("A-ABORT 2/6"), item(0x51, be16(4096)), class)
	replaced("maximum length twice", "PS3.8 D.1: once; the last one counts",
		either("accepted, 7 refused (3)"), maxLength(16384), maxLength(32768), class)
	replaced("no implementation class UID", "PS3.7 D.3.3.2: must be there; nothing depends on it",
		either("accepted, 7 refused (3)"), maxLength(16384))
	replaced("implementation class UID of 0 bytes", "as before", either("accepted, 7 refused (3)"), maxLength(16384), textItem(0x52, ""))
	replaced("implementation class UID padded with a NUL", "PS3.8 annex F; pynetdicom issue 240",
		either("accepted, 7 refused (3)"), maxLength(16384), textItem(0x52, "2.25.9\x00"))
	replaced("implementation class UID of 100 characters", "PS3.5 9.1: 64; nothing depends on it",
		either("accepted, 7 refused (3)"), maxLength(16384), textItem(0x52, strings.Repeat("1.", 49)+"1"))
	replaced("implementation version name of 100 characters", "PS3.7 D.3.3.2.3: 16; nothing depends on it",
		either("accepted, 7 refused (3)"), maxLength(16384), class, textItem(0x55, strings.Repeat("V", 100)))
	replaced("sub-items in another order", "PS3.7 D.3.3 gives none", good, version, class, maxLength(16384))
	window := func(a *accepted) string {
		if len(a.user[0x53]) == 0 {
			return ", no window"
		}
		return fmt.Sprintf(", window % x", a.user[0x53][0])
	}
	for _, w := range [][]byte{{0, 0, 0, 0}, {0, 1, 0, 1}, {0, 8, 0, 8}, {0xFF, 0xFF, 0xFF, 0xFF}} {
		addFor(fmt.Sprintf("asynchronous operations window % x", w), "PS3.7 D.3.3.3: 1/1, or no answer, which means the same",
			[]string{"accepted, 7 refused (3), window 00 01 00 01", "accepted, 7 refused (3), no window"}, window, item(0x53, w))
	}
	add("asynchronous operations window of 2 bytes", invalid, either("A-ABORT 2/6"), item(0x53, be16(1)))
	role := func(class string, scu, scp byte) []byte { return item(0x54, block(class), []byte{scu, scp}) }
	roles := func(a *accepted) string {
		text := ""
		for _, r := range a.user[0x54] {
			text += fmt.Sprintf(", roles %d/%d", r[len(r)-2], r[len(r)-1])
		}
		return text
	}
	selection := "PS3.7 D.3.3.4: an acceptor may turn roles down, and never adds one"
	addFor("role selection for CT: SCU", selection,
		[]string{"accepted, 7 refused (3), roles 1/0", "accepted, 7 refused (3)"}, roles, role(ctImage, 1, 0))
	addFor("role selection for CT: SCU and SCP", selection,
		[]string{"accepted, 7 refused (3), roles 1/0", "accepted, 7 refused (3)*"}, roles, role(ctImage, 1, 1))
	addFor("role selection for CT: SCP", selection, []string{"accepted, 7 refused (3), roles 0/0",
		"accepted, 7 refused (3)*", "accepted, 3 refused (?), 5 refused (?), 7 refused (3)*"}, roles, role(ctImage, 0, 1))
	addFor("role selection for CT: neither", selection, []string{"accepted, 7 refused (3), roles 0/0",
		"accepted, 7 refused (3)", "accepted, 3 refused (?), 5 refused (?), 7 refused (3)*"}, roles, role(ctImage, 0, 0))
	addFor("role selection for CT with the values 255", selection,
		either("accepted, 7 refused (3), roles 0/0"), roles, role(ctImage, 255, 255))
	addFor("role selection for a class that is not proposed", "PS3.7 D.3.3.4: nothing to answer",
		[]string{"accepted, 7 refused (3)"}, roles, role(enhancedCT, 1, 1))
	addFor("role selection for a class that is refused", "PS3.7 D.3.3.4: nothing to answer",
		[]string{"accepted, 7 refused (3)"}, roles, role(nobodysClass, 1, 1))
	addFor("role selection for CT twice", "PS3.7 D.3.3.4: one for a class; the first counts",
		either("accepted, 7 refused (3), roles 1/0"), roles, role(ctImage, 1, 0), role(ctImage, 1, 1))
	add("role selection whose UID length lies", invalid, refused, item(0x54, be16(200), []byte(ctImage), []byte{1, 0}))
	add("role selection without roles", invalid, either("A-ABORT 2/6"), item(0x54, block(ctImage)))
	for _, sub := range []struct {
		name string
		kind byte
	}{{"maximum length", 0x51}, {"asynchronous operations window", 0x53}, {"role selection", 0x54}, {"extended negotiation", 0x56},
		{"common extended negotiation", 0x57}, {"user identity", 0x58}} {
		add(sub.name+" of 0 bytes", invalid, either("A-ABORT 2/6"), item(sub.kind))
	}
	add("extended negotiation for CT", "PS3.4 B.3.1: no answer means the default",
		[]string{"accepted, 7 refused (3)"}, item(0x56, block(ctImage), []byte{2, 0, 3, 0, 0, 0}))
	add("extended negotiation for a class that is not proposed", "PS3.7 D.3.3.5",
		[]string{"accepted, 7 refused (3)"}, item(0x56, block(enhancedCT), []byte{1}))
	add("extended negotiation without information", "PS3.7 D.3.3.5", either("accepted, 7 refused (3)"), item(0x56, block(ctImage)))
	add("extended negotiation whose UID length lies", invalid, either("A-ABORT 2/6"), item(0x56, be16(200), []byte(ctImage)))
	add("common extended negotiation", "PS3.7 D.3.3.6: has no answer", []string{"accepted, 7 refused (3)"},
		item(0x57, block(ctImage), block("1.2.840.10008.4.2"), be16(2+len(enhancedCT)), block(enhancedCT)))
	add("common extended negotiation whose list lies", invalid, either("A-ABORT 2/6"),
		item(0x57, block(ctImage), block("1.2.840.10008.4.2"), be16(200)))
	identity := func(kind, response byte, primary, secondary string) []byte {
		return item(0x58, []byte{kind, response}, block(primary), block(secondary))
	}
	add("user identity 1: name", user, good, identity(1, 0, "radiographer", ""))
	add("user identity 1, answer asked for", user, good, identity(1, 1, "radiographer", ""))
	add("user identity 2: name and passcode", user, good, identity(2, 1, "radiographer", "secret"))
	add("user identity 3: Kerberos ticket", user, good, identity(3, 1, strings.Repeat("\x00\xFF", 700), ""))
	add("user identity 4: SAML assertion of 60,000 bytes", user, good, identity(4, 1, strings.Repeat("<saml/>", 8571), ""))
	add("user identity 5: JSON web token", user, good, identity(5, 1, "eyJhbGciOiJub25lIn0.e30.", ""))
	add("user identity of the unknown type 9", user, either("accepted, 7 refused (3)"), identity(9, 1, "x", ""))
	add("user identity without name", user, either("accepted, 7 refused (3)"), identity(1, 0, "", ""))
	add("user identity whose length lies", invalid, refused, item(0x58, []byte{1, 0}, be16(500), []byte("radiographer")))
	add("user identity of an A-ASSOCIATE-AC in the request", skip, either("accepted, 7 refused (3)"), item(0x59, block("ticket")))
	cases = append(cases, Case{
		Group:  "Requests: user information",
		Input:  "two user information items",
		Want:   either("A-ABORT 2/6"),
		Source: "PS3.8 9.3.2: one; table 9-26, reason 6",
		run:    ask(func(r *request) { r.after = [][]byte{item(0x50, maxLength(4096), class)} }),
	})
	return cases
}

// tiny are the right answers to a maximum length into which no whole response fits.
func tiny(n int) []string {
	if n < 8 {
		return either("accepted, 7 refused (3)")
	}
	return []string{"accepted, 7 refused (3)", "A-ABORT *", "A-ASSOCIATE-RJ *", "closed"}
}
