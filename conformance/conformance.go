// Package conformance writes the DICOM conformance statement (PS3.2) of the program under a configuration. What it states it takes from the
// parts that do it, so that statement and program cannot part.
package conformance

import (
	"crypto/tls"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/template"
	"time"

	"jcsnode/commitment"
	"jcsnode/config"
	"jcsnode/dataset"
	"jcsnode/dicomout/object"
	"jcsnode/dimse"
	"jcsnode/dimse/pdu"
	"jcsnode/dimse/secure"
	"jcsnode/node"
	"jcsnode/scp"
)

//go:embed conformance.md.tmpl
var text string

// named is a class or transfer syntax.
type named struct{ Name, UID string }

// statement is what the template of the conformance statement needs.
type statement struct {
	Config                                        config.Config
	Shipped                                       bool // nothing but defaults
	ImplementationClassUID, ImplementationVersion string
	ApplicationContext, Verification, Commitment  string
	Storage, Made                                 []named // classes that are received, and sent
	Syntaxes, CommitmentSyntaxes                  []named
	Objects                                       []madeObject
	Asks                                          bool // some destination is asked for storage commitment
	CommitmentLinger                              time.Duration
	Reserve                                       string
	Waits                                         []wait
	Keys                                          []key
	Suites                                        []string
}

type madeObject struct {
	Class       named
	Description string
	Number      int
}

type wait struct {
	Name  string
	Limit time.Duration
}

type key struct{ Name, Value string }

// className names a SOP class of storage by PS3.6; the names are ours to keep in step with the constants.
func className(uid string) (named, error) {
	names := map[string]string{
		scp.CTImageStorage:                                     "CT Image Storage",
		scp.EnhancedCTImageStorage:                             "Enhanced CT Image Storage",
		scp.LegacyConvertedEnhancedCTImageStorage:              "Legacy Converted Enhanced CT Image Storage",
		object.SecondaryCaptureImageStorage:                    "Secondary Capture Image Storage",
		object.MultiFrameTrueColorSecondaryCaptureImageStorage: "Multi-frame True Color Secondary Capture Image Storage",
		object.ParametricMapStorage:                            "Parametric Map Storage",
		object.SegmentationStorage:                             "Segmentation Storage",
		object.LabelMapSegmentationStorage:                     "Label Map Segmentation Storage",
		object.Comprehensive3DSRStorage:                        "Comprehensive 3D SR Storage",
		object.KeyObjectSelectionDocumentStorage:               "Key Object Selection Document Storage",
	}
	name, known := names[uid]
	if !known {
		return named{}, fmt.Errorf("SOP class %s has no name in the conformance statement", uid)
	}
	return named{name, uid}, nil
}

func namedSyntax(uid string) named {
	ts, _ := dataset.LookupTransferSyntax(uid)
	return named{ts.Name, uid}
}

// Write writes the statement as Markdown.
func Write(w io.Writer, c config.Config) error {
	s := statement{
		Config:                 c,
		Shipped:                shipped(c),
		ImplementationClassUID: object.ImplementationClassUID,
		ImplementationVersion:  object.ImplementationVersionName,
		ApplicationContext:     pdu.ApplicationContext,
		Verification:           dimse.Verification,
		Commitment:             commitment.PushModel,
		Asks:                   len(node.CommitmentFrom(c.Destinations)) > 0,
		CommitmentLinger:       node.CommitmentLinger,
		Reserve:                fmt.Sprintf("%d MB", c.Node.Reserve>>20),
		Waits:                  waits(c),
		Keys:                   keys(c),
	}
	for _, id := range secure.CipherSuites() {
		s.Suites = append(s.Suites, tls.CipherSuiteName(id))
	}
	syntaxes, err := node.TransferSyntaxes(c.Node)
	if err != nil {
		return err
	}
	for _, uid := range syntaxes {
		s.Syntaxes = append(s.Syntaxes, namedSyntax(uid))
	}
	for _, uid := range commitment.Syntaxes() {
		s.CommitmentSyntaxes = append(s.CommitmentSyntaxes, namedSyntax(uid))
	}
	var errs []error
	for _, uid := range scp.OurClasses() {
		class, err := className(uid)
		errs = append(errs, err)
		s.Storage = append(s.Storage, class)
	}
	seen := map[string]bool{}
	for _, kind := range node.Recipients(c.Destinations).Kinds(false) {
		class, err := className(kind.SOPClassUID)
		errs = append(errs, err)
		s.Objects = append(s.Objects, madeObject{class, kind.Description, c.Objects.SeriesBase + kind.Number})
		if !seen[class.UID] {
			seen[class.UID] = true
			s.Made = append(s.Made, class)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	t, err := template.New("conformance").Parse(text)
	if err != nil {
		return err
	}
	return t.Execute(w, s)
}

// shipped says whether the configuration is that of the shipped file as far as DICOM can tell.
func shipped(c config.Config) bool {
	d := config.Default()
	return c.Node.AETitle == d.Node.AETitle && c.Node.Listen == d.Node.Listen && len(c.Peers)+len(c.Destinations) == 0 && c.TLS == d.TLS
}

func waits(c config.Config) []wait {
	t := dimse.DefaultTimeouts()
	return []wait{
		{"whole A-ASSOCIATE-RQ, TLS handshake included; A-ASSOCIATE-AC; close after the last PDU (ARTIM)", t.Request},
		{"TCP connection and TLS handshake as requestor", t.Connect},
		{"next PDU of an association", t.Idle},
		{"one PDU from its first byte to its last", t.PDU},
		{"room for one PDU at the peer", t.Write},
		{"release as requestor", t.Release},
		{"response of a destination (`timeout`)", time.Duration(config.DefaultDestination().Timeout)},
		{"response to a storage commitment report", node.CommitmentTimeout},
		{"open associations when the node stops (`node.drain`)", time.Duration(c.Node.Drain)},
	}
}

func keys(c config.Config) []key {
	or := func(s, otherwise string) string {
		if s == "" {
			return otherwise
		}
		return s
	}
	return []key{
		{"node.ae_title", c.Node.AETitle},
		{"node.listen", c.Node.Listen},
		{"node.check_called", strconv.FormatBool(c.Node.CheckCalled)},
		{"node.max_associations", strconv.Itoa(c.Node.MaxAssociations)},
		{"node.max_associations_per_peer", strconv.Itoa(c.Node.MaxAssociationsPerPeer)},
		{"node.max_pdu", strconv.Itoa(c.Node.MaxPDU)},
		{"node.min_rate", fmt.Sprintf("%d bytes per second over %v", c.Node.MinRate, dimse.DefaultTimeouts().Progress)},
		{"node.accept_other", strconv.FormatBool(c.Node.AcceptOther)},
		{"node.transfer_syntaxes", or(strings.Join(c.Node.TransferSyntaxes, ", "), "all that can be read")},
		{"tls.listen", or(c.TLS.Listen, "none")},
		{"tls.require_client_certificate", strconv.FormatBool(c.TLS.RequireClientCertificate)},
		{"settle.quiet", c.Settle.Quiet.String()},
		{"settle.limit", c.Settle.Limit.String()},
		{"objects.series_base", strconv.Itoa(c.Objects.SeriesBase)},
		{"keep.days", strconv.Itoa(c.Keep.Days)},
	}
}
