package config

import (
	"strings"
	"testing"
)

func TestLoad_Metrics(t *testing.T) {
	const here = "[metrics]\nlisten = \"127.0.0.1:9100\"\n"
	for text, want := range map[string]string{
		here: "",
		here + "allowed_networks = [\"10.0.0.0/8\", \"::1\"]\n": "",
		here + "allowed_networks = []\n":                        "metrics.allowed_networks: empty",
		here + "allowed_networks = [\"prometheus\"]\n":          "metrics.allowed_networks: \"prometheus\"",
		"[metrics]\nlisten = \":11112\"\n":                      "takes the port of node.listen",
		"[metrics]\nlisten = \"9100\"\n":                        "metrics.listen: \"9100\"",
	} {
		_, err := load(t, text)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
