// Command ledger measures what looking into a ledger costs, by its size: it fills ledgers of several sizes and asks each what the command
// line, a page and a starting node ask. The aim is below 50 ms for an overview, a list and a search at 10 million instances, and below
// 2 s more at the start than with an empty one.
//
//	go run ./bench/ledger                          # 0.1 and 1 million instances, a minute
//	go run ./bench/ledger -instances 10000000      # some ten minutes and 9 GB
//	go run ./bench/ledger -program bin/jcsnode     # and how long that takes to start on each of them
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"jcsnode/ledger"
	"jcsnode/status"
)

func main() {
	sizes := flag.String("instances", "0,100000,1000000", "sizes of the ledgers, in instances")
	dir := flag.String("dir", "", "folder for the ledgers, which stay there and are used again; empty: a temporary one")
	program := flag.String("program", "", "the program to start on each of them, with the files that a start looks for; empty: none")
	models := flag.String("models", "models", "folder of its networks")
	flag.Parse()
	if err := run(context.Background(), *sizes, *dir, *program, *models); err != nil {
		fmt.Fprintln(os.Stderr, "ledger:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, sizes, dir, program, models string) error {
	models, err := filepath.Abs(models)
	if err != nil {
		return err
	}
	if dir == "" {
		temporary, err := os.MkdirTemp("", "ledger-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(temporary)
		dir = temporary
	}
	var heads []string
	var columns [][]measured
	for _, text := range strings.Split(sizes, ",") {
		instances, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			return fmt.Errorf("-instances: %w", err)
		}
		data := filepath.Join(dir, strconv.Itoa(instances))
		path := filepath.Join(data, "ledger.db")
		if err := prepare(ctx, path, instances); err != nil {
			return err
		}
		column, err := measure(ctx, path, instances/perStudy)
		if err != nil {
			return err
		}
		if program != "" {
			starts, err := measureStarts(ctx, program, models, data, instances/perStudy)
			if err != nil {
				return err
			}
			column = append(column, starts...)
		}
		heads = append(heads, fmt.Sprintf("%d instances", instances))
		columns = append(columns, column)
	}
	return printTable(heads, columns)
}

// prepare fills a ledger that is not there yet.
func prepare(ctx context.Context, path string, instances int) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	began := time.Now()
	err := fill(ctx, path, instances/perStudy, time.Now(), func(done int) {
		if done%2000 == 0 {
			fmt.Fprintf(os.Stderr, "%d studies after %s\n", done, time.Since(began).Round(time.Second))
		}
	})
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%d instances in %s, %d MB\n", instances, time.Since(began).Round(time.Second), info.Size()>>20)
	return nil
}

// measured is what one question took: the first time, and the median of the next ones.
type measured struct {
	what          string
	first, median time.Duration
}

const repeats = 7

// question is something that a surface asks.
type question struct {
	what string
	ask  func() error
}

func measure(ctx context.Context, path string, studies int) ([]measured, error) {
	start, err := measureStart(ctx, path)
	if err != nil {
		return nil, err
	}
	all := []measured{start}
	began := time.Now()
	l, err := ledger.Open(ctx, path, ledger.Options{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer l.Close()
	all = append(all, measured{"open to look", time.Since(began), 0})
	reader := status.Reader{
		Ledger: l,
		Site:   func() status.Site { return status.Site{QuietOf: func(string) time.Duration { return 0 }} },
		Self:   func() status.Self { return status.Self{ConfigHash: func(string) string { return "" }} },
		Now:    time.Now,
	}
	list := func(f ledger.Filter) func() error {
		f.Limit = 50
		return func() error { _, err := reader.Studies(ctx, f); return err }
	}
	old := time.Now().Add(-time.Duration(studies/2) * 24 * time.Hour / studiesPerDay)
	questions := []question{
		{"what files should be here", func() error { _, err := l.SampleHeld(ctx, 0); return err }},
		{"overview", func() error { _, err := reader.Overview(ctx); return err }},
		{"status (all of it)", func() error { _, err := reader.Node(ctx, ledger.Filter{Limit: 50}); return err }},
		{"list", list(ledger.Filter{})},
		{"list, page 100", list(ledger.Filter{Offset: 5000})},
		{"list by state", list(ledger.Filter{State: ledger.StateReported})},
		{"list by state, none", list(ledger.Filter{State: ledger.StateReceiving})},
		{"list by scanner", list(ledger.Filter{CallingAE: "CT_C"})},
		{"list by result", list(ledger.Filter{Result: ledger.ResultPositive})},
		{"list by date", list(ledger.Filter{From: old, To: old.Add(30 * 24 * time.Hour)})},
		{"list by all of them",
			list(ledger.Filter{From: old, CallingAE: "CT_A", Result: ledger.ResultPositive, State: ledger.StateReported})},
		{"list by what never meets", list(ledger.Filter{CallingAE: "CT_B", Result: ledger.ResultPositive})},
		{"list of failed deliveries", list(ledger.Filter{Delivery: ledger.DeliveryFailed})},
		{"search, beginning of a UID", list(ledger.Filter{StudyUID: studyUID(0)[:len(studyUID(0))-3]})},
		{"search, accession number", list(ledger.Filter{Accession: fmt.Sprintf("A%07d", studies/2)})},
	}
	if middle := studies / 2 / positiveEvery * positiveEvery; studies > 1 {
		explain := func(n int) func() error {
			return func() error { _, err := reader.Study(ctx, studyUID(n)); return err }
		}
		questions = append(questions, question{"explain, negative", explain(middle + 1)}, question{"explain, positive", explain(middle)})
	}
	for _, q := range questions {
		m, err := timed(q)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", q.what, err)
		}
		all = append(all, m)
	}
	return all, nil
}

func timed(q question) (measured, error) {
	var each []time.Duration
	for range 1 + repeats {
		began := time.Now()
		if err := q.ask(); err != nil {
			return measured{}, err
		}
		each = append(each, time.Since(began))
	}
	rest := slices.Sorted(slices.Values(each[1:]))
	return measured{q.what, each[0], rest[len(rest)/2]}, nil
}

// measureStart takes the ledger as a node does, up to where its workers run.
func measureStart(ctx context.Context, path string) (m measured, err error) {
	began := time.Now()
	l, err := ledger.Open(ctx, path, ledger.Options{Logger: slog.New(slog.DiscardHandler), Destinations: []string{"pacs"}})
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	idle := ledger.Handlers{
		Process: func(context.Context, int64) error { return nil },
		Deliver: func(context.Context, int64, string) error { return nil },
	}
	if err := l.StartJobs(ctx, idle, 1, "pacs"); err != nil {
		return m, err
	}
	return measured{"take it, and start its jobs", time.Since(began), 0}, nil
}

// printTable prints the columns as a table of Markdown: the first time and the median of the next ones, in milliseconds.
func printTable(heads []string, columns [][]measured) error {
	byName := make([]map[string]measured, len(columns))
	var rows []string
	for i, column := range columns {
		byName[i] = map[string]measured{}
		for _, m := range column {
			byName[i][m.what] = m
			if !slices.Contains(rows, m.what) {
				rows = append(rows, m.what)
			}
		}
	}
	t := tabwriter.NewWriter(os.Stdout, 0, 1, 1, ' ', 0)
	fmt.Fprintf(t, "| ms: first, then\t| %s\t|\n|%s\n", strings.Join(heads, "\t| "), strings.Repeat("---|", 1+len(heads)))
	for _, row := range rows {
		fmt.Fprintf(t, "| %s\t", row)
		for i := range columns {
			m, there := byName[i][row]
			switch {
			case !there:
				fmt.Fprint(t, "| -\t")
			case m.median == 0:
				fmt.Fprintf(t, "| %s\t", inMS(m.first))
			default:
				fmt.Fprintf(t, "| %s, %s\t", inMS(m.first), inMS(m.median))
			}
		}
		fmt.Fprintln(t, "|")
	}
	return t.Flush()
}

func inMS(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d.Microseconds())/1000) }
