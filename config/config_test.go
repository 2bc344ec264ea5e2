package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// models makes a folder that passes for one with networks.
func models(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "models"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "models", "manifest.toml"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

func load(t *testing.T, text string) (Config, error) {
	t.Helper()
	dir := t.TempDir()
	models(t, dir)
	path := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return Load(path)
}

func TestLoad_EmptyFileIsTheDefault(t *testing.T) {
	c, err := load(t, "")
	if err != nil {
		t.Fatal(err)
	}
	if c.Node.AETitle != "JCSNODE" || c.Cascade.Threshold != 25 || time.Duration(c.Settle.Quiet) != time.Minute {
		t.Errorf("defaults not filled in: %+v", c)
	}
	if !filepath.IsAbs(c.Node.DataDir) || !filepath.IsAbs(c.Models.Dir) {
		t.Errorf("paths not absolute: %q %q", c.Node.DataDir, c.Models.Dir)
	}
}

func TestLoad_ShippedFileSaysTheDefaultsAndNamesEveryKey(t *testing.T) {
	text, err := os.ReadFile("../config.toml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := load(t, string(text))
	if err != nil {
		t.Fatal(err)
	}
	want, err := load(t, "")
	if err != nil {
		t.Fatal(err)
	}
	got.Path, want.Path, got.Hash, want.Hash = "", "", "", ""
	got.Node.DataDir, want.Node.DataDir, got.Models.Dir, want.Models.Dir = "", "", "", ""
	if !reflect.DeepEqual(got, want) {
		t.Errorf("config.toml differs from the defaults:\n got %+v\nwant %+v", got, want)
	}
	for table, of := range fieldsOf(reflect.TypeFor[Config]()) {
		if of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		for name := range fieldsOf(of) {
			if !strings.Contains(string(text), name+" = ") {
				t.Errorf("config.toml does not document %s.%s", table, name)
			}
		}
	}
}

func TestLoad_FindsEveryMistakeAtOnce(t *testing.T) {
	_, err := load(t, `
[node]
ae_title = "A TITLE THAT IS TOO LONG"
listen = "nowhere"
lissten = ":104"
reserve = "-2GB"
`)
	var p Problems
	if !errors.As(err, &p) {
		t.Fatalf("got %v, want Problems", err)
	}
	_, err = load(t, `
[node]
ae_title = "A TITLE THAT IS TOO LONG"
listen = "nowhere"
lissten = ":104"
[[peer]]
network = "10.0.0.0/99"
[[destination]]
name = "pacs"
address = "pacs"
[settle]
quiet = "0s"
[cascade]
threshold_mm = -1.0
smooth_mm = nan
segment = "some"
off_lungs = "maybe"
[models]
device = "gpu"
[keep]
ledger_days = 30
`)
	if !errors.As(err, &p) {
		t.Fatalf("got %v, want Problems", err)
	}
	for _, want := range []string{
		"node.ae_title", "node.listen", "node.lissten: unknown key; did you mean node.listen?", "peer[1].network",
		"destination[1].ae_title", "destination[1].address", "settle.quiet",
		"cascade.threshold_mm", "cascade.smooth_mm", "cascade.segment", "cascade.off_lungs", "models.device",
		"keep.ledger_days: 30; rows of instances go after their files",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("not reported: %s\n%v", want, err)
		}
	}
}

func TestLoad_SyntaxErrorNamesTheLine(t *testing.T) {
	_, err := load(t, "[node]\nae_title = \n")
	if err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("got %v, want an error that names line 2", err)
	}
}

func TestLoad_AdmissionMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"[node]\nmin_rate = \"2MB\"\n":                                                            "node.min_rate",
		"[node]\ntransfer_syntaxes = [\"explicit\"]\n":                                            "is no UID",
		"[node]\ntransfer_syntaxes = [\"1.2.840.10008.1.2\", \"1.2.840.10008.1.2\"]\n":            "named twice",
		"[[peer]]\nnetwork = \"10.0.0.0/8\"\nquiet = \"10s\"\n":                                   "peer[1].quiet: needs ae_title",
		"[[peer]]\nnetwork = \"10.0.0.0/8\"\nsilent_after = \"1h\"\n":                             "peer[1].silent_after: needs ae_title",
		"[[peer]]\nae_title = \"CT\"\nsilent_after = \"1s\"\n":                                    "peer[1].silent_after: 1s; at least",
		"[[peer]]\nae_title = \"CT\"\nquiet = \"-10s\"\n":                                         "peer[1].quiet: -10s",
		"[settle]\nquiet = \"1s\"\nlimit = \"1m\"\n[[peer]]\nae_title = \"CT\"\nquiet = \"2m\"\n": "at most settle.limit",
	} {
		if _, err := load(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
	c, err := load(t, "[node]\ntransfer_syntaxes = [\"1.2.840.10008.1.2\"]\n[[peer]]\nae_title = \"CT\"\nquiet = \"10s\"\n")
	if err != nil || c.Peers[0].Quiet != Duration(10*time.Second) || len(c.Node.TransferSyntaxes) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestLoad_PeersWithOneTitle(t *testing.T) {
	const ct = "[[peer]]\nae_title = \"CT\"\n"
	const wide = ct + "network = \"10.1.0.0/16\"\n"
	for text, want := range map[string]string{
		ct + ct:                                "peer[2].ae_title: \"CT\" is that of peer[1], too",
		wide + wide:                            "peer[2].ae_title",
		wide + ct + "network = \"10.1.2.3\"\n": "peer[2].ae_title",
		ct + "network = \"10.1.2.3\"\n" + ct + "quiet = \"10s\"\n":                                  "peer[2].ae_title",
		wide + ct + "network = \"10.2.0.0/16\"\n":                                                   "",
		wide + ct + "network = \"fd00::/8\"\n":                                                      "",
		"[[peer]]\nnetwork = \"10.1.0.0/16\"\n[[peer]]\nnetwork = \"10.1.2.3\"\n":                   "",
		wide + "address = \"ct:104\"\n" + ct + "network = \"10.2.0.0/16\"\naddress = \"ct2:104\"\n": "peer[2].address: peer[1] says where",
	} {
		if _, err := load(t, text); (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

func TestCovers(t *testing.T) {
	bound := Peer{AETitle: "CT", Certificate: "ct"}
	ward := Peer{AETitle: "CT", Network: "10.1.0.0/16"}
	for name, c := range map[string]struct {
		a, b Peer
		want bool
	}{
		"any certificate covers one":             {Peer{AETitle: "CT"}, bound, true},
		"one certificate covers not none":        {bound, ward, false},
		"none in a network covers not one":       {ward, bound, false},
		"one certificate covers it in a network": {bound, Peer{AETitle: "CT", Certificate: "ct", Network: "10.1.2.3"}, true},
		"another certificate":                    {bound, Peer{AETitle: "CT", Certificate: "ct2"}, false},
		"a network that is none":                 {Peer{AETitle: "CT"}, Peer{AETitle: "CT", Network: "x"}, false},
	} {
		if got := covers(&c.a, &c.b); got != c.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestPeer_Prefix(t *testing.T) {
	for network, want := range map[string]string{"10.1.2.3": "10.1.2.3/32", "10.1.0.0/16": "10.1.0.0/16", "fd00::1": "fd00::1/128"} {
		got, err := Peer{Network: network}.Prefix()
		if err != nil || got.String() != want {
			t.Errorf("%s: got %v, %v; want %s", network, got, err, want)
		}
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{"0": 0, "512MB": 512 << 20, "2 GB": 2 << 30, "17": 17} {
		var got Size
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%s: got %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "GB", "-1", "9999999999GB"} {
		var got Size
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q: got %d, want an error", text, got)
		}
	}
}

func TestRead_ASitesConfiguration(t *testing.T) {
	c, err := Read("../testdata/site.toml")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Peers) != 2 || time.Duration(c.Peers[0].Quiet) != 20*time.Second || len(c.Destinations) != 1 {
		t.Fatalf("peers %+v, destinations %+v", c.Peers, c.Destinations)
	}
	d := c.Destinations[0]
	if d.CallingAETitle != "JCS_CT" || d.Timeout == 0 {
		t.Errorf("what a destination leaves out is not filled in: %+v", d)
	}
	if c.Node.Reserve != 20<<30 || c.Cascade.Segment != "near" || c.Cascade.Threshold != 25 || len(d.Objects) != 5 || !d.NotProcessed {
		t.Errorf("values of the file or defaults are lost: %+v", c)
	}
}

// Commands that only look must not take the default for what is misspelt.
func TestRead_RefusesUnknownKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte("[nod]\ndata_dir = \"/var/lib/jcsnode\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path); err == nil || !strings.Contains(err.Error(), "[nod]: unknown table; did you mean [node]?") {
		t.Errorf("got %v", err)
	}
}

// Without a name, the configuration here comes before the one of the installation; the error names where it was looked for.
func TestFind(t *testing.T) {
	dir := t.TempDir()
	here, installed := filepath.Join(dir, "config.toml"), filepath.Join(dir, "etc.toml")
	places := []string{here, installed}
	if got := Find(places); got != here {
		t.Errorf("without any: %s", got)
	}
	if _, err := Read(here); err == nil || !strings.Contains(err.Error(), here) ||
		!strings.Contains(err.Error(), "--config") || !strings.Contains(err.Error(), "/etc/jcsnode/config.toml") {
		t.Errorf("without any: %v", err)
	}
	for _, path := range []string{installed, here} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := Find(places); got != path {
			t.Errorf("found %s, want %s", got, path)
		}
	}
	// A folder that cannot be looked into, as one is that is none, hides nothing that is elsewhere.
	hidden := filepath.Join(here, "config.toml")
	if got := Find([]string{hidden, installed}); got != installed {
		t.Errorf("found %s, want %s", got, installed)
	}
	if got := Find([]string{filepath.Join(dir, "none"), hidden}); got != hidden {
		t.Errorf("found %s, want %s, which may be there", got, hidden)
	}
}
