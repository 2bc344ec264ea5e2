package models

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// ManifestName is the file of a networks folder that describes both networks.
const ManifestName = "manifest.toml"

// Statuses of a network. The first three stand in the manifest; StatusAltered is what ReadManifest finds when the file
// is not the one that the manifest was written for.
const (
	StatusTrained     = "trained"     // trained and evaluated as the model card says
	StatusPreliminary = "preliminary" // trained, but not to the end or not evaluated
	StatusUntrained   = "untrained"   // random or placeholder weights: its findings mean nothing
	StatusAltered     = "altered"     // the file's SHA-256 differs from the manifest's
)

// Manifest describes the networks of one folder.
type Manifest struct {
	Classifier Network `toml:"classifier"`
	Segmenter  Network `toml:"segmenter"`
}

// Network describes one network: one table of manifest.toml.
type Network struct {
	File           string            `toml:"file"`            // ONNX file, one file with its weights inside, relative to the manifest
	SHA256         string            `toml:"sha256"`          // of the file as it is now, hex; ReadManifest replaces the manifest's by it
	Name           string            `toml:"name"`            // what it is, for instance "Res2Net-50 v1b 26w4s"
	Version        string            `toml:"version"`         // changes with every training
	Status         string            `toml:"status"`          // a Status constant
	Precision      string            `toml:"precision"`       // "fp32", "int8", ...
	Window         [2]float64        `toml:"window"`          // lowest and highest HU that the graph tells apart
	Size           int               `toml:"size"`            // side of the square that the graph resizes to, pixels
	OperatingPoint float64           `toml:"operating_point"` // a probability at or above it counts as positive
	Licence        string            `toml:"licence"`         // of the weights
	Distance       *Distance         `toml:"distance"`        // of a classifier; nil: it does not tell how far slices lie from its training
	Reference      *ReferenceOutputs `toml:"reference"`       // nil: none
	Training       map[string]any    `toml:"training"`        // what made the weights, for people alone

	StatedSHA256 string `toml:"-"` // the manifest's own, hex; differs from SHA256 when the status is StatusAltered
}

// Distance says what the classifier's third output, the distance of a slice from those of the training, is compared with.
type Distance struct {
	// Limit is what nineteen of twenty validation slices lie below (models/training, jcs.distance).
	Limit float64 `toml:"limit"`
}

// DistanceLimit is that of the classifier, 0 if it tells no distance.
func (m Manifest) DistanceLimit() float64 {
	if m.Classifier.Distance == nil {
		return 0
	}
	return m.Classifier.Distance.Limit
}

// ReferenceOutputs is what a network says of the test picture (picture.png) when its graph is calculated literally, in float32 and without
// any optimisation, which gives the same on every processor. At start the node compares. models/training writes it (jcs/reference.py).
type ReferenceOutputs struct {
	Picture     string    `toml:"picture"`     // SHA-256 of the picture's grey levels, hex; values for another picture are not used
	Probability float64   `toml:"probability"` // of a classifier
	Distance    float64   `toml:"distance"`    // of a classifier that tells one; not compared
	Activation  []float64 `toml:"activation"`  // of a classifier: means of 4 x 4 blocks of its map, row by row
	Mask        []float64 `toml:"mask"`        // of a segmenter: the same
}

// reference gives what both networks should say of the test picture; nil if the manifest does not say it of these files.
func (m Manifest) reference() *answers {
	_, digest := chest()
	for _, n := range []Network{m.Classifier, m.Segmenter} {
		if n.Reference == nil || n.Reference.Picture != digest || n.Status == StatusAltered {
			return nil
		}
	}
	return &answers{m.Classifier.Reference.Probability, m.Classifier.Reference.Activation, m.Segmenter.Reference.Mask}
}

// Warning says why findings of this network must not be trusted; "" when it is trained and unaltered. It belongs
// into the log, the status and every object.
func (n Network) Warning() string {
	switch n.Status {
	case StatusTrained:
		return ""
	case StatusAltered:
		return fmt.Sprintf("%s is not the file that the manifest describes (SHA-256 %.12s..., manifest %.12s...)",
			n.File, n.SHA256, n.StatedSHA256)
	case StatusUntrained:
		return n.Name + " is untrained: its findings mean nothing"
	default:
		return n.Name + " is " + n.Status + ": its findings are not evaluated"
	}
}

// ReadManifest reads dir/manifest.toml and hashes both files. A file whose hash differs from the manifest's is no error:
// its Status becomes StatusAltered and its SHA256 the true one. Unknown keys, values that cannot be and missing files are
// errors, all of them at once (errors.Join).
func ReadManifest(dir string) (Manifest, error) {
	path := filepath.Join(dir, ManifestName)
	var m Manifest
	meta, err := toml.DecodeFile(path, &m)
	if err != nil {
		return Manifest{}, fmt.Errorf("read network manifest %s: %w", path, err)
	}
	var problems []error
	for _, key := range meta.Undecoded() {
		if len(key) > 1 && key[1] == "training" { // for people: any key may stand there
			continue
		}
		problems = append(problems, fmt.Errorf("%s: unknown key %s", path, key))
	}
	for _, n := range []struct {
		table   string
		network *Network
	}{{"classifier", &m.Classifier}, {"segmenter", &m.Segmenter}} {
		if !meta.IsDefined(n.table) {
			problems = append(problems, fmt.Errorf("%s: [%s] is missing", path, n.table))
			continue
		}
		wrong := slices.Concat(n.network.check(), n.network.Distance.check(n.table), n.network.Reference.check(n.table))
		for _, text := range wrong {
			problems = append(problems, fmt.Errorf("%s: %s.%s", path, n.table, text))
		}
		if len(wrong) == 0 {
			if err := n.network.hash(dir); err != nil {
				problems = append(problems, fmt.Errorf("%s: %s.file: %w", path, n.table, err))
			}
		}
	}
	if len(problems) > 0 {
		return Manifest{}, errors.Join(problems...)
	}
	return m, nil
}

// check names what is wrong with the values of a table, each text beginning with its key.
func (n *Network) check() []string {
	var wrong []string
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if !filepath.IsLocal(n.File) {
		add("file: %q is no file inside the manifest's folder", n.File)
	}
	if raw, err := hex.DecodeString(n.SHA256); err != nil || len(raw) != sha256.Size {
		add("sha256: %q is no SHA-256 in hexadecimal", n.SHA256)
	}
	for _, text := range []struct{ key, value string }{
		{"name", n.Name}, {"version", n.Version}, {"precision", n.Precision}, {"licence", n.Licence},
	} {
		if strings.TrimSpace(text.value) == "" {
			add("%s is missing", text.key)
		}
	}
	if known := []string{StatusTrained, StatusPreliminary, StatusUntrained}; !slices.Contains(known, n.Status) {
		add("status: %q is none of %s", n.Status, strings.Join(known, ", "))
	}
	if !(n.Window[0] < n.Window[1]) {
		add("window: %v is not [low, high] in HU", n.Window)
	}
	if n.Size <= 0 {
		add("size: %d is no number of pixels", n.Size)
	}
	if !(n.OperatingPoint > 0 && n.OperatingPoint < 1) {
		add("operating_point: %v is not between 0 and 1", n.OperatingPoint)
	}
	return wrong
}

// refusal is a *NetworkError for the first file that is not the one that the manifest describes: a damaged copy gives findings, too.
func (m Manifest) refusal(dir string) error {
	for _, n := range []struct {
		table string
		Network
	}{{"classifier", m.Classifier}, {"segmenter", m.Segmenter}} {
		if n.Status == StatusAltered {
			return &NetworkError{Network: n.table, File: filepath.Join(dir, n.File), Text: fmt.Sprintf(
				"not the file that %s describes (SHA-256 %.12s..., there %.12s...); "+
					"copy the network again, or, if it was exchanged on purpose, "+
					"write its sha256 there or set models.altered = \"allow\", which marks every object",
				ManifestName, n.SHA256, n.StatedSHA256)}
		}
	}
	return nil
}

// check names what is wrong with the distance of a table.
func (d *Distance) check(table string) []string {
	switch {
	case d == nil:
		return nil
	case table != "classifier":
		return []string{"distance: only the classifier tells one"}
	case !(d.Limit > 0) || math.IsInf(d.Limit, 0):
		return []string{fmt.Sprintf("distance.limit: %v is not above 0", d.Limit)}
	}
	return nil
}

// check names what is wrong with the reference values of a table.
func (r *ReferenceOutputs) check(table string) []string {
	if r == nil {
		return nil
	}
	var wrong []string
	if raw, err := hex.DecodeString(r.Picture); err != nil || len(raw) != sha256.Size {
		wrong = append(wrong, fmt.Sprintf("reference.picture: %q is no SHA-256 in hexadecimal", r.Picture))
	}
	maps := map[string][]float64{"mask": r.Mask}
	if table == "classifier" {
		maps = map[string][]float64{"activation": r.Activation}
		if !(r.Probability >= 0 && r.Probability <= 1) {
			wrong = append(wrong, fmt.Sprintf("reference.probability: %v is not in 0..1", r.Probability))
		}
	}
	for key, values := range maps {
		if len(values) != blocks*blocks {
			wrong = append(wrong,
				fmt.Sprintf("reference.%s: %d values, want the means of %d x %d blocks", key, len(values), blocks, blocks))
		}
	}
	return wrong
}

// hash compares the file with the manifest.
func (n *Network) hash(dir string) error {
	f, err := os.Open(filepath.Join(dir, n.File))
	if err != nil {
		return fmt.Errorf("%w (put the network there, or correct the manifest)", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return fmt.Errorf("hash network: %w", err)
	}
	n.StatedSHA256 = strings.ToLower(n.SHA256)
	n.SHA256 = hex.EncodeToString(h.Sum(nil))
	if n.SHA256 != n.StatedSHA256 {
		n.Status = StatusAltered
	}
	return nil
}
