package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// secretFile is a file with so many bytes.
func secretFile(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(strings.Repeat("s", n)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoad_Webhook(t *testing.T) {
	good := secretFile(t, 16)
	secret := "secret_file = \"" + good + "\"\n"
	c, err := load(t, "[[webhook]]\nurl = \"https://ris.hospital/hook\"\n"+secret+
		"[[webhook]]\nname = \"pager\"\nurl = \"http://127.0.0.1:8080/\"\non = [\"failure\"]\n"+secret)
	if err != nil {
		t.Fatal(err)
	}
	w := c.Webhooks[0]
	if w.Name != "ris.hospital" || !slices.Equal(w.On, aboutStudies) ||
		w.Identifiers != IdentifiersUIDs || time.Duration(w.Timeout) != 10*time.Second {
		t.Errorf("what a webhook leaves out is not filled in: %+v", w)
	}
	if w := c.Webhooks[1]; w.Name != "pager" || !slices.Equal(w.On, []string{"failure"}) {
		t.Errorf("%+v", w)
	}
	if s, err := w.Secret(); err != nil || string(s) != strings.Repeat("s", 16) {
		t.Errorf("secret %q, %v", s, err)
	}
}

func TestLoad_WebhookMistakes(t *testing.T) {
	good := "secret_file = \"" + secretFile(t, 16) + "\"\n"
	const https = "[[webhook]]\nurl = \"https://ris/\"\n"
	for text, want := range map[string]string{
		"[[webhook]]\n" + good:                                 "webhook[1].url: no URL",
		"[[webhook]]\nurl = \"ftp://ris/\"\n" + good:           "webhook[1].url: scheme \"ftp\"",
		"[[webhook]]\nurl = \"http://ris/\"\n" + good:          "insecure = true",
		"[[webhook]]\nurl = \"http://10.0.0.1/\"\n" + good:     "insecure = true",
		"[[webhook]]\nurl = \"https://me:word@ris/\"\n" + good: "names a user",
		https: "webhook[1].secret_file: missing",
		https + "secret_file = \"" + secretFile(t, 15) + "\"\n":             "holds 15 bytes",
		https + "secret_file = \"none\"\n":                                  "no such file",
		https + "on = []\n" + good:                                          "webhook[1].on: empty",
		https + "on = [\"results\"]\n" + good:                               "webhook[1].on: \"results\"",
		https + "identifiers = \"name\"\n" + good:                           "webhook[1].identifiers: \"name\"",
		https + "ca = \"none.pem\"\n" + good:                                "webhook[1].ca",
		https + "timeout = \"-1s\"\n" + good:                                "webhook[1].timeout",
		https + good + https + good:                                         "webhook[2].name: \"ris\" is used twice",
		"[stuck]\nstudy = \"0s\"\n":                                         "stuck.study",
		"[stuck]\ndelivery = \"-1h\"\n":                                     "stuck.delivery",
		"[[webhook]]\nurl = \"http://localhost/\"\nca = \"x.pem\"\n" + good: "is set for an http URL",
	} {
		_, err := load(t, text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "word") {
			t.Errorf("the mistake repeats a password: %v", err)
		}
	}
	if _, err := load(t, "[[webhook]]\nurl = \"http://ris/\"\ninsecure = true\n"+good); err != nil {
		t.Error(err)
	}
}
