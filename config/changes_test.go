package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestChanges(t *testing.T) {
	running := Default()
	running.Peers = []Peer{{AETitle: "CT1", Network: "10.0.0.0/8"}, {AETitle: "CT2"}, {Network: "10.9.0.0/16"}}
	pacs, other := DefaultDestination(), DefaultDestination()
	pacs.Name, other.Name = "pacs", "research"
	running.Destinations = []Destination{pacs, other}
	running.Webhooks = []Webhook{{Name: "ris", On: []string{"result"}}}
	for _, c := range []struct {
		name           string
		change         func(c *Config)
		taken, restart []string
	}{
		{"nothing", func(*Config) {}, nil, nil},
		{"a scanner comes", func(c *Config) { c.Peers = append(c.Peers, Peer{AETitle: "CT3"}) }, []string{`peer "CT3" added`}, nil},
		{"in another order", func(c *Config) { c.Peers = []Peer{c.Peers[2], c.Peers[0], c.Peers[1]} }, nil, nil},
		{"keys of a peer", func(c *Config) {
			c.Peers = append([]Peer{}, c.Peers...)
			c.Peers[0].Network, c.Peers[0].StaysOpen = "10.1.0.0/16", true
		}, []string{`peer "CT1" network`, `peer "CT1" stays_open`}, nil},
		{"one of two networks", func(c *Config) { c.Peers = append(c.Peers, Peer{AETitle: "CT1", Network: "192.168.0.0/16"}) },
			[]string{`peer "CT1 10.0.0.0/8" added`, `peer "CT1 192.168.0.0/16" added`, `peer "CT1" removed`}, nil},
		{"a destination goes", func(c *Config) { c.Destinations = c.Destinations[:1] }, []string{`destination "research" removed`}, nil},
		{"keys of a destination", func(c *Config) {
			c.Destinations = append([]Destination{}, c.Destinations...)
			c.Destinations[1].Address, c.Destinations[1].Objects = "10.0.0.7:104", []string{"summary"}
		}, []string{`destination "research" address`, `destination "research" objects`}, nil},
		{"a webhook", func(c *Config) { c.Webhooks = []Webhook{{Name: "ris", On: []string{"stuck"}}} }, []string{`webhook "ris" on`}, nil},
		{"page and metrics", func(c *Config) {
			c.Web.Listen, c.Web.Hosts, c.Metrics.AllowedNetworks = "127.0.0.1:8080", []string{"jcsnode.hospital"}, nil
		}, nil, []string{"web.listen", "web.hosts", "metrics.allowed_networks"}},
		{"both kinds", func(c *Config) {
			c.Log.Level, c.Keep.Days = "debug", 30
			c.Node.Listen, c.Cascade.ThresholdMM, c.Settle.Quiet = ":104", 30, Duration(time.Second)
		}, []string{"keep.days", "log.level"}, []string{"node.listen", "settle.quiet", "cascade.threshold_mm"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := running
			c.change(&file)
			taken, restart := Changes(running, file)
			if diff := cmp.Diff(c.taken, taken); diff != "" {
				t.Errorf("taken (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.restart, restart); diff != "" {
				t.Errorf("restart (-want +got):\n%s", diff)
			}
			after := Reloaded(running, file)
			if left, still := Changes(after, file); len(left) != 0 || len(still) != len(c.restart) {
				t.Errorf("after a reload %v and %v differ", left, still)
			}
		})
	}
}
