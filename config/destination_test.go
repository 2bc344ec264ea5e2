package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

const archive = "[[destination]]\nname = \"pacs\"\nae_title = \"PACS\"\naddress = \"pacs:104\"\n"

// The example in config.toml shows the value of every key that a destination may leave out.
func TestDestination_ShippedExampleSaysTheDefaults(t *testing.T) {
	text, err := os.ReadFile("../config.toml")
	if err != nil {
		t.Fatal(err)
	}
	_, example, ok := strings.Cut(string(text), "# [[destination]]\n")
	if !ok {
		t.Fatal("config.toml shows no [[destination]]")
	}
	example, _, _ = strings.Cut(example, "\n\n")
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte("[[destination]]\n"+strings.ReplaceAll("\n"+example, "\n# ", "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := Read(path)
	if err != nil || len(c.Destinations) != 1 {
		t.Fatalf("%d destinations, %v", len(c.Destinations), err)
	}
	got, want := c.Destinations[0], DefaultDestination()
	want.Name, want.AETitle, want.Address, want.CallingAETitle = "pacs", "PACS", "10.20.0.7:104", c.Node.AETitle
	want.CommitmentAETitle = want.AETitle
	want.CA, want.Certificate, want.Key, want.TLSName = got.CA, got.Certificate, got.Key, got.TLSName // those have none
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the example differs from the defaults:\n got %+v\nwant %+v", got, want)
	}
}

func TestLoad_EachDestinationHasItsProfile(t *testing.T) {
	c, err := load(t, archive+"[[destination]]\nname = \"research\"\nae_title = \"ARC\"\naddress = \"arc:104\"\n"+
		"objects = [\"segmentation\", \"report\"]\nlabelmap = true\nlabelmap_background = false\nnot_processed = false\nrejection = true\n")
	if err != nil {
		t.Fatal(err)
	}
	pacs, research := c.Destinations[0], c.Destinations[1]
	want := DefaultDestination()
	want.Name, want.AETitle, want.Address, want.CallingAETitle = "pacs", "PACS", "pacs:104", "JCSNODE"
	want.CommitmentAETitle = "PACS"
	if !reflect.DeepEqual(pacs, want) {
		t.Errorf("a destination without a profile: %+v", pacs)
	}
	if fmt.Sprint(research.Objects) != "[segmentation report]" || !research.LabelMap ||
		research.LabelMapBackground || research.NotProcessed || !research.Rejection {
		t.Errorf("a destination with one: %+v", research)
	}
	if time.Duration(research.Timeout) != time.Minute {
		t.Errorf("timeout %v", research.Timeout)
	}
}

func TestLoad_ProfileMistakes(t *testing.T) {
	known := "known are summary, segmentation, lungs, report, activation, parametric_map, outline"
	for text, want := range map[string]string{
		archive + "objects = [\"segmentaton\"]\n":                `destination[1].objects: unknown "segmentaton"; ` + known,
		archive + "objects = []\n":                               "destination[1].objects: empty",
		archive + "objects = [\"summary\", \"summary\"]\n":       `"summary" is named twice`,
		archive + "objects = \"summary\"\n":                      "line 5",
		archive + "objects = [\"summary\"]\nlabelmap = true\n":   "destination[1].labelmap: is set and objects lacks",
		archive + "objects = [\"summary\"]\nmultiframe = true\n": "destination[1].multiframe: is set and objects lacks",
		archive + "timeout = \"0s\"\n":                           "destination[1].timeout: 0s",
		archive + "label_map = true\n":                           "label_map: unknown key; did you mean destination.labelmap?",
		archive + "associations = 0\n":                           "destination[1].associations: 0; 1 to 32",
		archive + "retry_first = \"0s\"\n":                       "destination[1].retry_first: 0s",
		archive + "retry_factor = 0.5\n":                         "destination[1].retry_factor: 0.5",
		archive + "retry_longest = \"10s\"\n":                    "destination[1].retry_longest: 10s is less than retry_first, 30s",
		archive + "retry_give_up = \"-1h\"\n":                    "destination[1].retry_give_up",
		archive + archive:                                        `destination[2].name: "pacs" is used twice`,
	} {
		if _, err := load(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// Keys that used to hold for every destination are refused with what to write instead.
func TestLoad_KeysThatMovedToTheDestinations(t *testing.T) {
	for line, want := range map[string]string{
		"report = true": "objects.report: each [[destination]] says for itself what it gets; to have report, write there " +
			`objects = ["summary", "segmentation", "activation", "outline", "report"]`,
		"parametric_map = true": `objects = ["summary", "segmentation", "activation", "outline", "parametric_map"]`,
		"summary = false":       `to leave summary out, write there objects = ["segmentation", "activation", "outline"]`,
		"labelmap = true":       "write labelmap there, below its address",
		"rejection = true":      "write rejection there, below its address",
		"series_bse = 9100":     "did you mean objects.series_base?",
	} {
		if _, err := load(t, "[objects]\n"+line+"\n"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", line, err, want)
		}
	}
}

func TestLoad_Commitment(t *testing.T) {
	c, err := load(t, archive+"commitment = true\ncommitment_ae_title = \"SAFE\"\ncommitment_wait = \"10m\"\n")
	if err != nil {
		t.Fatal(err)
	}
	if d := c.Destinations[0]; !d.Commitment || d.CommitmentAETitle != "SAFE" || time.Duration(d.CommitmentWait) != 10*time.Minute {
		t.Errorf("%+v", d)
	}
	for text, want := range map[string]string{
		"commitment_ae_title = \"MUCH TOO LONG A TITLE\"\n": "destination[1].commitment_ae_title",
		"commitment_wait = \"1s\"\n":                        "destination[1].commitment_wait",
	} {
		if _, err := load(t, archive+text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
