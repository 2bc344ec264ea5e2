package scp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"

	"jcsnode/commitment"
	"jcsnode/dataset"
	"jcsnode/dimse"
	"jcsnode/dimse/pdu"
)

// SOP classes of storage (PS3.4 table B.5-1) that the pipeline reads.
const (
	CTImageStorage                        = "1.2.840.10008.5.1.4.1.1.2"
	EnhancedCTImageStorage                = "1.2.840.10008.5.1.4.1.1.2.1"
	LegacyConvertedEnhancedCTImageStorage = "1.2.840.10008.5.1.4.1.1.2.2"
)

// OurClasses lists the SOP classes that the pipeline reads.
func OurClasses() []string {
	return []string{CTImageStorage, EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage}
}

// storageRoot begins the UIDs of the storage SOP classes of PS3.4 table B.5-1.
const storageRoot = "1.2.840.10008.5.1.4.1.1."

// Settings of a Door, values of the configuration.
type Settings struct {
	AETitle          string
	OtherTitles      []string // by which we are called, too: those with which we called
	CheckCalled      bool     // refuse associations that call another title
	Peers            []Peer   // who may come in; none: this machine only
	AcceptOther      bool     // keep other storage classes as "not ours"
	TransferSyntaxes []string // that are taken, the preferred one first
	Reports          bool     // some destination is asked for storage commitment, and may report
}

// Peer may open associations. An empty title or certificate and an invalid network fit everybody.
type Peer struct {
	AETitle     string
	Network     netip.Prefix
	Certificate string // common name or DNS name of the peer's verified TLS certificate
	StaysOpen   bool   // its associations say nothing about whether a study is complete
}

func (p Peer) hasTitle(title string) bool { return p.AETitle == "" || p.AETitle == title }

func (p Peer) hasAddress(a netip.Addr) bool { return !p.Network.IsValid() || p.Network.Contains(a) }

// Reasons of A-ASSOCIATE-RJ, PS3.8 table 9-21.
var (
	callingNotRecognized = dimse.Rejection{Result: 1, Source: 1, Reason: 3}
	calledNotRecognized  = dimse.Rejection{Result: 1, Source: 1, Reason: 7}
	temporaryCongestion  = dimse.Rejection{Result: 2, Source: 3, Reason: 1}
)

// hasCertificate reports whether the connection proved the peer's name. Only a certificate that the listener verified counts.
func (p Peer) hasCertificate(state *tls.ConnectionState) bool {
	if p.Certificate == "" {
		return true
	}
	if state == nil || len(state.VerifiedChains) == 0 {
		return false
	}
	leaf := state.VerifiedChains[0][0]
	return leaf.Subject.CommonName == p.Certificate ||
		slices.ContainsFunc(leaf.DNSNames, func(name string) bool { return strings.EqualFold(name, p.Certificate) })
}

// shown is the name of the certificate that a peer proved, for texts.
func shown(state *tls.ConnectionState) string {
	switch {
	case state == nil:
		return "a connection without TLS"
	case len(state.VerifiedChains) == 0:
		return "TLS without a client certificate"
	}
	leaf := state.VerifiedChains[0][0]
	return fmt.Sprintf("the certificate %q %q", leaf.Subject.CommonName, leaf.DNSNames)
}

func reject(r dimse.Rejection, format string, args ...any) error {
	r.Detail = fmt.Sprintf(format, args...)
	return &r
}

// Admit is dimse.Server.Admit: titles, address and disk. The details of a rejection say
// what to change; the server logs them, and the ledger keeps the newest of each calling title.
func (d *Door) Admit(p dimse.Requestor) error {
	err := d.admit(p)
	if r := (*dimse.Rejection)(nil); errors.As(err, &r) && p.Addr != nil {
		d.called(p, r.Detail)
	}
	return err
}

func (d *Door) admit(p dimse.Requestor) error {
	s := d.settings()
	if s.CheckCalled && p.CalledAETitle != s.AETitle && !slices.Contains(s.OtherTitles, p.CalledAETitle) {
		return reject(calledNotRecognized,
			"called AE title %q is not ours: set the peer's destination title to %q, or node.ae_title or node.check_called here",
			p.CalledAETitle, s.AETitle)
	}
	if err := admitCaller(s.Peers, p); err != nil {
		return err
	}
	if err := d.inbox.Room(context.Background()); err != nil {
		return reject(temporaryCongestion, "%v: %s", err, remedy(err))
	}
	return nil
}

// staysOpen says whether the associations of a peer stay open when its studies are over.
func (d *Door) staysOpen(p dimse.Requestor) bool {
	addr, err := address(p.Addr)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(d.settings().Peers, func(peer Peer) bool {
		return peer.StaysOpen && peer.hasTitle(p.CallingAETitle) && peer.hasAddress(addr) && peer.hasCertificate(p.TLS)
	})
}

// admitCaller says whether one of the peers is the caller.
func admitCaller(peers []Peer, p dimse.Requestor) error {
	addr, err := address(p.Addr)
	if err != nil {
		return reject(callingNotRecognized, "peer has no IP address: %v", err)
	}
	if len(peers) == 0 {
		if addr.IsLoopback() {
			return nil
		}
		return reject(callingNotRecognized,
			`no [[peer]] is configured, so only 127.0.0.1 and ::1 may come in: add [[peer]] with ae_title = %q and network = "%s"`,
			p.CallingAETitle, addr)
	}
	// A title that has to be proven is not let in by a [[peer]] that is for any title.
	bound := slices.ContainsFunc(peers, func(peer Peer) bool {
		return peer.Certificate != "" && peer.AETitle == p.CallingAETitle && peer.AETitle != ""
	})
	title, network, unproven := false, false, ""
	for _, peer := range peers {
		if bound && peer.AETitle == "" {
			continue
		}
		t, n := peer.hasTitle(p.CallingAETitle), peer.hasAddress(addr)
		if t && n {
			if peer.hasCertificate(p.TLS) {
				return nil
			}
			unproven = peer.Certificate
			continue
		}
		title = title || t && peer.AETitle != ""
		network = network || n && peer.Network.IsValid()
	}
	switch {
	case unproven != "":
		return reject(callingNotRecognized,
			"calling AE title %q at %s must prove the name %q, and came with %s: "+
				"install its certificate there, or change certificate of its [[peer]]",
			p.CallingAETitle, addr, unproven, shown(p.TLS))
	case title:
		return reject(callingNotRecognized, "calling AE title %q is known, but not from %s: change network of its [[peer]], or add one",
			p.CallingAETitle, addr)
	case network:
		return reject(callingNotRecognized,
			"calling AE title %q is not known, the address %s is: change ae_title of its [[peer]], or add one", p.CallingAETitle, addr)
	}
	return reject(callingNotRecognized,
		"neither calling AE title %q nor address %s is known: add a [[peer]] for it", p.CallingAETitle, addr)
}

// address is the IP address of a peer; an IPv4 one that came over an IPv6 socket is IPv4.
func address(a net.Addr) (netip.Addr, error) {
	if a == nil {
		return netip.Addr{}, fmt.Errorf("no address")
	}
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}, err
	}
	return ap.Addr().Unmap().WithZone(""), nil
}

// keeps says whether instances of a class are stored.
func (d *Door) keeps(class string) bool {
	return slices.Contains(OurClasses(), class) || d.settings().AcceptOther && strings.HasPrefix(class, storageRoot)
}

// Accept is dimse.Server.Accept: our preference decides among the proposed syntaxes, since
// what the pipeline cannot decode is of no use in the inbox. Before it goes a lossless
// compression of ours that the sender names first: that is what its pixels lie in, with
// uncompressed syntaxes behind it for receivers that know no other (DCMTK 3.6.7, dcmsend),
// and it would have to decompress them.
func (d *Door) Accept(_ dimse.Requestor, abstract string, proposed []string) (string, byte) {
	preferred := d.settings().TransferSyntaxes
	switch {
	case abstract == dimse.Verification:
		preferred = []string{dataset.ExplicitVRLittleEndian, dataset.ImplicitVRLittleEndian, dataset.ExplicitVRBigEndian}
	case abstract == commitment.PushModel && (d.Commitment != nil || d.takesReports()):
		preferred = commitment.Syntaxes()
	case !d.keeps(abstract):
		return "", pdu.ResultAbstractSyntaxNotSupported
	}
	if len(proposed) > 0 && slices.Contains(preferred, proposed[0]) {
		if first, _ := dataset.LookupTransferSyntax(proposed[0]); first.Lossless {
			return first.UID, pdu.ResultAcceptance
		}
	}
	for _, ts := range preferred {
		if slices.Contains(proposed, ts) {
			return ts, pdu.ResultAcceptance
		}
	}
	d.log.Debug("no transfer syntax of ours was offered", slog.String("class", abstract), slog.Any("offered", proposed))
	return "", pdu.ResultTransferSyntaxesNotSupported
}
