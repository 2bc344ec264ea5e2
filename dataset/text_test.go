package dataset_test

import (
	"encoding/hex"
	"path/filepath"
	"strings"
	"testing"

	"jcsnode/corpus"
	"jcsnode/dataset"
)

// TestText_EveryCharacterSet reads the name of every file of charsets.csv, raw and decoded.
func TestText_EveryCharacterSet(t *testing.T) {
	for _, dir := range corpus.Both(t, "syntaxes") {
		for _, row := range corpus.Table(t, filepath.Join(dir, "charsets.csv")) {
			t.Run(row["file"], func(t *testing.T) { readsTheName(t, dir, row) })
		}
	}
}

func readsTheName(t *testing.T, dir string, row map[string]string) {
	f, err := dataset.Open(filepath.Join(dir, row["file"]), dataset.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	set := f.Set()
	if strings.Contains(row["source"], "inside a sequence") {
		set = set.Items(dataset.RequestedProcedureCodeSequence)[0]
	}
	raw, _ := set.Bytes(dataset.PatientName)
	if got := hex.EncodeToString(raw); got != row["raw_hex"] {
		t.Errorf("raw bytes %s, want %s", got, row["raw_hex"])
	}
	want := row["patient_name"]
	switch row["file"] {
	case "charsets/latin1-declared-none.dcm":
		want = "M\uFFFDller^\uFFFDsa" // replacement marks, as the remark says
	case "charsets/utf8-declared-latin1.dcm":
		want = strings.ReplaceAll(want, "\u0085", "\uFFFD") // a control character of Latin-1
	}
	// The table leaves out empty component groups at the end.
	if got := strings.TrimRight(set.Text(dataset.PatientName), "="); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDecodeText(t *testing.T) {
	for _, c := range []struct {
		name    string
		charset []string
		raw     string
		vr      string
		want    string
	}{
		{"no character set", nil, "Plain ", "LO", "Plain"},
		{"terminal escape is not passed on", nil, "a\x1b[31mb", "LO", "a\uFFFD[31mb"},
		{"cut two-byte code", []string{"", "ISO 2022 IR 87"}, "\x1b$B\x3b", "LO", "\uFFFD"},
		{"line end resets", []string{"", "ISO 2022 IR 87"}, "\x1b$B\x3b\x33\r\nab", "LT", "山\r\nab"},
		{"JIS X 0212", []string{"", "ISO 2022 IR 159"}, "\x1b$(D\x30\x21", "LO", "丂"},
		{"backslash of a text is yen in ISO-IR 13", []string{"ISO_IR 13"}, `\5`, "ST", "¥5"},
		{"backslash of a list is a delimiter", []string{"ISO_IR 13"}, `a\b`, "LO", `a\b`},
		{"UID is ASCII", []string{"ISO_IR 192"}, "1.2\xc3\xa9", "UI", "1.2\uFFFD\uFFFD"},
		{"empty", []string{"ISO_IR 100"}, "", "PN", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := dataset.DecodeText(c.charset, []byte(c.raw), c.vr); got != c.want {
				t.Errorf("DecodeText(%q, %q, %s) = %q, want %q", c.charset, c.raw, c.vr, got, c.want)
			}
		})
	}
}
