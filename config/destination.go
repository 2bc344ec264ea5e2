package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Destination is an archive or viewer that results go to, and what it gets of them.
type Destination struct {
	Name           string   `toml:"name"`
	AETitle        string   `toml:"ae_title"`
	Address        string   `toml:"address"`          // host:port
	CallingAETitle string   `toml:"calling_ae_title"` // default: node.ae_title
	Timeout        Duration `toml:"timeout"`          // for the association and for each response
	TLS            bool     `toml:"tls"`
	CA             string   `toml:"ca"`          // PEM file; empty: the authorities of the system
	Certificate    string   `toml:"certificate"` // PEM file of ours; empty: none is shown
	Key            string   `toml:"key"`
	TLSName        string   `toml:"tls_name"`     // that its certificate must have; empty: the host of address
	Associations   int      `toml:"associations"` // at a time

	// Trouble that passes by itself, such as a PACS that is down or busy, is met again after RetryFirst, then after RetryFactor times as
	// long, up to RetryLongest. Whatever waits for RetryGiveUp fails for good; 0: by its answer alone.
	RetryFirst   Duration `toml:"retry_first"`
	RetryFactor  float64  `toml:"retry_factor"`
	RetryLongest Duration `toml:"retry_longest"`
	RetryGiveUp  Duration `toml:"retry_give_up"`

	// Storage commitment: the destination is asked to confirm that it keeps what it was sent.
	Commitment        bool     `toml:"commitment"`
	CommitmentAETitle string   `toml:"commitment_ae_title"` // default: ae_title
	CommitmentWait    Duration `toml:"commitment_wait"`     // for an answer, before it is asked again

	Objects            []string `toml:"objects"`             // of ObjectNames
	LabelMap           bool     `toml:"labelmap"`            // label map instead of BINARY, if the destination knows it
	LabelMapBackground bool     `toml:"labelmap_background"` // with a Background item
	MultiFrame         bool     `toml:"multiframe"`          // one multi-frame capture instead of single overlays
	Rejection          bool     `toml:"rejection"`           // IOCM: reject the objects that a new revision replaces
	NotProcessed       bool     `toml:"not_processed"`       // summary and report with the reason for a study that could not be read
}

// ObjectNames are what a destination may ask for.
func ObjectNames() []string {
	return []string{"summary", "segmentation", "lungs", "report", "activation", "parametric_map", "outline"}
}

// DefaultDestination is one that says nothing but where it is.
func DefaultDestination() Destination {
	return Destination{Timeout: Duration(60 * time.Second), Associations: 1,
		RetryFirst: Duration(30 * time.Second), RetryFactor: 2, RetryLongest: Duration(30 * time.Minute),
		CommitmentWait:     Duration(time.Hour),
		Objects:            []string{"summary", "segmentation", "activation", "outline"},
		LabelMapBackground: true, NotProcessed: true}
}

func (d *Destination) check(add adder, key, node string) {
	if d.Name == "" {
		add("%s.name: missing", key)
	}
	aeTitle(add, key+".ae_title", d.AETitle)
	if d.CallingAETitle != node { // which is told of by itself
		aeTitle(add, key+".calling_ae_title", d.CallingAETitle)
	}
	address(add, key+".address", d.Address, false)
	if d.Timeout <= 0 {
		add("%s.timeout: %v; more than 0", key, d.Timeout)
	}
	d.checkTLS(add, key)
	between(add, key+".associations", d.Associations, 1, 32)
	if d.RetryFirst < Duration(time.Second) {
		add("%s.retry_first: %v; at least \"1s\"", key, d.RetryFirst)
	}
	if !(d.RetryFactor >= 1 && d.RetryFactor <= 10) {
		add("%s.retry_factor: %v; 1 to 10", key, d.RetryFactor)
	}
	if d.RetryLongest < d.RetryFirst {
		add("%s.retry_longest: %v is less than retry_first, %v", key, d.RetryLongest, d.RetryFirst)
	}
	if d.RetryGiveUp < 0 {
		add("%s.retry_give_up: %v; 0 or more", key, d.RetryGiveUp)
	}
	if d.CommitmentAETitle != d.AETitle {
		aeTitle(add, key+".commitment_ae_title", d.CommitmentAETitle)
	}
	if d.CommitmentWait < Duration(time.Minute) {
		add("%s.commitment_wait: %v; at least \"1m\"", key, d.CommitmentWait)
	}
	if len(d.Objects) == 0 {
		add("%s.objects: empty, so nothing would go there; name some of %s, or take the destination out", key,
			strings.Join(ObjectNames(), ", "))
	}
	for i, name := range d.Objects {
		switch {
		case !slices.Contains(ObjectNames(), name):
			add("%s.objects: unknown %q; known are %s", key, name, strings.Join(ObjectNames(), ", "))
		case slices.Contains(d.Objects[:i], name):
			add("%s.objects: %q is named twice", key, name)
		}
	}
	if d.LabelMap && !slices.Contains(d.Objects, "segmentation") {
		add("%s.labelmap: is set and objects lacks \"segmentation\"", key)
	}
	if d.MultiFrame && !slices.Contains(d.Objects, "activation") {
		add("%s.multiframe: is set and objects lacks \"activation\"", key)
	}
}

// movedKey says where a key of [objects] went that used to hold for all destinations; "" for any other.
func movedKey(key string) string {
	name, _ := strings.CutPrefix(key, "objects.")
	usual := DefaultDestination().Objects
	switch {
	case name == key:
		return ""
	case slices.Contains(usual, name):
		return fmt.Sprintf("%s: each [[destination]] says for itself what it gets; to leave %s out, write there objects = %s", key, name,
			list(slices.DeleteFunc(usual, func(o string) bool { return o == name })))
	case slices.Contains(ObjectNames(), name):
		return fmt.Sprintf("%s: each [[destination]] says for itself what it gets; to have %s, write there objects = %s",
			key, name, list(append(usual, name)))
	case slices.Contains([]string{"labelmap", "labelmap_background", "multiframe", "rejection", "not_processed"}, name):
		return fmt.Sprintf("%s: each [[destination]] says for itself what it gets; write %s there, below its address", key, name)
	}
	return ""
}

// list is the names as TOML.
func list(names []string) string { return `["` + strings.Join(names, `", "`) + `"]` }
