package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"jcsnode/config"
	"jcsnode/findings"
	"jcsnode/ledger"
	"jcsnode/ledger/ledgertest"
)

// A destination that cannot be reached has not been tried with an object; status says so in words, with and without numbers.
func TestStatus_NothingTriedYet(t *testing.T) {
	const study = "1.2.3"
	l := ledgerStudy(t, t.TempDir(), study)
	rev := settled(t, l, study)
	objects := outgoing("pacs",
		ledger.Object{Kind: "summary", Title: "Summary", SOPInstanceUID: "2.25.1"},
		ledger.Object{Kind: "seg", Title: "Lesions", SOPInstanceUID: "2.25.2"},
		ledger.Object{Kind: "outline", Title: "Outline", SOPInstanceUID: "2.25.3"})
	if err := l.Complete(t.Context(), rev.ID, objects, ledger.Reason{Text: "positive"}); err != nil {
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
	if err := studyStatus(t.Context(), &text, config.Default(), l, study, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"  pacs: 2 objects waiting\n", "  pacs: 1 object failed\n",
		"    Summary to pacs: waiting: connection failed\n",
		"    Lesions to pacs: failed after 1 attempt: A900H peer does not want this object\n",
		"    Outline to pacs: waiting, not tried yet\n",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("lacks %q:\n%s", want, text.String())
		}
	}
	const want = "pacs has not taken 1 object so far: connection failed.\n"
	if got := explained(t, l, study, rev.SettledAt); !strings.Contains(got, want) {
		t.Errorf("explain lacks %q:\n%s", want, got)
	}

	text.Reset()
	if err := nodeStatus(t.Context(), &text, config.Default(), l, ledger.Filter{Limit: 10}, false); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "deliveries: 1 failed, 2 waiting\n") ||
		!regexp.MustCompile(`1\.2\.3 .* 1 failed, 2 waiting\n`).MatchString(text.String()) {
		t.Errorf("the node's status:\n%s", text.String())
	}
}

func TestStatus_NothingToDeliver(t *testing.T) {
	l := ledgerStudy(t, t.TempDir(), "1.2.3")
	var text strings.Builder
	if err := nodeStatus(t.Context(), &text, config.Default(), l, ledger.Filter{Limit: 10}, false); err != nil {
		t.Fatal(err)
	}
	if strings.Count(text.String(), "none\n") != 2 || strings.Contains(text.String(), "map[") {
		t.Errorf("the node's status:\n%s", text.String())
	}
}

// limitedStudy is reported as negative, a close call, of ten millimetres.
func limitedStudy(t *testing.T, l *ledger.Ledger, study string) {
	t.Helper()
	rev := settled(t, l, study)
	text, err := json.Marshal(findings.Findings{State: findings.StateReported,
		Decision: &findings.Decision{Text: "negative: 0 of 4 slices are positive"},
		Cautions: []string{closeCall}, Limits: []string{tenMM}, Models: []findings.Model{{Name: "classifier", Status: "trained"}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.SaveFindings(t.Context(), rev.ID, ledger.Reading{Findings: text}); err != nil {
		t.Fatal(err)
	}
	if err := l.Complete(t.Context(), rev.ID, nil, ledger.Reason{Text: "negative: 0 of 4 slices are positive"}); err != nil {
		t.Fatal(err)
	}
}

const closeCall = "Close to the threshold: 20.0 mm of positive slices, where more than 25.0 mm are needed."

const tenMM = "The stack is 10 mm long, shorter than a chest: the result speaks only about that part."

// What limits a verdict stands wherever the verdict does.
func TestStatus_LimitsGoWithTheVerdict(t *testing.T) {
	const study = "1.2.3"
	l := ledgerStudy(t, t.TempDir(), study)
	limitedStudy(t, l, study)
	var node, nodeJSON, one, oneJSON strings.Builder
	for _, err := range []error{
		nodeStatus(t.Context(), &node, config.Default(), l, ledger.Filter{Limit: 10}, false),
		nodeStatus(t.Context(), &nodeJSON, config.Default(), l, ledger.Filter{Limit: 10}, true),
		studyStatus(t.Context(), &one, config.Default(), l, study, false),
		studyStatus(t.Context(), &oneJSON, config.Default(), l, study, true),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"status": node.String(),
		"status --json": nodeJSON.String(), "status of the study": one.String(),
		"status of the study --json": oneJSON.String(), "explain": explained(t, l, study, time.Now())} {
		for _, want := range []string{closeCall, tenMM} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q:\n%s", name, want, text)
			}
		}
	}
	if !strings.Contains(node.String(), "negative, with caution, limited") {
		t.Errorf("the list says:\n%s", node.String())
	}
}

// Refused instances stand where somebody looks for them, also when nothing of the study was stored.
func TestStatus_Refused(t *testing.T) {
	const study = "1.2.3"
	l := ledgerStudy(t, t.TempDir(), study)
	for i, of := range []string{study, study, "1.2.4", ""} {
		r := ledger.RefusedInstances{StudyUID: of, CallingAE: "SCANNER", Address: "10.0.0.1",
			Code: "truncated", Status: "C000H", Text: "data set is cut short", Remedy: "have it sent again",
			Instance: fmt.Sprint("1.2.3.", i)}
		if err := l.Refused(t.Context(), r, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var node, one strings.Builder
	if err := nodeStatus(t.Context(), &node, config.Default(), l, ledger.Filter{Limit: 10}, false); err != nil {
		t.Fatal(err)
	}
	if err := studyStatus(t.Context(), &one, config.Default(), l, study, false); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"status": one.String(), "explain": explained(t, l, study, time.Now())} {
		for _, want := range []string{"  2 instances from SCANNER at 10.0.0.1 were refused ",
			" with status C000H: data set is cut short.\n    What to do: have it sent again.\n"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q:\n%s", name, want, text)
			}
		}
	}
	for _, want := range []string{"1 instance (0 flagged, 4 refused)", "  study 1.2.3: 2 instances from",
		"  study 1.2.4: 1 instance from", "  no known study: 1 instance from"} {
		if !strings.Contains(node.String(), want) {
			t.Errorf("the node's status lacks %q:\n%s", want, node.String())
		}
	}
	err := studyStatus(t.Context(), io.Discard, config.Default(), l, "1.2.4", false)
	if err == nil || !strings.Contains(err.Error(), "nothing of study 1.2.4 is stored here") ||
		!strings.Contains(err.Error(), "cut short") {
		t.Errorf("a study of which all was refused: %v", err)
	}
}

// JSON has no time that never was, and lists where lists belong, in every state of a study.
func TestStatus_JSON(t *testing.T) {
	receiving := ledgerStudy(t, t.TempDir(), "1.2.3")
	waiting := ledgerStudy(t, t.TempDir(), "1.2.3")
	settled(t, waiting, "1.2.3")
	reported := ledgerStudy(t, t.TempDir(), "1.2.3")
	limitedStudy(t, reported, "1.2.3")
	delivering := ledgerStudy(t, t.TempDir(), "1.2.3")
	rev := settled(t, delivering, "1.2.3")
	summary := outgoing("pacs", ledger.Object{Kind: "summary", SOPInstanceUID: "2.25.1"})
	if err := delivering.Complete(t.Context(), rev.ID, summary, ledger.Reason{Text: "positive"}); err != nil {
		t.Fatal(err)
	}
	for name, l := range map[string]*ledger.Ledger{
		"receiving": receiving, "waiting": waiting, "reported": reported, "delivering": delivering} {
		var text strings.Builder
		if err := nodeStatus(t.Context(), &text, config.Default(), l, ledger.Filter{Limit: 10}, true); err != nil {
			t.Fatal(err)
		}
		if err := studyStatus(t.Context(), &text, config.Default(), l, "1.2.3", true); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text.String(), "0001-01-01") {
			t.Errorf("%s: a time that never was:\n%s", name, text.String())
		}
		for _, line := range strings.Split(text.String(), "\n") {
			if strings.Contains(line, "null") && !strings.Contains(line, `"decision"`) && !strings.Contains(line, `"reason"`) {
				t.Errorf("%s: %s", name, line)
			}
		}
	}
}

// A list says how many it leaves out, and shows what is asked for.
func TestStatus_ListsWhatIsAskedFor(t *testing.T) {
	l := newLab(t)
	own := filepath.Join(l.dir, "data")
	writer := ledgerStudy(t, own, "1.2.3")
	for _, uid := range []string{"1.2.30", "1.2.31", "1.2.4"} {
		i := ledgertest.Slice(uid, 1)
		i.CallingAE = "CT_B"
		ledgertest.Record(t, writer, i)
	}
	limitedStudy(t, writer, "1.2.3")
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args  []string
		want  []string // studies
		says  string
		fails bool
	}{
		"all": {nil, []string{"1.2.3", "1.2.30", "1.2.31", "1.2.4"}, "", false},
		"some": {[]string{"--limit", "1", "--scanner", "CT_B"}, []string{"1.2.4"},
			"and 2 more, 3 in all; --limit 0 lists all\n", false},
		"without limit":   {[]string{"--limit", "0"}, []string{"1.2.3", "1.2.30", "1.2.31", "1.2.4"}, "", false},
		"deliveries":      {[]string{"--deliveries", "failed"}, nil, "", false},
		"negative":        {[]string{"--result", "negative"}, []string{"1.2.3"}, "", false},
		"state":           {[]string{"--state", "receiving"}, []string{"1.2.30", "1.2.31", "1.2.4"}, "", false},
		"of another time": {[]string{"--to", "2001-01-01"}, nil, "", false},
		"from some day":   {[]string{"--from", "2001-01-01T00:00", "--result", "none"}, []string{"1.2.30", "1.2.31", "1.2.4"}, "", false},
		"no such state":   {[]string{"--state", "lost"}, nil, "one of receiving, settled", true},
		"no such date":    {[]string{"--from", "yesterday"}, nil, "a date as 2026-01-31", true},
		"one of several":  {[]string{"1.2.3"}, nil, "study 1.2.3: reported", false},
		"a beginning":     {[]string{"1.2.4"}, nil, "study 1.2.4: receiving", false},
		"ambiguous":       {[]string{"1.2"}, nil, "several studies begin with 1.2; write more of the UID:\n  1.2.4  receiving", true},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := program(t.Context(), append([]string{"status", "--config", l.config}, c.args...)...).CombinedOutput()
			if (err != nil) != c.fails || !strings.Contains(string(out), c.says) {
				t.Fatalf("%v\n%s\nlacks %q", err, out, c.says)
			}
			if c.says != "" && c.want == nil {
				return
			}
			var got []string
			for _, row := range regexp.MustCompile(`(?m)^(1\.2[.\d]*) `).FindAllStringSubmatch(string(out), -1) {
				got = append(got, row[1])
			}
			slices.Sort(got)
			if !slices.Equal(got, c.want) {
				t.Errorf("lists %v, want %v:\n%s", got, c.want, out)
			}
		})
	}
	// What a shell offers.
	for want, args := range map[string][]string{
		"1.2.30\treceiving": {"status", "--config", l.config, "1.2.30"},
		"positive\n":        {"status", "--result", ""},
	} {
		out, err := program(t.Context(), append([]string{"__complete"}, args...)...).Output()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
}

// A node that runs, stopped, or was killed is told apart at once, and what it was reading is said; so is a changed configuration.
func TestStatus_TheNodeItself(t *testing.T) {
	l := newLabWith(t, exactNetworks(t), "device = \"cpu\"")
	says := func(want string) {
		t.Helper()
		eventually(t, 20*time.Second, want, func() bool { return strings.Contains(jcsnode(t, "status", "--config", l.config), want) })
	}
	l.serve(t)
	says("JCSNODE is running since ")
	says(", weights untrained\n")
	l.change(t, `device = "cpu"`, `device = "cpu"  # the same`)
	says("config.toml was changed since it was read: reload the node")
	if text := jcsnode(t, "status", "--config", l.config); !strings.Contains(text, ": sent nothing so far; last association at ") {
		t.Errorf("nobody called:\n%s", text)
	}
	l.node.stop(t)
	if text := jcsnode(t, "status", "--config", l.config); !strings.Contains(text, "JCSNODE is stopped since ") {
		t.Errorf("after a stop:\n%s", text)
	}
	l.serve(t)
	l.node.kill()
	if text := jcsnode(t, "status", "--config", l.config); !strings.Contains(text, "JCSNODE is DEAD since about ") {
		t.Errorf("after a kill:\n%s", text)
	}
}
