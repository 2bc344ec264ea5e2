package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jcsnode/dicomout/object"
	"jcsnode/dimse"
	"jcsnode/dimse/pdu"
	"jcsnode/ledger"
)

// choosy is a receiver that knows few classes and takes one called AE title.
type choosy struct{ knows []string }

func (choosy) Echo(context.Context, *dimse.Association) dimse.Status { return dimse.StatusSuccess }
func (choosy) Closed(*dimse.Association, error)                      {}
func (choosy) Store(_ context.Context, _ *dimse.Association, r *dimse.StoreRequest) (dimse.Status, string) {
	io.Copy(io.Discard, r.Body)
	return dimse.StatusSuccess, ""
}

func (c choosy) serve(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &dimse.Server{Handler: c, Logger: slog.New(slog.DiscardHandler), Timeouts: dimse.Timeouts{Drain: time.Second},
		Admit: func(p dimse.Requestor) error {
			if p.CalledAETitle != "PACS" {
				return &dimse.Rejection{Result: 1, Source: 1, Reason: 7}
			}
			return nil
		},
		Accept: func(_ dimse.Requestor, abstract string, proposed []string) (string, byte) {
			for _, uid := range c.knows {
				if uid == abstract {
					return proposed[0], pdu.ResultAcceptance
				}
			}
			return "", pdu.ResultAbstractSyntaxNotSupported
		}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(ctx, l) }()
	t.Cleanup(func() { cancel(); <-done })
	return l.Addr().String()
}

// command runs a command of the program in this process.
func command(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	c := root()
	c.SetArgs(args)
	c.SetOut(&out)
	c.SetErr(&out)
	err := c.ExecuteContext(t.Context())
	return out.String(), err
}

// configured writes a configuration with data_dir in the folder and the given text.
func configured(t *testing.T, dir, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "models"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "models", "manifest.toml"), nil, 0o644); err != nil { // these commands need no network
		t.Fatal(err)
	}
	path := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(path, fmt.Appendf(nil, "[node]\ndata_dir = %q\n%s", dir, text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func destinationText(name, title, address string) string {
	return fmt.Sprintf("[[destination]]\nname = %q\nae_title = %q\naddress = %q\ntimeout = \"5s\"\n", name, title, address)
}

func TestPreflight(t *testing.T) {
	all := choosy{knows: []string{object.SecondaryCaptureImageStorage, object.SegmentationStorage}}.serve(t)
	pictures := choosy{knows: []string{object.SecondaryCaptureImageStorage}}.serve(t)
	for name, c := range map[string]struct {
		text string
		good bool
		want []string
	}{
		"all accepted": {destinationText("pacs", "PACS", all), true,
			[]string{"pacs (PACS at ", "called by JCSNODE", "segmentation ", "accepted, Explicit VR Little Endian"}},
		"one class refused": {destinationText("pacs", "PACS", pictures), false,
			[]string{"accepted, Explicit", "REFUSED: peer does not accept the class", "what to do: enable the SOP class"}},
		"one of two away": {destinationText("pacs", "PACS", all) + destinationText("away", "PACS", "127.0.0.1:1"), false,
			[]string{"accepted, Explicit", "away (PACS at 127.0.0.1:1", "NO ASSOCIATION: connection failed",
				"what to do: check that the destination is up"}},
		"wrong title":    {destinationText("pacs", "OTHER", all), false, []string{"NO ASSOCIATION", "correct the AE title"}},
		"no destination": {"", true, []string{"results stay here"}},
		"another form": {destinationText("pacs", "PACS", choosy{knows: []string{object.SegmentationStorage}}.serve(t)) +
			"objects = [\"segmentation\"]\nlabelmap = true\n", true,
			[]string{"labelmap ", "accepted as SOP class " + object.SegmentationStorage + ", Explicit"}},
		"no storage commitment": {destinationText("pacs", "PACS", all) + "commitment = true\n", false,
			[]string{"accepted, Explicit",
				"storage commitment  1.2.840.10008.1.20.1 by PACS  REFUSED: destination does not accept storage commitment: enable it"}},
		"by its profile": {destinationText("pacs", "PACS", pictures) + "objects = [\"summary\", \"outline\"]\n", true,
			[]string{"summary ", "outline "}},
		"each by its own": {destinationText("pictures", "PACS", pictures) + "objects = [\"summary\"]\n" +
			destinationText("pacs", "PACS", all) + "objects = [\"report\"]\n", false,
			[]string{"pictures (PACS", "accepted, Explicit", "report-alone ", "REFUSED: peer does not accept the class"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := command(t, "preflight", "--config", configured(t, t.TempDir(), c.text))
			var code exitCode
			if (err == nil) != c.good || err != nil && !errors.As(err, &code) {
				t.Errorf("error %v, want success %v", err, c.good)
			}
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("%s\nlacks %q", out, want)
				}
			}
		})
	}
}

func TestRequeue(t *testing.T) {
	const study = "1.2.3"
	dir := t.TempDir()
	path := configured(t, dir, "")
	out, err := command(t, "requeue", "--config", path, study)
	if err == nil || !strings.Contains(err.Error(), "has the node ever been started") {
		t.Errorf("without a ledger: %v, %s", err, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "ledger.db")); err == nil {
		t.Error("requeue made a ledger")
	}
	l := ledgerStudy(t, dir, study)
	receiving := "study 1.2.3 is still being received and will be processed " +
		"by itself: 1 instance waits until the study is complete: at TIME"
	_, err = command(t, "requeue", "--config", path, study)
	if err == nil || !strings.HasPrefix(times.ReplaceAllString(err.Error(), "TIME"), receiving) {
		t.Errorf("while it is received: %v, want %s", err, receiving)
	}
	rev := settled(t, l, study)
	summary := outgoing("pacs", ledger.Object{Kind: "summary", SOPInstanceUID: "2.25.1"})
	if err := l.Complete(t.Context(), rev.ID, summary, ledger.Reason{}); err != nil {
		t.Fatal(err)
	}
	waiting, err := l.Pending(t.Context(), rev.ID, "pacs")
	if err != nil || len(waiting) != 1 {
		t.Fatalf("%d deliveries, %v", len(waiting), err)
	}
	if err := l.RecordDelivery(t.Context(), waiting[0].ID,
		ledger.DeliveryOutcome{State: ledger.DeliveryFailed, Status: "A900H"}); err != nil {
		t.Fatal(err)
	}
	if _, err := command(t, "requeue", "--config", path, "9.9.9"); err == nil || !strings.Contains(err.Error(), "not known here") {
		t.Errorf("another study: %v", err)
	}
	out, err = command(t, "requeue", "--config", path, study) // while this process has the ledger open, as a node has
	if err != nil || !strings.Contains(out, "processed again") || strings.Contains(out, "does not run") {
		t.Fatalf("%v, %s", err, out)
	}
	if waiting, err = l.Pending(t.Context(), rev.ID, "pacs"); err != nil || len(waiting) != 1 {
		t.Errorf("%d deliveries wait, %v; want the failed one", len(waiting), err)
	}
	out, err = command(t, "explain", "--config", path, study)
	if err != nil || !strings.Contains(out, "Revision 2 is processed as soon as a worker is free") {
		t.Errorf("explain: %v, %s", err, out)
	}
	if _, err := command(t, "explain", "--config", path, "9.9.9"); err == nil || !strings.Contains(err.Error(), "not known here") {
		t.Errorf("explain another study: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	out, err = command(t, "requeue", "--config", path, study)
	if err != nil || !strings.Contains(out, "once the node is started: it does not run (never started)") {
		t.Errorf("without a node: %v, %s", err, out)
	}
}
