package probe

import "strings"

// states are PDUs where they must not come, after the association is established: PS3.8 table 9-10, Sta6 and Sta13.
func states() []Case {
	const (
		aa8   = "PS3.8 table 9-10, Sta6: AA-8; table 9-26, reason "
		sta13 = "PS3.8 table 9-10, Sta13: ignored until the connection is closed"
	)
	unexpected := []string{"A-ABORT 2/2", "A-ABORT *"}
	unknown := []string{"A-ABORT 2/1", "A-ABORT *"}
	invalid := []string{"A-ABORT 2/6", "A-ABORT *"}
	half := join(pdata(pdv(explicitContext, commandEnd, store(1).bytes())), pdata(pdv(explicitContext, dataPart, ct(explicitLE)[:50])))
	second := (Target{Called: "ANY", Calling: "PROBE"}).usual().bytes()
	var cases []Case
	add := func(group, input, source string, want []string, run func(*peer) string) {
		cases = append(cases, Case{Group: group, Input: input, Want: want, Source: source, run: run})
	}
	for _, at := range []struct {
		group string
		lead  []byte
	}{{"Established association (Sta6)", nil}, {"Established association, inside a data set", half}} {
		play := func(b []byte) func(*peer) string { return inside(1, at.lead, b) }
		add(at.group, "A-ASSOCIATE-RQ", aa8+"2", unexpected, play(second))
		add(at.group, "A-ASSOCIATE-RQ, its header alone", aa8+"2", append(unexpected, silence), play(second[:6]))
		add(at.group, "A-ASSOCIATE-AC", aa8+"2", unexpected, play(unit(typeAC, make([]byte, 68))))
		add(at.group, "A-ASSOCIATE-RJ", aa8+"2", unexpected, play(unit(typeRJ, []byte{0, 1, 1, 1})))
		add(at.group, "A-RELEASE-RP", aa8+"2", unexpected, play(releaseRP))
		add(at.group, "A-RELEASE-RQ", "PS3.8 table 9-10, Sta6: AR-2, AR-4", []string{"A-RELEASE-RP", "A-ABORT *"}, play(releaseRQ))
		add(at.group, "A-RELEASE-RQ with its reserved bytes set", "PS3.8 table 9-24: not tested",
			[]string{"A-RELEASE-RP", "A-ABORT *"}, play([]byte("\x05\xFF\x00\x00\x00\x04\xFF\xFF\xFF\xFF")))
		add(at.group, "A-ABORT", "PS3.8 table 9-10, Sta6: AA-3", []string{"closed"}, play(abort))
		add(at.group, "A-ABORT with unknown source and reason, reserved bytes set",
			"PS3.8 table 9-26: AA-3", []string{"closed"}, play([]byte("\x07\xFF\x00\x00\x00\x04\xFF\xFF\x09\xFF")))
		add(at.group, "PDU of the unknown type 00", aa8+"1", unknown, play(unit(0, []byte("abcd"))))
		add(at.group, "PDU of the unknown type 08", aa8+"1", unknown, play(unit(8, []byte("abcd"))))
		add(at.group, "PDU of the unknown type FF that says 4 GiB", aa8+"1", append(unknown, "closed"),
			play([]byte("\xFF\x00\xFF\xFF\xFF\xFF")))
		add(at.group, "A-RELEASE-RQ of 0 bytes", aa8+"6", append(invalid, "A-RELEASE-RP", "closed"), play(unit(typeReleaseRQ)))
		add(at.group, "A-RELEASE-RQ that says 4 GiB", aa8+"6", append(invalid, "closed"), play([]byte("\x05\x00\xFF\xFF\xFF\xFF")))
		add(at.group, "A-ABORT of 5 bytes", aa8+"6", append(invalid, "closed"), play(unit(typeAbort, make([]byte, 5))))
		add(at.group, "HTTP request", aa8+"1", append(unknown, "closed"), play([]byte("GET / HTTP/1.1\r\n\r\n")))
		add(at.group, "the peer closes its side", "PS3.8 table 9-10, Sta6: AA-4", []string{"closed", "A-ABORT *"}, func(p *peer) string {
			if ac, answer := p.associate(p.target.usual()); ac == nil {
				return answer
			}
			p.write(at.lead)
			p.halfClose()
			return p.answer()
		})
		add(at.group, "reset of the connection", "PS3.8 table 9-10, Sta6: AA-4", []string{"nothing to answer"}, func(p *peer) string {
			if ac, answer := p.associate(p.target.usual()); ac == nil {
				return answer
			}
			p.write(at.lead)
			p.reset()
			return "nothing to answer"
		})
	}
	// late plays bytes behind what ended the association: nothing more than that end may come of it, but for AA-7.
	late := func(group, source string, want []string, ends func(p *peer, trailing []byte) string) {
		for _, b := range []struct {
			input string
			bytes []byte
		}{
			{"A-ASSOCIATE-RQ", second},
			{"A-ASSOCIATE-AC", unit(typeAC, make([]byte, 68))},
			{"P-DATA-TF with a C-ECHO-RQ", echoMessage(9)},
			{"A-RELEASE-RQ", releaseRQ},
			{"A-RELEASE-RP", releaseRP},
			{"A-ABORT", abort},
			{"noise", []byte(strings.Repeat("noise", 100))},
		} {
			add(group, b.input, source, want, func(p *peer) string { return ends(p, b.bytes) })
		}
	}
	late("In the same segment as an A-RELEASE-RQ (Sta8, Sta13)", sta13,
		[]string{"A-RELEASE-RP", "A-ABORT *", "A-RELEASE-RP, A-ABORT *"}, func(p *peer, trailing []byte) string {
			if ac, answer := p.associate(p.target.usual()); ac == nil {
				return answer
			}
			p.write(releaseRQ, trailing)
			return p.answer()
		})
	late("In the same segment as a request that is rejected (Sta13)", sta13,
		[]string{"A-ASSOCIATE-RJ 1/2/2", "A-ASSOCIATE-RJ *", "A-ABORT *"}, func(p *peer, trailing []byte) string {
			r := p.target.usual()
			r.version = 0
			p.write(r.bytes(), trailing)
			return p.answer()
		})
	late("In the same segment as an unexpected PDU (Sta13)", sta13,
		[]string{"A-ABORT 2/2", "A-ABORT *"}, func(p *peer, trailing []byte) string {
			if ac, answer := p.associate(p.target.usual()); ac == nil {
				return answer
			}
			p.write(releaseRP, trailing)
			return p.answer()
		})
	return cases
}
