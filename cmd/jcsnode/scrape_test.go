package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"jcsnode/phantom"
)

// prometheus is a running one that scrapes a node every second and judges the packaged rules.
type prometheus struct{ base string }

func startPrometheus(t *testing.T, target string) prometheus {
	t.Helper()
	dir, port := t.TempDir(), freePort(t)
	rules, err := filepath.Abs("../../packaging/prometheus/jcsnode.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "prometheus.yml")
	text := fmt.Sprintf("global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [%q]\n"+
		"scrape_configs:\n  - job_name: jcsnode\n    static_configs: [{targets: [%q]}]\n", rules, target)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), tool(t, "promtool"), "check", "config", config).CombinedOutput(); err != nil {
		t.Fatalf("promtool check config: %v\n%s", err, out)
	}
	p := prometheus{fmt.Sprintf("http://127.0.0.1:%d", port)}
	start(t, exec.CommandContext(context.WithoutCancel(t.Context()), tool(t, "prometheus"), "--config.file", config,
		"--storage.tsdb.path", filepath.Join(dir, "data"), "--web.listen-address", fmt.Sprintf("127.0.0.1:%d", port)),
		filepath.Join(dir, "prometheus.log"))
	eventually(t, time.Minute, "Prometheus scrapes", func() bool { _, there := p.ask(t, `up{job="jcsnode"}`); return there })
	return p
}

// ask is the value of an expression now; there is false where it has none.
func (p prometheus) ask(t *testing.T, expression string) (value float64, there bool) {
	t.Helper()
	var answer struct {
		Error string
		Data  struct{ Result []struct{ Value [2]any } }
	}
	if !p.get(t, "/api/v1/query?query="+url.QueryEscape(expression), &answer) {
		return 0, false
	}
	if answer.Error != "" {
		t.Fatalf("%s: %s", expression, answer.Error)
	}
	if len(answer.Data.Result) == 0 {
		return 0, false
	}
	value, err := strconv.ParseFloat(fmt.Sprint(answer.Data.Result[0].Value[1]), 64)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return value, true
}

// get reads an answer of the API; it is false while nobody answers.
func (p prometheus) get(t *testing.T, path string, to any) bool {
	t.Helper()
	text, err := fetched(t, p.base+path)
	return err == nil && json.Unmarshal(text, to) == nil
}

func fetched(t *testing.T, address string) ([]byte, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return io.ReadAll(answer.Body)
}

// A node that works is scraped by Prometheus every second, for ten seconds, or five minutes with JCSNODE_SOAK=1, which prints what it cost.
// Every scrape succeeds, no counter goes back, every rule can be judged, and the metrics tell what happened.
func TestScraped(t *testing.T) {
	tool(t, "prometheus")
	long, load := 10*time.Second, 2*time.Second
	if os.Getenv("JCSNODE_SOAK") == "1" {
		long = 5 * time.Minute
	}
	port, pacs := freePort(t), freePort(t)
	l := newLabWith(t, exactNetworks(t), destination("pacs", "PACS", pacs), destination("away", "AWAY", freePort(t)),
		"[settle]\nquiet = \"1s\"", fmt.Sprintf("[metrics]\nlisten = \"127.0.0.1:%d\"", port))
	start(t, program(context.WithoutCancel(t.Context()), "archive", "--out", filepath.Join(l.dir, "pacs"), "--ae", "PACS",
		"--listen", fmt.Sprintf("127.0.0.1:%d", pacs)), filepath.Join(l.dir, "pacs.log"))
	l.serve(t)
	target := fmt.Sprintf("127.0.0.1:%d", port)
	idle := scrapeCost(t, target)
	p := startPrometheus(t, target)

	studies, since := 0, time.Now()
	for ; time.Since(since) < long; studies++ {
		turn := time.After(load)
		folder := t.TempDir()
		o := phantom.Options{Slices: 24, Spacing: 12, Rows: 128, Columns: 128, Lesions: true, Seed: uint64(studies)}
		if err := phantom.Write(t.Context(), folder, o); err != nil {
			t.Fatal(err)
		}
		jcsnode(t, "send", "--to", l.address(), "--called", "JCSNODE", folder)
		if err := program(t.Context(), "echo", "--to", l.address(), "--called", "WRONG").Run(); err == nil {
			t.Error("an association for another title was accepted")
		}
		<-turn
	}
	for _, happened := range []string{
		`jcsnode_study_duration_seconds_count{stage="settle"}`, `jcsnode_study_duration_seconds_count{stage="decode"}`,
		`jcsnode_study_duration_seconds_count{stage="segment"}`, `jcsnode_study_duration_seconds_count{stage="deliver"}`,
		`jcsnode_associations_rejected_total{reason="called_ae_title_not_recognized"}`,
		`jcsnode_delivery_attempts_total{destination="pacs",result="sent"}`,
		`jcsnode_delivery_attempts_total{destination="away",result="no_association"}`,
		`jcsnode_studies_finished_total{outcome="positive"}`, `ALERTS{alertname="JcsnodeDestinationDown",alertstate="pending"}`,
	} {
		eventually(t, time.Minute, happened+" tells what happened", func() bool { n, _ := p.ask(t, happened); return n >= 1 })
	}
	seconds := int(time.Since(since).Seconds())
	value := func(expression string) float64 {
		expression = strings.ReplaceAll(expression, ")[]", fmt.Sprintf(")[%ds:1s]", seconds))
		v, there := p.ask(t, strings.ReplaceAll(expression, "[]", fmt.Sprintf("[%ds]", seconds)))
		if !there {
			t.Errorf("nothing is known of %s", expression)
		}
		return v
	}

	scrapes := value(`count_over_time(up{job="jcsnode"}[])`)
	if scrapes < 0.8*long.Seconds() || value(`min_over_time(up{job="jcsnode"}[])`) != 1 || value(`min_over_time(jcsnode_views_up[])`) != 1 {
		t.Errorf("%v scrapes in %v, and not all are good", scrapes, long)
	}
	const resets = `sum(resets(label_replace({__name__=~"jcsnode_.+_(total|count|bucket)"}, "of", "$1", "__name__", "(.+)")[]))`
	if back := value(resets); back != 0 {
		t.Errorf("counters went back %v times", back)
	}
	p.judged(t)
	linted(t, target)
	t.Logf("\n| | |\n|---|---:|\n| scrapes, one a second | %.0f |\n| that failed | 0 |\n| studies that came meanwhile | %d |\n"+
		"| samples of a scrape | %.0f |\n| a scrape, mean and longest, ms | %.1f, %.1f |\n| CPU time of a scrape, idle node, ms | %.2f |\n"+
		"| CPU time of the node, share of one processor | %.1f %% |\n| memory of the node, first and most, MB | %.0f, %.0f |\n"+
		"| goroutines, fewest and most | %.0f, %.0f |\n",
		scrapes, studies, value(`scrape_samples_scraped{job="jcsnode"}`),
		1000*value(`avg_over_time(scrape_duration_seconds{job="jcsnode"}[])`),
		1000*value(`max_over_time(scrape_duration_seconds{job="jcsnode"}[])`), 1000*idle.Seconds(),
		100*value(`rate(process_cpu_seconds_total{job="jcsnode"}[])`),
		value(`min_over_time(process_resident_memory_bytes{job="jcsnode"}[])`)/1e6,
		value(`max_over_time(process_resident_memory_bytes{job="jcsnode"}[])`)/1e6,
		value(`min_over_time(go_goroutines{job="jcsnode"}[])`), value(`max_over_time(go_goroutines{job="jcsnode"}[])`))
}

// judged makes sure that Prometheus could judge every rule.
func (p prometheus) judged(t *testing.T) {
	t.Helper()
	var answer struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
	}
	if !p.get(t, "/api/v1/rules", &answer) || len(answer.Data.Groups) == 0 {
		t.Fatal("Prometheus has no rules")
	}
	for _, g := range answer.Data.Groups {
		for _, r := range g.Rules {
			if r.Health != "ok" {
				t.Errorf("rule %s is %s: %s", r.Name, r.Health, r.LastError)
			}
		}
	}
}

// linted has promtool read what a node answers.
func linted(t *testing.T, target string) {
	t.Helper()
	text, err := fetched(t, "http://"+target+"/metrics")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), tool(t, "promtool"), "check", "metrics")
	cmd.Stdin = strings.NewReader(string(text))
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

// scrapeCost is the processor time that a node needs for a scrape.
func scrapeCost(t *testing.T, target string) time.Duration {
	t.Helper()
	const times = 50
	used := func() float64 {
		text, err := fetched(t, "http://"+target+"/metrics")
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(text), "\nprocess_cpu_seconds_total ")
		line, _, _ := strings.Cut(rest, "\n")
		seconds, err := strconv.ParseFloat(line, 64)
		if err != nil {
			t.Fatal(err)
		}
		return seconds
	}
	before := used()
	for range times - 1 {
		used()
	}
	return time.Duration((used() - before) / times * float64(time.Second))
}
