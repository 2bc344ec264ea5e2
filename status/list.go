package status

import (
	"jcsnode/findings"
	"jcsnode/ledger"
)

// StudyList is some of the studies that a filter lets through, the newest first.
type StudyList struct {
	Studies []Row `json:"studies"`
	Total   int   `json:"total"`    // that the filter lets through, those not listed included
	AtLeast bool  `json:"at_least"` // there are more than Total: nobody counted further
	More    int   `json:"more"`     // that come after the last one listed; with AtLeast more than that
}

// Row is a study in a list.
type Row struct {
	ledger.Summary
	Decision *findings.Decision `json:"decision,omitempty"`
	Lesions  *findings.Lesions  `json:"lesions,omitempty"`
	Lungs    *findings.Lungs    `json:"lungs,omitempty"`
	Cautions []string           `json:"cautions"` // about the decision: how easily it could be the other one
	Limits   []string           `json:"limits"`   // of the decision: what of the chest it says nothing about
}
