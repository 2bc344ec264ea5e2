package models

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadManifest(t *testing.T) {
	dir := networks(t, "classifier.onnx", "segmenter.onnx")
	got, err := ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	hash := func(file string) string {
		data, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%x", sha256.Sum256(data))
	}
	network := func(file string) Network {
		return Network{
			File: file, SHA256: hash(file), StatedSHA256: hash(file), Name: "operators", Version: "1", Status: StatusUntrained,
			Precision: "fp32", Window: [2]float64{-1000, 1000}, Size: 4, OperatingPoint: 0.5, Licence: "none needed",
		}
	}
	want := Manifest{Classifier: network("classifier.onnx"), Segmenter: network("segmenter.onnx")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
}

// What made the weights is for people: any key may stand there.
func TestReadManifest_Training(t *testing.T) {
	dir := networks(t, "classifier.onnx", "segmenter.onnx")
	path := filepath.Join(dir, ManifestName)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, "[segmenter.training]\nminutes = 100\noptions = {recipe = \"warm\"}\n"...)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if m, err := ReadManifest(dir); err != nil || m.Segmenter.Training["minutes"] != int64(100) {
		t.Errorf("%v, %v", m.Segmenter.Training, err)
	}
}

func TestReadManifest_AlteredFileIsReadAndSaysSo(t *testing.T) {
	dir := networks(t, "classifier.onnx", "segmenter.onnx")
	before, err := ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile("testdata/slow.onnx")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "segmenter.onnx"), other, 0o644); err != nil {
		t.Fatal(err)
	}
	after, err := ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	n := after.Segmenter
	want := fmt.Sprintf("%x", sha256.Sum256(other))
	if n.Status != StatusAltered || n.SHA256 != want || n.StatedSHA256 != before.Segmenter.SHA256 {
		t.Errorf("got status %q, SHA-256 %s (stated %s), want %q, %s (%s)",
			n.Status, n.SHA256, n.StatedSHA256, StatusAltered, want, before.Segmenter.SHA256)
	}
	if !strings.Contains(n.Warning(), "not the file that the manifest describes") {
		t.Errorf("warning %q", n.Warning())
	}
	if diff := cmp.Diff(before.Classifier, after.Classifier); diff != "" {
		t.Errorf("the other network changed:\n%s", diff)
	}
}

func TestReadManifest_Mistakes(t *testing.T) {
	for _, c := range []struct {
		name, old, new string
		want           []string
	}{
		{"unknown key", "size = 4", "size = 4\nmean = 0.5", []string{"unknown key classifier.mean", "unknown key segmenter.mean"}},
		{"misspelt key", "licence =", "license =", []string{"unknown key classifier.license", "classifier.licence is missing"}},
		{"distance", "size = 4", "size = 4\ndistance = {limit = 0.0}", []string{
			"classifier.distance.limit: 0 is not above 0", "segmenter.distance: only the classifier tells one"}},
		{"unknown status", "untrained", "perfect", []string{`classifier.status: "perfect" is none of trained, preliminary, untrained`}},
		{"altered is no status to state", "untrained", "altered", []string{`classifier.status: "altered"`}},
		{"not TOML", "size = 4", "size =", []string{"manifest.toml", "line"}},
		{"wrong type", "size = 4", `size = "4"`, []string{"size"}},
		{"window upside down", "[-1000.0, 1000.0]", "[1000.0, -1000.0]", []string{"classifier.window: [1000 -1000] is not [low, high]"}},
		{"window of one number", "[-1000.0, 1000.0]", "[-1000.0]", []string{"window"}},
		{"no size", "size = 4", "", []string{"classifier.size: 0"}},
		{"operating point of 1", "= 0.5", "= 1.0", []string{"classifier.operating_point: 1"}},
		{"operating point nan", "= 0.5", "= nan", []string{"classifier.operating_point: NaN"}},
		{"short hash", `sha256 = "`, `sha256 = "00`, []string{"classifier.sha256:", "segmenter.sha256:"}},
		{"missing file", `"classifier.onnx"`, `"absent.onnx"`, []string{"classifier.file: open", "absent.onnx", "put the network there"}},
		{"file outside", `"classifier.onnx"`, `"../classifier.onnx"`, []string{`classifier.file: "../classifier.onnx" is no file inside`}},
		{"no segmenter", "[segmenter]", "[segmenter2]", []string{"[segmenter] is missing", "unknown key segmenter2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := networks(t, "classifier.onnx", "segmenter.onnx")
			path := filepath.Join(dir, ManifestName)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			changed := strings.ReplaceAll(string(text), c.old, c.new)
			if changed == string(text) {
				t.Fatalf("%q is not in the manifest", c.old)
			}
			if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err = ReadManifest(dir)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
	if _, err := ReadManifest(t.TempDir()); err == nil || !strings.Contains(err.Error(), ManifestName) {
		t.Errorf("empty folder: error %v", err)
	}
}

func TestReadManifest_Reference(t *testing.T) {
	_, digest := chest()
	numbers := strings.TrimSuffix(strings.Repeat("0.25, ", 16), ", ")
	classifier := fmt.Sprintf("[classifier.reference]\npicture = %q\nprobability = 0.5\nactivation = [%s]\n", digest, numbers)
	segmenter := fmt.Sprintf("[segmenter.reference]\npicture = %q\nmask = [%s]\n", digest, numbers)
	for _, c := range []struct {
		name, text string
		altered    bool
		there      bool
		want       string // of the error
	}{
		{"both", classifier + segmenter, false, true, ""},
		{"none", "", false, false, ""},
		{"of one network", segmenter, false, false, ""},
		{"of another picture", strings.ReplaceAll(classifier+segmenter, digest, strings.Repeat("0", 64)), false, false, ""},
		{"of another file", classifier + segmenter, true, false, ""},
		{"too few blocks", strings.Replace(classifier, "0.25, ", "", 1), false, false,
			"classifier.reference.activation: 15 values, want the means of 4 x 4 blocks"},
		{"no mask", "[segmenter.reference]\npicture = \"" + digest + "\"", false, false, "segmenter.reference.mask: 0 values"},
		{"no picture", "[segmenter.reference]\nmask = [" + numbers + "]", false, false, "segmenter.reference.picture"},
		{"probability", strings.Replace(classifier, "0.5", "5", 1), false, false, "classifier.reference.probability: 5 is not in 0..1"},
		{"unknown key", classifier + "mean = 1", false, false, "unknown key classifier.reference.mean"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := networks(t, "classifier.onnx", "segmenter.onnx")
			path := filepath.Join(dir, ManifestName)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, append(text, c.text...), 0o644); err != nil {
				t.Fatal(err)
			}
			if c.altered {
				if err := os.WriteFile(filepath.Join(dir, "segmenter.onnx"), []byte("other"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			m, err := ReadManifest(dir)
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want %s", err, c.want)
				}
				return
			}
			if err != nil || (m.reference() != nil) != c.there {
				t.Errorf("reference %v (error %v), want one: %v", m.reference(), err, c.there)
			}
		})
	}
}

func TestNetworkWarning(t *testing.T) {
	for status, want := range map[string]string{
		StatusTrained: "", StatusPreliminary: "not evaluated", StatusUntrained: "mean nothing", StatusAltered: "not the file",
	} {
		got := Network{Name: "net", Status: status}.Warning()
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: warning %q, want %q in it", status, got, want)
		}
	}
}
