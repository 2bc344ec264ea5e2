package scp

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"jcsnode/dataset"
	"jcsnode/dimse"
	"jcsnode/dimse/pdu"
	"jcsnode/store"
)

func doorFor(t *testing.T, s Settings) *Door {
	t.Helper()
	settings := func() Settings { return s }
	return NewDoor(settings, testInbox(t, t.TempDir()), testLedger(t, t.TempDir()), slog.New(slog.DiscardHandler), time.Now)
}

// Who was here, and who was sent away and why, stands in the ledger.
func TestAdmit_TheLedgerKnowsWhoCalled(t *testing.T) {
	n := startNode(t, Settings{Peers: []Peer{{AETitle: "CT1"}}}, nil)
	for title, admitted := range map[string]bool{"CT1": true, "CT9": false} {
		c, err := (&dimse.Dialer{CallingAETitle: title}).Dial(t.Context(), n.addr, "JCS",
			[]dimse.PresentationContext{{AbstractSyntax: dimse.Verification, TransferSyntaxes: []string{dataset.ImplicitVRLittleEndian}}})
		if (err == nil) != admitted {
			t.Fatalf("%s: %v", title, err)
		}
		if err == nil {
			c.Abort()
		}
	}
	if err := n.l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := n.l.Standing(t.Context(), time.Now())
	if err != nil || len(s.Peers) != 2 {
		t.Fatalf("%+v, %v", s.Peers, err)
	}
	in, out := s.Peers[0], s.Peers[1]
	if in.CallingAE != "CT1" || in.AssociationAt.IsZero() || !in.RejectedAt.IsZero() || in.Address != "127.0.0.1" {
		t.Errorf("who was let in: %+v", in)
	}
	if out.CallingAE != "CT9" || out.RejectedAt.IsZero() || !strings.Contains(out.RejectedBecause, `"CT9"`) || !out.AssociationAt.IsZero() {
		t.Errorf("who was sent away: %+v", out)
	}
}

func TestAdmit(t *testing.T) {
	peers := []Peer{
		{AETitle: "CT1", Network: netip.MustParsePrefix("10.20.0.0/16")},
		{AETitle: "MOBILE"},
		{Network: netip.MustParsePrefix("192.168.7.7/32")},
		{AETitle: "CT6", Network: netip.MustParsePrefix("2001:db8::/32")},
	}
	for _, c := range []struct {
		name     string
		peers    []Peer
		calling  string
		called   string
		addr     string
		want     [3]byte // zero: admitted
		tell     string  // in the detail
		unlooked bool    // called title not checked
	}{
		{name: "title and network", peers: peers, calling: "CT1", called: "JCS", addr: "10.20.1.1:5000"},
		{name: "title from anywhere", peers: peers, calling: "MOBILE", called: "JCS", addr: "1.1.1.1:5000"},
		{name: "any title from an address", peers: peers, calling: "WHO", called: "JCS", addr: "192.168.7.7:1"},
		{name: "IPv6", peers: peers, calling: "CT6", called: "JCS", addr: "[2001:db8::1]:1"},
		{name: "IPv4 over an IPv6 socket", peers: peers, calling: "CT1", called: "JCS", addr: "[::ffff:10.20.1.1]:1"},
		{name: "known title from elsewhere", peers: peers, calling: "CT1", called: "JCS", addr: "10.21.1.1:1", want: [3]byte{1, 1, 3},
			tell: "not from 10.21.1.1"},
		{name: "unknown title from a known network", peers: peers[:1], calling: "CT9", called: "JCS", addr: "10.20.1.1:1",
			want: [3]byte{1, 1, 3}, tell: `"CT9" is not known, the address`},
		{name: "title in other case", peers: peers[:1], calling: "ct1", called: "JCS", addr: "10.20.1.1:1", want: [3]byte{1, 1, 3},
			tell: "is not known"},
		{name: "stranger", peers: peers, calling: "X", called: "JCS", addr: "9.9.9.9:1", want: [3]byte{1, 1, 3}, tell: "neither"},
		{name: "wrong called title", peers: peers, calling: "CT1", called: "OTHER", addr: "10.20.1.1:1", want: [3]byte{1, 1, 7},
			tell: `"OTHER" is not ours`},
		{name: "called title not checked", peers: peers, calling: "CT1", called: "OTHER", addr: "10.20.1.1:1", unlooked: true},
		{name: "title that we called with", peers: peers, calling: "CT1", called: "JCS_AS_SCU", addr: "10.20.1.1:1"},
		{name: "no peers, loopback", calling: "X", called: "JCS", addr: "127.0.0.1:1"},
		{name: "no peers, IPv6 loopback", calling: "X", called: "JCS", addr: "[::1]:1"},
		{name: "no peers, from outside", calling: "X", called: "JCS", addr: "10.20.1.1:1", want: [3]byte{1, 1, 3}, tell: "[[peer]]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := doorFor(t, Settings{AETitle: "JCS", OtherTitles: []string{"JCS_AS_SCU"}, CheckCalled: !c.unlooked, Peers: c.peers})
			err := d.Admit(dimse.Requestor{CallingAETitle: c.calling, CalledAETitle: c.called,
				Addr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.addr))})
			if c.want == [3]byte{} {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			var r *dimse.Rejection
			if !errors.As(err, &r) || [3]byte{r.Result, r.Source, r.Reason} != c.want || !strings.Contains(r.Detail, c.tell) {
				t.Errorf("%v, want RJ %v that tells %q", err, c.want, c.tell)
			}
		})
	}
}

func TestAdmit_FullDiskIsTransient(t *testing.T) {
	d := doorFor(t, Settings{AETitle: "JCS"})
	d.inbox.store = &faultyStore{room: spent}
	err := d.Admit(dimse.Requestor{CalledAETitle: "JCS", Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}})
	var r *dimse.Rejection
	if !errors.As(err, &r) || [3]byte{r.Result, r.Source, r.Reason} != [3]byte{2, 3, 1} || !strings.Contains(r.Detail, "make room") {
		t.Errorf("%v, want RJ 2/3/1 that says what to do", err)
	}
	d.inbox.store = &faultyStore{room: func() (store.Room, error) { return store.Room{}, broken }}
	if err := d.Admit(dimse.Requestor{CalledAETitle: "JCS", Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}}); err == nil {
		t.Error("admitted without knowing the free space")
	}
}

func TestAccept(t *testing.T) {
	order := []string{dataset.ExplicitVRLittleEndian, dataset.JPEGLosslessSV1, dataset.ImplicitVRLittleEndian, dataset.JPEG2000}
	const mr = "1.2.840.10008.5.1.4.1.1.4"
	for _, c := range []struct {
		name     string
		other    bool
		abstract string
		proposed []string
		syntax   string
		result   byte
	}{
		{"our preference, not theirs", false, CTImageStorage, []string{dataset.ImplicitVRLittleEndian, dataset.JPEGLosslessSV1},
			dataset.JPEGLosslessSV1, pdu.ResultAcceptance},
		{"lossless as the sender has it", false, CTImageStorage, []string{dataset.JPEGLosslessSV1, dataset.ExplicitVRLittleEndian},
			dataset.JPEGLosslessSV1, pdu.ResultAcceptance},
		{"lossless behind uncompressed", false, CTImageStorage, []string{dataset.ImplicitVRLittleEndian, dataset.JPEGLosslessSV1,
			dataset.ExplicitVRLittleEndian}, dataset.ExplicitVRLittleEndian, pdu.ResultAcceptance},
		{"lossless that is not ours", false, CTImageStorage, []string{dataset.RLELossless, dataset.ImplicitVRLittleEndian},
			dataset.ImplicitVRLittleEndian, pdu.ResultAcceptance},
		{"lossy before uncompressed", false, CTImageStorage, []string{dataset.JPEG2000, dataset.ExplicitVRLittleEndian},
			dataset.ExplicitVRLittleEndian, pdu.ResultAcceptance},
		{"enhanced", false, EnhancedCTImageStorage, []string{dataset.ExplicitVRLittleEndian}, dataset.ExplicitVRLittleEndian,
			pdu.ResultAcceptance},
		{"legacy converted", false, LegacyConvertedEnhancedCTImageStorage, []string{dataset.ExplicitVRLittleEndian},
			dataset.ExplicitVRLittleEndian, pdu.ResultAcceptance},
		{"private syntax", false, CTImageStorage, []string{"1.2.840.113709.1.2.2"}, "", pdu.ResultTransferSyntaxesNotSupported},
		{"no syntax", false, CTImageStorage, nil, "", pdu.ResultTransferSyntaxesNotSupported},
		{"other class refused", false, mr, order, "", pdu.ResultAbstractSyntaxNotSupported},
		{"other class kept", true, mr, order, dataset.ExplicitVRLittleEndian, pdu.ResultAcceptance},
		{"not storage at all", true, "1.2.840.10008.5.1.4.1.2.1.1", order, "", pdu.ResultAbstractSyntaxNotSupported},
		{"echo", false, dimse.Verification, []string{dataset.ImplicitVRLittleEndian}, dataset.ImplicitVRLittleEndian, pdu.ResultAcceptance},
		{"echo in big endian", false, dimse.Verification, []string{dataset.ExplicitVRBigEndian}, dataset.ExplicitVRBigEndian,
			pdu.ResultAcceptance},
		{"echo compressed", false, dimse.Verification, []string{dataset.JPEGLossless}, "", pdu.ResultTransferSyntaxesNotSupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := doorFor(t, Settings{AcceptOther: c.other, TransferSyntaxes: order})
			if ts, result := d.Accept(dimse.Requestor{}, c.abstract, c.proposed); ts != c.syntax || result != c.result {
				t.Errorf("%q, %d; want %q, %d", ts, result, c.syntax, c.result)
			}
		})
	}
}
