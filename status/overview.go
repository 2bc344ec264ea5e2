package status

import (
	"time"

	"jcsnode/findings"
	"jcsnode/ledger"
)

// Overview is how the node is: what an operator sees first on every surface.
type Overview struct {
	Version      string           `json:"version"` // of the program that answers
	AETitle      string           `json:"ae_title"`
	Weights      string           `json:"weights"`
	Models       []findings.Model `json:"models"`
	Running      Running          `json:"node"`
	Nodes        []Member         `json:"nodes,omitempty"` // that share the ledger; none where one has it for itself
	Lacks        []Lack           `json:"roles_missing,omitempty"`
	Counts       ledger.Counts    `json:"counts"`
	Queue        Queue            `json:"queue"`
	Today        Today            `json:"today"`
	Disk         *Disk            `json:"disk,omitempty"`
	Peers        []Peer           `json:"peers"`        // those of the configuration first, then who else called
	Destinations []Destination    `json:"destinations"` // likewise
	Webhooks     []Webhook        `json:"webhooks"`     // likewise
	Notice       string           `json:"notice"`
}

// NoDevice is in the place of one where a node reads no studies.
const NoDevice = "none"

// States of the node.
const (
	Runs         = "running"
	Hangs        = "not responding" // a process has the ledger and gives no sign of life
	Stopped      = "stopped"
	Dead         = "dead" // it ended without stopping
	NeverStarted = "never started"
)

// Running is the node as a process.
type Running struct {
	State       string           `json:"state"`
	Since       time.Time        `json:"since,omitzero"` // of the state; of a dead node: its last sign of life
	StartedAt   time.Time        `json:"started_at,omitzero"`
	Version     string           `json:"version,omitempty"`
	PID         int              `json:"pid,omitempty"`
	Device      string           `json:"device,omitempty"`
	Weights     string           `json:"weights,omitempty"`
	Config      string           `json:"config,omitempty"` // file that it was started with
	ConfigStale bool             `json:"config_stale"`     // that file has changed since
	Work        []ledger.Work    `json:"work"`             // studies that it reads; of a dead node: that it was reading
	Sends       []ledger.Sending `json:"sends"`            // what it delivers now
	Uploads     int              `json:"uploads"`          // files on its disk that are still to go up to the object store
	StoreAway   string           `json:"store_away"`       // why that does not take files; "": it does, or there is none
	AwaySince   time.Time        `json:"store_away_since,omitzero"`
}

// Queue is the studies on their way.
type Queue struct {
	Receiving  int `json:"receiving"`
	Waiting    int `json:"waiting"` // complete, not begun
	Processing int `json:"processing"`
}

// Today is what was finished since midnight where the node is.
type Today struct {
	Since         time.Time `json:"since,omitzero"`
	Finished      int       `json:"finished"`
	Positive      int       `json:"positive"`
	Negative      int       `json:"negative"`
	NotProcessed  int       `json:"not_processed"`
	MedianSeconds float64   `json:"median_seconds"` // from complete to reported; 0: none was
}

// Peer is a scanner, or whoever else opens associations.
type Peer struct {
	AETitle         string    `json:"ae_title"`
	Configured      bool      `json:"configured"`
	Address         string    `json:"address,omitempty"`
	LastAssociation time.Time `json:"last_association,omitzero"`
	LastInstance    time.Time `json:"last_instance,omitzero"`
	SilentSeconds   int64     `json:"silent_seconds"` // since its last instance; 0: it never sent any
	UsualSeconds    int64     `json:"usual_seconds"`  // between two studies of it; 0: not known
	Instances       int       `json:"instances"`      // that it stored, ever
	Bytes           int64     `json:"bytes"`
	LastRejection   time.Time `json:"last_rejection,omitzero"`
	RejectedBecause string    `json:"rejected_because,omitempty"`
}

// Destination is where objects go.
type Destination struct {
	Name          string    `json:"name"`
	Configured    bool      `json:"configured"`
	Waiting       int       `json:"waiting"`
	Sent          int       `json:"sent"`
	Failed        int       `json:"failed"`
	Withdrawn     int       `json:"withdrawn"`
	OldestWaiting time.Time `json:"oldest_waiting,omitzero"`
	LastSuccess   time.Time `json:"last_success,omitzero"`
	LastFailure   time.Time `json:"last_failure,omitzero"`
	Answer        string    `json:"answer,omitempty"`       // newest, or what came instead of one
	TroubleSince  time.Time `json:"trouble_since,omitzero"` // first failure since its last success
}

// Webhook is who is told of what happens.
type Webhook struct {
	Name       string `json:"name"`
	Configured bool   `json:"configured"`
	Waiting    int    `json:"waiting"`
	Sent       int    `json:"sent"`
	Failed     int    `json:"failed"`
}
