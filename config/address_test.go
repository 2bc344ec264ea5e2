package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestAddress(t *testing.T) {
	for a, want := range map[string]string{
		":104": "", "10.20.0.7:104": "", "[fd00::1]:104": "", "[fe80::1%eth0]:104": "",
		"localhost:0": "", "pacs-2.hospital:104": "", "2pacs:104": "",
		"999.1.1.1:104": "is no IP address", "10.20.0:104": "is no IP address",
		"10.20.0.7.8:104": "is no IP address", "[fd00::1::2]:104": "is no IP address",
		"10.20.0.7": "host:port", "10.20.0.7:http": "port", ":65536": "port",
	} {
		var got string
		address(func(format string, a ...any) { got += fmt.Sprintf(format, a...) }, "node.listen", a, true)
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", a, got, want)
		}
	}
}

func TestLoad_ListenersThatCollide(t *testing.T) {
	for _, c := range []struct {
		plain, tls string
		want       bool
	}{
		{":104", ":104", true},
		{":104", "10.20.0.7:104", true},
		{"10.20.0.7:104", "0.0.0.0:104", true},
		{"localhost:104", "127.0.0.1:104", true},
		{"[::]:104", "10.20.0.7:0104", true},
		{":104", ":2762", false},
		{"10.20.0.7:104", "10.20.0.8:104", false},
		{":0", ":0", false}, // the system chooses two ports
		{":104", "", false},
	} {
		_, err := load(t, fmt.Sprintf("[node]\nlisten = %q\n[tls]\nlisten = %q\n", c.plain, c.tls))
		if got := err != nil && strings.Contains(err.Error(), "takes the port of node.listen"); got != c.want {
			t.Errorf("%s and %s: got %v, want %v", c.plain, c.tls, err, c.want)
		}
	}
}

func TestLoad_DestinationThatIsTheNode(t *testing.T) {
	for _, c := range []struct{ listen, tls, address, want string }{
		{":104", "", "127.0.0.1:104", "by node.listen"},
		{":104", "", "localhost:104", "by node.listen"},
		{":104", "", "[::1]:104", "by node.listen"},
		{":104", ":2762", "LOCALHOST:2762", "by tls.listen"},
		{"127.0.0.1:104", "", "localhost:104", "by node.listen"},
		{"10.20.0.7:104", "", "10.20.0.7:104", "by node.listen"},
		{"node.hospital:104", "", "Node.Hospital:104", "by node.listen"},
		{"10.20.0.7:104", "", "127.0.0.1:104", ""}, // another program's
		{":104", "", "127.0.0.1:4242", ""},
		{":104", "", "10.20.0.7:104", ""},
	} {
		_, err := load(t, fmt.Sprintf("[node]\nlisten = %q\n[tls]\nlisten = %q\nrequire_client_certificate = false\n", c.listen, c.tls)+
			strings.Replace(archive, "pacs:104", c.address, 1))
		got := err != nil && strings.Contains(err.Error(), "destination[1].address: ")
		if got != (c.want != "") || got && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v", c, err)
		}
	}
}
