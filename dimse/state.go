package dimse

import (
	"fmt"

	"jcsnode/dimse/pdu"
)

// State is a state of the upper layer protocol machine, PS3.8 section 9.2.1.
type State int

// The states of PS3.8 tables 9-1 to 9-5.
const (
	Sta1  State = iota + 1 // idle
	Sta2                   // connection open, waiting for A-ASSOCIATE-RQ
	Sta3                   // waiting for the local answer to the request
	Sta4                   // waiting for the transport connection to open
	Sta5                   // waiting for A-ASSOCIATE-AC or -RJ
	Sta6                   // association established
	Sta7                   // waiting for A-RELEASE-RP
	Sta8                   // waiting for the local answer to a release request
	Sta9                   // release collision, requestor: waiting for the local answer
	Sta10                  // release collision, acceptor: waiting for A-RELEASE-RP
	Sta11                  // release collision, requestor: waiting for A-RELEASE-RP
	Sta12                  // release collision, acceptor: waiting for the local answer
	Sta13                  // waiting for the transport connection to close
)

// String gives the name that the standard uses.
func (s State) String() string { return fmt.Sprintf("Sta%d", int(s)) }

// event is a row of PS3.8 table 9-10.
type event int

const (
	evtAssociate       event = iota // local user asks for an association
	evtConnected                    // transport connection is open (requestor)
	evtAC                           // A-ASSOCIATE-AC received
	evtRJ                           // A-ASSOCIATE-RJ received
	evtConnection                   // transport connection came in (acceptor)
	evtRQ                           // A-ASSOCIATE-RQ received
	evtAccept                       // local user accepts
	evtReject                       // local user rejects
	evtData                         // local user sends P-DATA
	evtDataPDU                      // P-DATA-TF received
	evtRelease                      // local user asks for release
	evtReleaseRQ                    // A-RELEASE-RQ received
	evtReleaseRP                    // A-RELEASE-RP received
	evtReleaseResponse              // local user answers a release request
	evtAbort                        // local user aborts; also a limit of Timeouts other than ARTIM
	evtAbortPDU                     // A-ABORT received
	evtClosed                       // transport connection closed
	evtARTIM                        // ARTIM expired
	evtInvalidPDU                   // unrecognized or invalid PDU received
)

// action is an entry of PS3.8 tables 9-6 to 9-9; none where table 9-10 is empty: the event cannot happen, or this side must
// not cause it.
type action int

const (
	none action = iota
	ae1         // open the transport connection
	ae2         // send A-ASSOCIATE-RQ
	ae3         // hand on A-ASSOCIATE-AC
	ae4         // hand on A-ASSOCIATE-RJ, close
	ae5         // start ARTIM
	ae6         // stop ARTIM, hand on the request, or reject it as service provider
	ae7         // send A-ASSOCIATE-AC
	ae8         // send A-ASSOCIATE-RJ, start ARTIM
	dt1         // send P-DATA-TF
	dt2         // hand on P-DATA-TF
	ar1         // send A-RELEASE-RQ
	ar2         // hand on the release request
	ar3         // hand on the release confirmation, close
	ar4         // send A-RELEASE-RP, start ARTIM
	ar5         // stop ARTIM
	ar6         // hand on P-DATA-TF
	ar7         // send P-DATA-TF
	ar8         // hand on the release request: collision
	ar9         // send A-RELEASE-RP
	ar10        // hand on the release confirmation
	aa1         // send A-ABORT of the service user, start ARTIM
	aa2         // stop ARTIM, close
	aa3         // hand on the abort, close
	aa4         // hand on the loss of the connection
	aa5         // stop ARTIM
	aa6         // ignore the PDU
	aa7         // send A-ABORT
	aa8         // send A-ABORT of the service provider, hand on the abort, start ARTIM
)

// table is PS3.8 table 9-10: a row per event, a column per state, Sta1 first.
var table = [...][13]action{
	//                  Sta1 Sta2 Sta3 Sta4 Sta5 Sta6 Sta7 Sta8 Sta9 Sta10 Sta11 Sta12 Sta13
	evtAssociate:       {ae1},
	evtConnected:       {none, none, none, ae2},
	evtAC:              {none, aa1, aa8, none, ae3, aa8, aa8, aa8, aa8, aa8, aa8, aa8, aa6},
	evtRJ:              {none, aa1, aa8, none, ae4, aa8, aa8, aa8, aa8, aa8, aa8, aa8, aa6},
	evtConnection:      {ae5},
	evtRQ:              {none, ae6, aa8, none, aa8, aa8, aa8, aa8, aa8, aa8, aa8, aa8, aa7},
	evtAccept:          {none, none, ae7},
	evtReject:          {none, none, ae8},
	evtData:            {none, none, none, none, none, dt1, none, ar7},
	evtDataPDU:         {none, aa1, aa8, none, aa8, dt2, ar6, aa8, aa8, aa8, aa8, aa8, aa6},
	evtRelease:         {none, none, none, none, none, ar1},
	evtReleaseRQ:       {none, aa1, aa8, none, aa8, ar2, ar8, aa8, aa8, aa8, aa8, aa8, aa6},
	evtReleaseRP:       {none, aa1, aa8, none, aa8, aa8, ar3, aa8, aa8, ar10, ar3, aa8, aa6},
	evtReleaseResponse: {none, none, none, none, none, none, none, ar4, ar9, none, none, ar4},
	evtAbort:           {none, none, aa1, aa2, aa1, aa1, aa1, aa1, aa1, aa1, aa1, aa1},
	evtAbortPDU:        {none, aa2, aa3, none, aa3, aa3, aa3, aa3, aa3, aa3, aa3, aa3, aa2},
	evtClosed:          {none, aa5, aa4, aa4, aa4, aa4, aa4, aa4, aa4, aa4, aa4, aa4, ar5},
	evtARTIM:           {none, aa2, none, none, none, none, none, none, none, none, none, none, aa2},
	evtInvalidPDU:      {none, aa1, aa8, none, aa8, aa8, aa8, aa8, aa8, aa8, aa8, aa8, aa7},
}

// next looks up what an event asks for and the state that follows. AE-6 leads to Sta3; the caller that rejects as service
// provider raises evtReject there, which sends the same PDU and ends in the same state as the other branch of AE-6.
func (s State) next(e event, requestor bool) (action, State) {
	a := table[e][s-1]
	switch a {
	case ae1:
		return a, Sta4
	case ae2:
		return a, Sta5
	case ae3, ae7, dt1, dt2:
		return a, Sta6
	case ae5:
		return a, Sta2
	case ae6:
		return a, Sta3
	case ar1, ar6:
		return a, Sta7
	case ar2, ar7:
		return a, Sta8
	case ar8:
		if requestor {
			return a, Sta9
		}
		return a, Sta10
	case ar9:
		return a, Sta11
	case ar10:
		return a, Sta12
	case ae8, ar4, aa1, aa6, aa7, aa8:
		return a, Sta13
	case ae4, ar3, ar5, aa2, aa3, aa4, aa5:
		return a, Sta1
	}
	return none, s
}

// eventOf names the event that the arrival of a PDU is. ok is false for types that PS3.8 does not know.
func eventOf(t pdu.Type) (e event, ok bool) {
	switch t {
	case pdu.TypeAssociateRQ:
		return evtRQ, true
	case pdu.TypeAssociateAC:
		return evtAC, true
	case pdu.TypeAssociateRJ:
		return evtRJ, true
	case pdu.TypePData:
		return evtDataPDU, true
	case pdu.TypeReleaseRQ:
		return evtReleaseRQ, true
	case pdu.TypeReleaseRP:
		return evtReleaseRP, true
	case pdu.TypeAbort:
		return evtAbortPDU, true
	}
	return evtInvalidPDU, false
}
