package conformance

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jcsnode/config"
	"jcsnode/dataset"
	"jcsnode/pipeline/codec"
)

// conformanceOf is the statement under a configuration text.
func conformanceOf(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "models"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"config.toml": text, "models/manifest.toml": ""} { // the networks do not matter
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := config.Load(filepath.Join(dir, "config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := Write(&b, cfg); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestConformance_CommittedStatementIsThatOfTheShippedConfiguration(t *testing.T) {
	if !codec.Supported(dataset.JPEG2000) {
		t.Skip("this program is built without OpenJPEG and reads fewer transfer syntaxes than the committed statement says")
	}
	text, err := os.ReadFile("../config.toml")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("../docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	got := conformanceOf(t, string(text))
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("docs/conformance.md is out of date; `jcsnode conformance > docs/conformance.md` writes it:\n%s", diff)
	}
}

func TestConformance_FollowsTheConfiguration(t *testing.T) {
	got := conformanceOf(t, `
[node]
ae_title = "OTHER"
accept_other = true
check_called = false
transfer_syntaxes = ["1.2.840.10008.1.2"]
[[peer]]
ae_title = "CT1"
[[destination]]
name = "pacs"
ae_title = "PACS"
address = "pacs:104"
objects = ["segmentation", "report"]
[[destination]]
name = "research"
ae_title = "RESEARCH"
address = "research:104"
objects = ["lungs"]
commitment = true
`)
	for _, want := range []string{
		"this one is for `OTHER`", "every other class", "| any |", "one of 1 configured peers", "2 destinations are configured",
		"Comprehensive 3D SR Storage", "JCS lungs",
		"| Implicit VR Little Endian | 1.2.840.10008.1.2 |", "SCP is granted for Storage Commitment Push Model alone",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the statement lacks %q", want)
		}
	}
	for _, wrong := range []string{"JPEG", "Secondary Capture", "<no value>"} {
		if strings.Contains(got, wrong) {
			t.Errorf("the statement says %q", wrong)
		}
	}
}
