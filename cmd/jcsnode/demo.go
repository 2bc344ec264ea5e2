package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"jcsnode/config"
	"jcsnode/dataset"
	"jcsnode/dicomout/object"
	"jcsnode/findings"
	"jcsnode/ledger"
	"jcsnode/node"
	"jcsnode/phantom"
	"jcsnode/preview"
	"jcsnode/scu"
)

func demoCommand() *cobra.Command {
	var d demonstration
	c := &cobra.Command{
		Use:   "demo --out DIR [--study DIR] [--page | --cluster FILE]",
		Short: "node, receiving PACS and sender on this machine: one study all the way, with previews",
		Args:  cobra.NoArgs,
	}
	c.Flags().StringVar(&d.out, "out", "demo",
		"`folder` for everything that the demonstration makes; what an earlier one left there is removed")
	c.Flags().StringVar(&d.study, "study", "", "`folder` with a chest CT study (default: a phantom with lesions)")
	c.Flags().BoolVar(&d.page, "page", false, "stay, with the page of the node, on which other studies can be tried, until Ctrl-C")
	c.Flags().StringVar(&d.cluster, "cluster", "",
		"`file` with the [ledger] and [store] of a configuration: two nodes share them (make demo-cluster makes both for the occasion)")
	c.RunE = func(c *cobra.Command, _ []string) error {
		d.w = c.OutOrStdout()
		if d.cluster != "" {
			return d.runCluster(c.Context())
		}
		return d.run(c.Context())
	}
	return c
}

// demonstration is one study's way through real sockets: sender, node, PACS.
type demonstration struct {
	out, study string
	page       bool
	cluster    string // file with what two nodes share, "" for one
	w          io.Writer
}

func (d *demonstration) say(format string, a ...any) { fmt.Fprintf(d.w, format+"\n", a...) }

func (d *demonstration) run(ctx context.Context) error {
	if err := d.prepare(ctx); err != nil {
		return err
	}
	nodeSocket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	pacsSocket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	cfg, err := d.configure(nodeSocket.Addr().String(), pacsSocket.Addr().String())
	if err != nil {
		return err
	}
	logFile, err := os.Create(d.path("node.log"))
	if err != nil {
		return err
	}
	defer logFile.Close()
	log := slog.New(slog.NewTextHandler(logFile, nil))

	n, err := node.Open(ctx, cfg, node.Options{Version: version, Progress: newProgress(d.w).step, Logger: log})
	if err != nil {
		return err
	}
	if err := n.ListenPage(); err != nil {
		return errors.Join(err, n.Close())
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	g, running := errgroup.WithContext(running)
	pacs := &archive{dir: d.path("received"), logger: log}
	g.Go(func() error { return pacs.serve(running, pacsSocket, "PACS") })
	g.Go(func() error { return n.Run(running, nodeSocket) })
	d.say("node JCSNODE on %s (%s), PACS on %s, log in %s", nodeSocket.Addr(), n.Device(), pacsSocket.Addr(), d.path("node.log"))

	err = d.follow(running, cfg, nodeSocket.Addr().String())
	if err == nil && d.page {
		d.say("\nthe page of the node, where other studies can be tried: http://%s/  (Ctrl-C ends it)", cfg.Web.Listen)
		<-running.Done()
	}
	stop()
	if ended := g.Wait(); ended != nil && ctx.Err() == nil {
		return ended // why a part stopped says more than that the rest was cancelled
	}
	return err
}

func (d *demonstration) path(name string) string { return filepath.Join(d.out, name) }

// demoMarker is a file that tells the folder of a demonstration from one that holds something else.
const demoMarker = ".jcsnode-demo"

// prepare empties the folder of an earlier demonstration and makes the phantom if there is no study.
func (d *demonstration) prepare(ctx context.Context) error {
	entries, err := os.ReadDir(d.out)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := os.Stat(d.path(demoMarker)); err != nil && len(entries) > 0 {
		return fmt.Errorf("%s holds something that no demonstration made; name an empty folder with --out", d.out)
	}
	if d.study != "" {
		if rel, err := filepath.Rel(d.out, d.study); err == nil && filepath.IsLocal(rel) {
			return fmt.Errorf("the study %s lies in %s, which the demonstration empties; name another --out", d.study, d.out)
		}
	}
	for _, old := range []string{"data", "data-a", "data-b", "received", "previews", "phantom"} {
		if err := os.RemoveAll(d.path(old)); err != nil {
			return fmt.Errorf("empty the folder of the demonstration: %w", err)
		}
	}
	if err := os.MkdirAll(d.path("previews"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(d.path(demoMarker), []byte("jcsnode demo empties this folder\n"), 0o644); err != nil {
		return err
	}
	if d.study != "" {
		return nil
	}
	d.study = d.path("phantom")
	d.say("making a phantom chest CT with lesions: nobody was scanned for it")
	return phantom.Write(ctx, d.study, phantom.Options{Slices: 60, Lesions: true, Seed: 1})
}

// configure writes the configuration that a site would write.
func (d *demonstration) configure(listen, pacs string) (config.Config, error) {
	text := fmt.Sprintf(`[node]
listen = %q
data_dir = "data"
reserve = "0"

[[destination]]
name = "pacs"
ae_title = "PACS"
address = %q

[settle]
quiet = "2s"
`, listen, pacs)
	if d.page {
		address, err := pageAddress()
		if err != nil {
			return config.Config{}, err
		}
		text += fmt.Sprintf("\n[web]\nlisten = %q\n\n[web.try]\nenabled = true\n", address)
	}
	path := d.path("config.toml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return config.Config{}, err
	}
	return config.LoadNode(path)
}

// pageAddress is the port of the documents, or another where that is taken.
func pageAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:8080")
	if err != nil {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// follow sends the study and reports until every object has its outcome.
func (d *demonstration) follow(ctx context.Context, cfg config.Config, address string) error {
	files, left := scu.Find([]string{d.study})
	printLeft(d.w, left)
	if len(files) == 0 {
		return fmt.Errorf("no DICOM file in %s", d.study)
	}
	study, err := studyOf(files[0].Path)
	if err != nil {
		return err
	}
	began := time.Now()
	err = send(ctx, scu.Acceptor{Address: address, CalledAETitle: "JCSNODE", Dialer: node.Dialer("SCANNER", time.Minute)}, files, d.w)
	if code := exitCode(0); errors.As(err, &code) {
		d.say("the node does not take everything that lies in the folder; the demonstration goes on with the rest")
	} else if err != nil {
		return err
	}
	l, err := readLedger(ctx, cfg)
	if err != nil {
		return err
	}
	defer l.Close()
	h, err := d.wait(ctx, l, study)
	if err != nil {
		return err
	}
	return d.conclude(h, time.Since(began))
}

func studyOf(path string) (string, error) {
	f, err := dataset.Open(path, dataset.Limits{})
	if err != nil {
		return "", err
	}
	defer f.Close()
	return f.Set().String(dataset.StudyInstanceUID), nil
}

// wait polls the ledger until the study has a result and no delivery waits.
func (d *demonstration) wait(ctx context.Context, l *ledger.Ledger, study string) (*ledger.History, error) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	said, began := "", time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
		}
		h, err := l.History(ctx, study)
		if errors.Is(err, ledger.ErrNotFound) {
			if time.Since(began) > 10*time.Second {
				return nil, fmt.Errorf("the node stored nothing of study %s; its log is %s", study, d.path("node.log"))
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		if h.State != said {
			said = h.State
			d.say("study is %s", said)
		}
		if (said == ledger.StateReported || said == ledger.StateNotProcessed) && !waiting(h) {
			return h, nil
		}
	}
}

func waiting(h *ledger.History) bool {
	for _, r := range h.Revisions {
		for _, delivery := range r.Deliveries {
			if delivery.State == ledger.DeliveryWaiting {
				return true
			}
		}
	}
	return false
}

// conclude prints the decision, what the PACS received, and makes a preview of every picture.
func (d *demonstration) conclude(h *ledger.History, took time.Duration) error {
	last := h.Revisions[len(h.Revisions)-1]
	if len(last.Findings) == 0 {
		return fmt.Errorf("the study ended without findings: %s; %s (log: %s)", last.Reason.Text, last.Reason.Remedy, d.path("node.log"))
	}
	var found findings.Findings
	if err := json.Unmarshal(last.Findings, &found); err != nil {
		return fmt.Errorf("read the findings: %w", err)
	}
	d.say("")
	printFindings(d.w, &found)
	d.say("")
	previews, err := preview.All(d.path("received"), d.path("previews"))
	if err != nil {
		return err
	}
	counts := map[string]int{}
	sent := 0
	for _, delivery := range last.Deliveries {
		counts[object.PlainName(delivery.Object.Kind)+" "+delivery.State]++
		if delivery.State == ledger.DeliverySent {
			sent++
		}
	}
	var lines []string
	for k, c := range counts {
		lines = append(lines, fmt.Sprintf("%d %s", c, k))
	}
	sort.Strings(lines)
	d.say("the PACS received %d objects (%s) in %s", sent, strings.Join(lines, ", "), d.path("received"))
	d.say("previews: %d pictures in %s", previews, d.path("previews"))
	if d.cluster == "" { // whose ledger goes with its server
		d.say("the whole history: bin/jcsnode status --config %s %s", d.path("config.toml"), h.StudyUID)
	}
	d.say("from the first byte sent to the last object stored: %.1f s", took.Seconds())
	if sent < len(last.Deliveries) {
		return fmt.Errorf("%d of %d objects were not delivered; see the history", len(last.Deliveries)-sent, len(last.Deliveries))
	}
	return nil
}
