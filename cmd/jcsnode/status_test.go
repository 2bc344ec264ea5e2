package main

import (
	"regexp"
	"strings"
	"testing"

	"jcsnode/config"
	"jcsnode/ledger"
)

// A destination that cannot be reached has not been tried with an object; status says so in words, with and without numbers.
func TestStatus_NothingTriedYet(t *testing.T) {
	const study = "1.2.3"
	l := ledgerStudy(t, t.TempDir(), study)
	rev := settled(t, l, study)
	objects := outgoing("pacs", ledger.Object{Kind: "summary", Title: "Summary", SOPInstanceUID: "2.25.1"}, ledger.Object{Kind: "seg", Title: "Lesions", SOPInstanceUID: "2.25.2"},
		ledger.Object{Kind: "outline", Title: "Outline", SOPInstanceUID: "2.25.3"})
	if err := l.Report(t.Context(), rev.ID, objects, ledger.Reason{Text: "positive"}); err != nil {
		t.Fatal(err)
	}
	waiting, err := l.Pending(t.Context(), rev.ID, "pacs")
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range []ledger.DeliveryOutcome{
		{State: ledger.DeliveryWaiting, Detail: "connection failed", Trouble: "soon"},
		{State: ledger.DeliveryFailed, Attempted: true, Status: "A900H", Detail: "peer does not want this object"},
	} {
		if err := l.RecordDelivery(t.Context(), waiting[i].ID, o); err != nil {
			t.Fatal(err)
		}
	}
	var text strings.Builder
	if err := studyStatus(t.Context(), &text, l, study, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"  pacs: 2 objects waiting\n", "  pacs: 1 objects failed\n",
		"    Summary to pacs: waiting: connection failed\n",
		"    Lesions to pacs: failed, after 1 attempt: A900H peer does not want this object\n",
		"    Outline to pacs: waiting, not tried yet\n",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("lacks %q:\n%s", want, text.String())
		}
	}
	if got, want := explained(t, l, study, rev.SettledAt), "pacs has not taken 1 object so far: connection failed.\n"; !strings.Contains(got, want) {
		t.Errorf("explain lacks %q:\n%s", want, got)
	}

	text.Reset()
	if err := nodeStatus(t.Context(), &text, config.Default(), l, 10, false); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "deliveries: 1 failed, 2 waiting\n") || !regexp.MustCompile(`1\.2\.3 .* 1 failed, 2 waiting\n`).MatchString(text.String()) {
		t.Errorf("the node's status:\n%s", text.String())
	}
}

func TestStatus_NothingToDeliver(t *testing.T) {
	l := ledgerStudy(t, t.TempDir(), "1.2.3")
	var text strings.Builder
	if err := nodeStatus(t.Context(), &text, config.Default(), l, 10, false); err != nil {
		t.Fatal(err)
	}
	if strings.Count(text.String(), "none\n") != 2 || strings.Contains(text.String(), "map[") {
		t.Errorf("the node's status:\n%s", text.String())
	}
}
