package ledgertest

import (
	"encoding/json"
	"fmt"
	"testing"

	"jcsnode/ledger"
)

// An instance that came again changes nothing, unless a corrected copy has replaced it: then it is the one that came last, whether it came
// when the study had been read or while it was.
func (s suite) TestRecord_ReplacedInstanceComesAgain(t *testing.T) {
	for code, want := range map[string]string{
		"":                         ledger.StateReported,
		"repeated-slice":           ledger.StateReported,
		ledger.ReasonCorrected:     ledger.StateReceiving,
		ledger.ReasonPartCorrected: ledger.StateReceiving,
	} {
		for _, early := range []bool{false, true} {
			l := s.temp(t, ledger.Options{})
			rev := begun(t, l, 1)
			replaced := Slice("1.2", 1)
			reading := ledger.Reading{Findings: json.RawMessage(`{}`)}
			if code != "" {
				reading.Instances = []ledger.InstanceReason{{Path: replaced.Path, Code: code, Text: "x"}}
			}
			if early {
				Record(t, l, replaced)
			}
			for range 2 { // by a job that ran twice
				_, err := l.SaveFindings(t.Context(), rev.ID, reading)
				Must(t, err)
			}
			Must(t, l.Complete(t.Context(), rev.ID, nil, ledger.Reason{}))
			if !early {
				Record(t, l, replaced)
			}
			h := History(t, l, "1.2")
			if h.State != want || len(h.Instances) != 1 || h.Instances[0].ReceivedAgain != 1 {
				t.Errorf("replaced by %q, early %v: %s, %+v, want %s", code, early, h.State, h.Instances, want)
			}
			if want == ledger.StateReceiving {
				second, err := l.Settle(t.Context(), "1.2", "quiet")
				Must(t, err)
				if _, instances, err := l.Revision(t.Context(), second.ID); err != nil || second.Number != 2 || len(instances) != 1 {
					t.Errorf("revision %d of %d instances, %v", second.Number, len(instances), err)
				}
			}
		}
	}
}

// What came again before it was read was read.
func (s suite) TestSaveFindings_WhatCameAgainBefore(t *testing.T) {
	l := s.temp(t, ledger.Options{})
	replaced := Slice("1.2", 1)
	Record(t, l, replaced, replaced)
	rev := begun(t, l, 2)
	reason := ledger.InstanceReason{Path: replaced.Path, Code: ledger.ReasonCorrected, Text: "x", Again: 1}
	reading := ledger.Reading{Findings: json.RawMessage(`{}`), Instances: []ledger.InstanceReason{reason}}
	_, err := l.SaveFindings(t.Context(), rev.ID, reading)
	Must(t, err)
	if h := History(t, l, "1.2"); h.State != ledger.StateProcessing {
		t.Errorf("study is %s, want processing", h.State)
	}
}

func (s suite) TestEarlier(t *testing.T) {
	l := s.temp(t, ledger.Options{})
	for n := 1; n <= 3; n++ {
		rev := begun(t, l, n)
		earlier, err := l.Earlier(t.Context(), rev.ID)
		Must(t, err)
		got := ""
		for _, e := range earlier {
			got += fmt.Sprint(e.Number, " ", e.State, " ", e.Reason.Code)
			for _, o := range e.Objects {
				got += " " + o.SOPInstanceUID
			}
			got += ", "
		}
		want := []string{"", "1 reported  2.25.11 2.25.12, ", "1 reported  2.25.11 2.25.12, 2 reported unchanged, "}[n-1]
		if got != want {
			t.Errorf("before revision %d: %q, want %q", n, got, want)
		}
		if n == 1 {
			Must(t, l.Complete(t.Context(), rev.ID, twoObjects(rev), ledger.Reason{}))
		} else {
			Must(t, l.Complete(t.Context(), rev.ID, nil, ledger.Reason{Code: ledger.ReasonUnchanged}))
		}
	}
}
