package main

import (
	"path/filepath"
	"strings"
	"testing"

	"jcsnode/ledger"
)

// A destination is tried again in bulk beside the node, and a shell knows its name.
func TestDeliver(t *testing.T) {
	l := newLab(t, destination("pacs", "ARCHIVE", 9), destination("museum", "MUSEUM", 9))
	writer := ledgerStudy(t, filepath.Join(l.dir, "data"), "1.2.3")
	rev := settled(t, writer, "1.2.3")
	objects := outgoing("pacs",
		ledger.Object{Kind: "summary", SOPInstanceUID: "2.25.1"},
		ledger.Object{Kind: "seg", SOPInstanceUID: "2.25.2"})
	if err := writer.Complete(t.Context(), rev.ID, objects, ledger.Reason{Text: "positive"}); err != nil {
		t.Fatal(err)
	}
	waiting, err := writer.Pending(t.Context(), rev.ID, "pacs")
	if err != nil {
		t.Fatal(err)
	}
	for i, state := range []string{ledger.DeliverySent, ledger.DeliveryFailed} {
		outcome := ledger.DeliveryOutcome{State: state, Attempted: true, Status: "0000H", Detail: "ended"}
		if err := writer.RecordDelivery(t.Context(), waiting[i].ID, outcome); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		args []string
		says string
		good bool
	}{
		{[]string{"--destination", "pac"}, `no [[destination]] is called "pac"; the configuration has 2: pacs, museum`, false},
		{[]string{"--destination", "museum", "--failed"}, "nothing of it waits for museum", true},
		{[]string{"--destination", "pacs"}, "nothing of it waits for pacs; --failed and --resend take more", true},
		{[]string{"--destination", "pacs", "--failed", "--to", "2001-01-01"}, "nothing of it waits for pacs", true},
		{[]string{"--destination", "pacs", "--failed", "1.2.4"}, "study 1.2.4 is not known here", false},
		{[]string{"--destination", "pacs", "--failed", "1.2"}, "1 object of 1 study will be sent to pacs now", true},
		{[]string{"--destination", "pacs", "--resend"}, "2 objects of 1 study will be sent to pacs now", true},
	} {
		out, err := program(t.Context(), append([]string{"deliver", "--config", l.config}, step.args...)...).CombinedOutput()
		if (err == nil) != step.good || !strings.Contains(string(out), step.says) {
			t.Errorf("%v: %v\n%s\nlacks %q", step.args, err, out, step.says)
		}
	}
	if h := history(t, writer); h.Revisions[0].Deliveries[0].State != ledger.DeliveryWaiting || len(h.Revisions) != 1 {
		t.Errorf("%+v", h.Revisions)
	}
	out, err := program(t.Context(), "__complete", "deliver", "--config", l.config, "--destination", "").Output()
	if err != nil || !strings.HasPrefix(string(out), "pacs\nmuseum\n") {
		t.Errorf("a shell is offered: %v\n%s", err, out)
	}
}

func history(t *testing.T, l *ledger.Ledger) *ledger.History {
	t.Helper()
	h, err := l.History(t.Context(), "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	return h
}
