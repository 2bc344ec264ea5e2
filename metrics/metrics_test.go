package metrics

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"jcsnode/findings"
	"jcsnode/ledger"
	"jcsnode/status"
)

type views struct {
	overview status.Overview
	err      error
}

func (v views) Overview(context.Context) (status.Overview, error) { return v.overview, v.err }

var at = time.Unix(1e9, 0)

func overview() status.Overview {
	return status.Overview{
		Version: "0.4.0", Weights: "trained",
		Models:  []findings.Model{{Status: "trained"}, {Status: "altered"}},
		Running: status.Running{State: status.Runs, Device: "cpu, fast kernels (auto: no GPU)", ConfigStale: true},
		Counts: ledger.Counts{Studies: map[string]int{ledger.StateSettled: 3}, Refused: 5,
			Finished: map[string]int{"positive": 7, ledger.StateNotProcessed: 2}},
		Disk: &status.Disk{Free: 50e9, Reserve: 2e9},
		Peers: []status.Peer{{AETitle: "CT_A", Configured: true, Instances: 300, Bytes: 150e6, LastInstance: at},
			{AETitle: "STRANGER", Instances: 2, Bytes: 10, LastInstance: at},
			{AETitle: `EVIL"}`, Instances: 3, LastInstance: at.Add(time.Second)}},
		Destinations: []status.Destination{
			{Name: "pacs", Configured: true, Sent: 40, Waiting: 2, TroubleSince: at, OldestWaiting: at, LastSuccess: at},
			{Name: "good", Configured: true, LastSuccess: at}, {Name: "new", Configured: true}, {Name: "gone", Failed: 9}},
		Webhooks: []status.Webhook{{Name: "ris", Configured: true, Sent: 4}},
		Nodes: []status.Member{
			{Name: "a", Roles: []string{"door", "deliver"}, Running: status.Running{State: status.Runs}, ClockAhead: -61, Leads: true,
				Deliver: []string{"pacs"}},
			{Name: "b", Roles: []string{"read"}, Running: status.Running{State: status.Dead}},
			{Name: "c", Running: status.Running{State: status.Stopped}}},
	}
}

// worked is the meter of a node that read one study, and was in trouble here and there.
func worked() *Meter {
	now := at
	m := NewMeter(func() time.Time { return now })
	m.Expect("pacs")
	for _, step := range []struct {
		stage       string
		done, total int
	}{{"begin", 0, 0}, {"decode", 0, 1}, {"decode", 1, 1}, {"decode", 2, 3}, {"decode", 3, 3}, {"classify", 0, 3}, {"classify", 2, 3},
		{"", 0, 0}} {
		m.Works("1.2.3", step.stage, step.done, step.total)
		now = now.Add(200 * time.Millisecond)
	}
	m.Took(StageDeliver, 2*time.Hour)
	m.Took(StageSettle, -time.Second)
	m.Rejected("calling AE title not recognized")
	m.Refused("disk-full")
	m.Attempted("pacs", "sent with warning")
	m.Attempted("pacs", "")
	return m
}

// ask sends a request from an address.
func ask(v views, from, path string, draining bool) *httptest.ResponseRecorder {
	s := NewServer(Settings{Views: v, Meter: worked(), LedgerBytes: func() int64 { return 4096 },
		FarStore: func() (int, bool) { return 7, false },
		Allowed:  []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Draining: func() bool { return draining }, Logger: slog.New(slog.DiscardHandler)})
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.RemoteAddr = from
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestMetrics(t *testing.T) {
	w := ask(views{overview: overview()}, "10.0.0.9:1", "/metrics", false)
	text := w.Body.String()
	for _, want := range []string{
		`jcsnode_build_info{device="cpu",version="0.4.0",weights="trained"} 1`,
		`jcsnode_node_up{node="a"} 1`, `jcsnode_node_up{node="b"} 0`, `jcsnode_node_leads{node="a"} 1`, `jcsnode_node_leads{node="b"} 0`,
		`jcsnode_node_clock_ahead_seconds{node="a"} -61`,
		`jcsnode_destination_owner{destination="pacs",node="a"} 1`,
		`jcsnode_role_nodes{role="door"} 1`, `jcsnode_role_nodes{role="read"} 0`, `jcsnode_role_nodes{role="deliver"} 1`,
		`jcsnode_studies{state="settled"} 3`,
		`jcsnode_studies{state="not_processed"} 0`,
		`jcsnode_studies_finished_total{outcome="positive"} 7`,
		`jcsnode_studies_finished_total{outcome="not_processed"} 2`,
		`jcsnode_instances_received_total{peer="CT_A"} 300`,
		`jcsnode_receive_bytes_total{peer="CT_A"} 1.5e+08`,
		`jcsnode_instances_received_total{peer="other"} 5`,
		`jcsnode_peer_last_instance_timestamp_seconds{peer="other"} 1.000000001e+09`,
		`jcsnode_deliveries{destination="pacs",state="waiting"} 2`,
		`jcsnode_destination_up{destination="pacs"} 0`,
		`jcsnode_destination_up{destination="good"} 1`,
		`jcsnode_oldest_waiting_delivery_timestamp_seconds{destination="pacs"} 1e+09`,
		`jcsnode_notifications{state="sent",webhook="ris"} 4`,
		`jcsnode_disk_free_bytes 5e+10`, `jcsnode_disk_reserve_bytes 2e+09`, `jcsnode_models_altered 1`, `jcsnode_config_stale 1`,
		`jcsnode_store_up 0`, `jcsnode_store_waiting_files 7`,
		`jcsnode_ledger_bytes 4096`, `jcsnode_ledger_fault 0`, `jcsnode_views_up 1`,
		`jcsnode_study_duration_seconds_bucket{stage="decode",le="0.5"} 0`,
		`jcsnode_study_duration_seconds_bucket{stage="decode",le="1"} 1`,
		`jcsnode_study_duration_seconds_sum{stage="process"} 1.4`,
		`jcsnode_study_duration_seconds_bucket{stage="deliver",le="3600"} 0`,
		`jcsnode_study_duration_seconds_count{stage="deliver"} 1`,
		`jcsnode_study_duration_seconds_sum{stage="settle"} 0`,
		`jcsnode_study_duration_seconds_count{stage="wait"} 0`,
		`jcsnode_associations_rejected_total{reason="calling_ae_title_not_recognized"} 1`,
		`jcsnode_associations_rejected_total{reason="local_limit_exceeded"} 0`,
		`jcsnode_instances_refused_total{reason="disk_full"} 1`,
		`jcsnode_delivery_attempts_total{destination="pacs",result="sent_with_warning"} 1`,
		`jcsnode_delivery_attempts_total{destination="pacs",result="no_association"} 1`,
		`jcsnode_delivery_attempts_total{destination="pacs",result="permanent"} 0`,
		"go_goroutines ", "process_resident_memory_bytes ",
	} {
		if !strings.Contains(text, want+"\n") && !(strings.HasSuffix(want, " ") && strings.Contains(text, "\n"+want)) {
			t.Errorf("no %s", want)
		}
	}
	for _, never := range []string{"STRANGER", "EVIL", "gone", `node="c"`, `stage="classify"`, `stage="begin"`,
		`destination_up{destination="new"}`} {
		if strings.Contains(text, never) {
			t.Errorf("%s is a label", never)
		}
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
	if t.Failed() {
		t.Log(text)
	}
	text = ask(views{err: errors.New("no ledger")}, "10.0.0.9:1", "/metrics", false).Body.String()
	if !strings.Contains(text, "jcsnode_views_up 0\n") || strings.Contains(text, "jcsnode_studies") {
		t.Errorf("without views:\n%s", text)
	}
}

func TestWhoMayAsk(t *testing.T) {
	for from, want := range map[string]int{"10.1.2.3:1": http.StatusOK, "[::ffff:10.0.0.1]:1": http.StatusOK,
		"192.168.0.1:1": http.StatusForbidden, "127.0.0.1:1": http.StatusForbidden, "@": http.StatusForbidden} {
		for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
			if w := ask(views{}, from, path, false); w.Code != want {
				t.Errorf("%s from %s: %d, want %d", path, from, w.Code, want)
			}
		}
	}
}

// A node that answers before its store has a file is ready while that is away; one that answers afterwards is not.
func TestReady_StoreAway(t *testing.T) {
	for _, c := range []struct {
		before, takes bool
		want          int
	}{{false, false, http.StatusOK}, {true, true, http.StatusOK}, {true, false, http.StatusServiceUnavailable}} {
		s := NewServer(Settings{Views: views{overview: overview()}, Meter: worked(), LedgerBytes: func() int64 { return 1 },
			FarStore: func() (int, bool) { return 0, c.takes }, BeforeAnswer: c.before,
			Allowed:  []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
			Draining: func() bool { return false }, Logger: slog.New(slog.DiscardHandler)})
		r := httptest.NewRequest(http.MethodGet, "/readyz", nil)
		r.RemoteAddr = "10.0.0.1:1"
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, r); w.Code != c.want {
			t.Errorf("before the answer %v, takes files %v: %d %s", c.before, c.takes, w.Code, w.Body)
		}
	}
}

func TestReady(t *testing.T) {
	for name, c := range map[string]struct {
		views    views
		draining bool
		want     int
	}{
		"good":            {views{overview: overview()}, false, http.StatusOK},
		"stopping":        {views{overview: overview()}, true, http.StatusServiceUnavailable},
		"a full disk":     {views{overview: status.Overview{Disk: &status.Disk{Refuses: true}}}, false, http.StatusServiceUnavailable},
		"read only":       {views{overview: status.Overview{Disk: &status.Disk{ReadOnly: true}}}, false, http.StatusServiceUnavailable},
		"a ledger's disk": {views{overview: status.Overview{Counts: ledger.Counts{Fault: "full"}}}, false, http.StatusServiceUnavailable},
		"no ledger":       {views{err: errors.New("gone")}, false, http.StatusServiceUnavailable},
	} {
		if w := ask(c.views, "10.0.0.1:1", "/readyz", c.draining); w.Code != c.want {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if w := ask(c.views, "10.0.0.1:1", "/healthz", c.draining); w.Code != http.StatusOK {
			t.Errorf("%s: does not live: %d", name, w.Code)
		}
	}
}

func TestRun_EndsWithItsContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := NewServer(Settings{Views: views{}, Meter: worked(), Logger: slog.New(slog.DiscardHandler)})
	if err := s.Run(ctx, l); err != nil {
		t.Error(err)
	}
}

// Alerts and dashboard ask for metrics that there are, and Prometheus' own tool finds the alerts good.
func TestPackaged(t *testing.T) {
	text := ask(views{overview: overview()}, "10.0.0.9:1", "/metrics", false).Body.String()
	for _, path := range []string{"../packaging/prometheus/jcsnode.rules.yml", "../packaging/grafana/jcsnode.json"} {
		asked, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(path, ".json") && !json.Valid(asked) {
			t.Errorf("%s is no JSON", path)
		}
		names := regexp.MustCompile(`jcsnode_\w+`).FindAllString(string(asked), -1)
		if len(names) == 0 {
			t.Errorf("%s asks for nothing", path)
		}
		for _, name := range names {
			if !strings.Contains(text, "\n"+name+"{") && !strings.Contains(text, "\n"+name+" ") {
				t.Errorf("%s asks for %s, which there is not", path, name)
			}
		}
	}
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("promtool is not installed (Debian package prometheus)")
		}
		t.Skip("promtool is not installed (Debian package prometheus)")
	}
	cmd := exec.CommandContext(t.Context(), promtool, "test", "rules", "jcsnode.rules.test.yml")
	cmd.Dir = "../packaging/prometheus"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
