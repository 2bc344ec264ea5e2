package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestStore_EveryMistakeIsFound(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(file, []byte("[default]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := func(more string) string {
		return "kind = \"s3\"\nendpoint = \"https://s3.hospital:9000\"\nbucket = \"studies\"\ncredentials = \"" + file + "\"\n" + more
	}
	for name, c := range map[string]struct {
		text string
		want []string // beginnings of the mistakes
	}{
		"default":           {"", nil},
		"s3":                {good(""), nil},
		"all of s3":         {good("prefix = \"chest/node-1\"\nprofile = \"node\"\nbefore_answer = true\ncache = \"1GB\""), nil},
		"shared":            {"kind = \"shared\"\npath = \"/mnt/studies\"", nil},
		"this machine":      {"kind = \"s3\"\nendpoint = \"http://127.0.0.1:7070\"\nbucket = \"studies\"", nil},
		"another kind":      {"kind = \"nfs\"", []string{"store.kind"}},
		"shared, no folder": {"kind = \"shared\"", []string{"store.path"}},
		"keys of s3":        {"endpoint = \"https://x\"\nbucket = \"studies\"", []string{"store.kind"}},
		"nothing said":      {"kind = \"s3\"", []string{"store.endpoint", "store.bucket"}},
		"open to everybody": {"kind = \"s3\"\nendpoint = \"http://s3.hospital\"\nbucket = \"studies\"", []string{"store.endpoint: http"}},
		"allowed so":        {"kind = \"s3\"\nendpoint = \"http://s3.hospital\"\nbucket = \"studies\"\ninsecure = true", nil},
		"a user in the URL": {"kind = \"s3\"\nendpoint = \"https://me:secret@s3\"\nbucket = \"studies\"",
			[]string{"store.endpoint: names a user"}},
		"bucket in the URL": {"kind = \"s3\"\nendpoint = \"https://s3/studies\"\nbucket = \"studies\"", []string{"store.endpoint: host"}},
		"odd names":         {good("prefix = \"/a/../b\"\ntls_name = \"*\""), []string{"store.tls_name", "store.prefix"}},
		"no such files":     {good("ca = \"none.pem\""), []string{"store.ca"}},
		"profile of nothing": {"kind = \"s3\"\nendpoint = \"https://s3\"\nbucket = \"studies\"\nprofile = \"x\"",
			[]string{"store.profile"}},
		"numbers": {good("cache = \"1MB\"\ntimeout = \"1h\""), []string{"store.cache", "store.timeout"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, "[store]\n"+c.text+"\n")
			var got []string
			if err != nil {
				got = err.(Problems)
			}
			if len(got) != len(c.want) {
				t.Fatalf("%q, want %q", got, c.want)
			}
			for i := range got {
				if !strings.HasPrefix(got[i], c.want[i]) || strings.Contains(got[i], "secret") {
					t.Errorf("%q, want %q", got[i], c.want[i])
				}
			}
		})
	}
}
