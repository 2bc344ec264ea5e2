package dimse

import (
	"fmt"
	"strings"
	"testing"

	"jcsnode/dimse/pdu"
)

// table910 is PS3.8 table 9-10 as the standard prints it, columns Sta1 to Sta13, next states included where tables 9-6 to
// 9-9 give them.
const table910 = `
evtAssociate       AE-1:4 - - - - - - - - - - - -
evtConnected       - - - AE-2:5 - - - - - - - - -
evtAC              - AA-1:13 AA-8:13 - AE-3:6 AA-8:13 AA-8:13 AA-8:13 AA-8:13 AA-8:13 AA-8:13 AA-8:13 AA-6:13
evtRJ              - AA-1:13 AA-8:13 - AE-4:1 AA-8:13 AA-8:13 AA-8:13 AA-8:13 AA-8:13 AA-8:13 AA-8:13 AA-6:13
evtConnection      AE-5:2 - - - - - - - - - - - -
evtRQ              - AE-6:3 AA-8:13 - AA-8:13 AA-8:13 AA-8:13 AA-8:13 AA-8:13 AA-8:13 AA-8:13 AA-8:13 AA-7:13
evtAccept          - - AE-7:6 - - - - - - - - - -
evtReject          - - AE-8:13 - - - - - - - - - -
evtData            - - - - - DT-1:6 - AR-7:8 - - - - -
evtDataPDU         - AA-1:13 AA-8:13 - AA-8:13 DT-2:6 AR-6:7 AA-8:13 AA-8:13 AA-8:13 AA-8:13 AA-8:13 AA-6:13
evtRelease         - - - - - AR-1:7 - - - - - - -
evtReleaseRQ       - AA-1:13 AA-8:13 - AA-8:13 AR-2:8 AR-8:9 AA-8:13 AA-8:13 AA-8:13 AA-8:13 AA-8:13 AA-6:13
evtReleaseRP       - AA-1:13 AA-8:13 - AA-8:13 AA-8:13 AR-3:1 AA-8:13 AA-8:13 AR-10:12 AR-3:1 AA-8:13 AA-6:13
evtReleaseResponse - - - - - - - AR-4:13 AR-9:11 - - AR-4:13 -
evtAbort           - - AA-1:13 AA-2:1 AA-1:13 AA-1:13 AA-1:13 AA-1:13 AA-1:13 AA-1:13 AA-1:13 AA-1:13 -
evtAbortPDU        - AA-2:1 AA-3:1 - AA-3:1 AA-3:1 AA-3:1 AA-3:1 AA-3:1 AA-3:1 AA-3:1 AA-3:1 AA-2:1
evtClosed          - AA-5:1 AA-4:1 AA-4:1 AA-4:1 AA-4:1 AA-4:1 AA-4:1 AA-4:1 AA-4:1 AA-4:1 AA-4:1 AR-5:1
evtARTIM           - AA-2:1 - - - - - - - - - - AA-2:1
evtInvalidPDU      - AA-1:13 AA-8:13 - AA-8:13 AA-8:13 AA-8:13 AA-8:13 AA-8:13 AA-8:13 AA-8:13 AA-8:13 AA-7:13`

func TestState_NextIsTable910(t *testing.T) {
	names := map[action]string{none: "-"}
	for first, group := range map[action]struct {
		prefix string
		count  int
	}{ae1: {"AE", 8}, dt1: {"DT", 2}, ar1: {"AR", 10}, aa1: {"AA", 8}} {
		for i := range group.count {
			names[first+action(i)] = fmt.Sprintf("%s-%d", group.prefix, i+1)
		}
	}
	rows := strings.Split(strings.TrimSpace(table910), "\n")
	if len(rows) != len(table) {
		t.Fatalf("%d rows, the standard has %d", len(table), len(rows))
	}
	for e, row := range rows {
		cells := strings.Fields(row)
		for s := Sta1; s <= Sta13; s++ {
			act, next := s.next(event(e), true)
			got := names[act]
			if act != none {
				got = fmt.Sprintf("%s:%d", names[act], int(next))
			}
			if want := cells[s]; got != want {
				t.Errorf("%s in %v: got %s, want %s", cells[0], s, got, want)
			}
		}
	}
	if _, next := Sta7.next(evtReleaseRQ, false); next != Sta10 {
		t.Errorf("collision at an acceptor leads to %v, want Sta10", next)
	}
}

func TestEventOf_KnowsEveryType(t *testing.T) {
	for code := range 256 {
		_, known := eventOf(pdu.Type(code))
		if want := code >= 1 && code <= 7; known != want {
			t.Errorf("PDU type %02XH known: %v, want %v", code, known, want)
		}
	}
}
