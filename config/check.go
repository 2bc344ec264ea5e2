package config

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// check finds every mistake that can be seen without opening a port or using the data folder.
func (c *Config) check() Problems {
	var p Problems
	add := func(format string, a ...any) { p = append(p, fmt.Sprintf(format, a...)) }

	aeTitle(add, "node.ae_title", c.Node.AETitle)
	address(add, "node.listen", c.Node.Listen, true)
	if c.Node.DataDir == "" {
		add("node.data_dir: empty; name a folder for studies and results")
	}
	if n := len(c.Node.ID); n == 0 || n > 64 || !ascii(c.Node.ID) || strings.Contains(c.Node.ID, `\`) {
		add("node.id: %q; 1 to 64 ASCII characters without a backslash", c.Node.ID)
	}
	c.Node.checkPart(add)
	c.Ledger.check(add)
	c.checkSeveral(add)
	between(add, "node.max_associations", c.Node.MaxAssociations, 1, 4096)
	between(add, "node.max_associations_per_peer", c.Node.MaxAssociationsPerPeer, 1, 4096)
	between(add, "node.max_pdu", c.Node.MaxPDU, 4096, 1<<20)
	if c.Node.MinRate > 1<<20 {
		add("node.min_rate: %d bytes per second would refuse slow networks; at most \"1MB\"", c.Node.MinRate)
	}
	for i, uid := range c.Node.TransferSyntaxes {
		if strings.Trim(uid, "0123456789.") != "" || !strings.Contains(uid, ".") {
			add("node.transfer_syntaxes: %q is no UID, such as \"1.2.840.10008.1.2.1\"", uid)
		} else if slices.Contains(c.Node.TransferSyntaxes[:i], uid) {
			add("node.transfer_syntaxes: %s is named twice", uid)
		}
	}
	if c.Node.Drain < 0 {
		add("node.drain: %v; 0 or more", c.Node.Drain)
	}
	c.TLS.check(add)
	if c.TLS.Listen != "" && collide(c.Node.Listen, c.TLS.Listen) {
		add("tls.listen: %q takes the port of node.listen, %q; give it another, such as \":2762\"", c.TLS.Listen, c.Node.Listen)
	}

	for i := range c.Peers {
		key := fmt.Sprintf("peer[%d]", i+1)
		c.checkPeer(add, key, &c.Peers[i])
		checkNamesakes(add, key, c.Peers[:i], &c.Peers[i])
	}
	names := map[string]bool{}
	for i := range c.Destinations {
		d := &c.Destinations[i]
		key := fmt.Sprintf("destination[%d]", i+1)
		if names[d.Name] && d.Name != "" {
			add("%s.name: %q is used twice", key, d.Name)
		}
		names[d.Name] = true
		d.check(add, key, c.Node.AETitle)
		c.checkReturn(add, key, d.Address)
	}
	c.checkWebhooks(add)
	if c.Settle.Quiet <= 0 {
		add("settle.quiet: %v; more than 0, such as \"60s\"", c.Settle.Quiet)
	}
	if c.Settle.Limit < c.Settle.Quiet {
		add("settle.limit: %v is less than settle.quiet, %v", c.Settle.Limit, c.Settle.Quiet)
	}
	between(add, "cascade.threshold", c.Cascade.Threshold, 0, 100000)
	if c.Cascade.ThresholdMM < 0 || math.IsNaN(c.Cascade.ThresholdMM) || c.Cascade.ThresholdMM > 2000 {
		add("cascade.threshold_mm: %v; 0 (off) to 2000", c.Cascade.ThresholdMM)
	}
	if !(c.Cascade.SmoothMM >= 0 && c.Cascade.SmoothMM <= 50) {
		add("cascade.smooth_mm: %v; 0 (off) to 50", c.Cascade.SmoothMM)
	}
	oneOf(add, "cascade.segment", c.Cascade.Segment, "all", "near")
	if !(c.Cascade.NearMM >= 0 && c.Cascade.NearMM <= 1000) {
		add("cascade.near_mm: %v; 0 to 1000", c.Cascade.NearMM)
	}
	oneOf(add, "cascade.off_lungs", c.Cascade.OffLungs, "drop", "keep")
	if !(c.Cascade.LeastLesionML >= 0 && c.Cascade.LeastLesionML <= 100) {
		add("cascade.least_lesion_ml: %v; 0 (any volume) to 100", c.Cascade.LeastLesionML)
	}
	between(add, "pipeline.workers", c.Pipeline.Workers, 1, 64)
	oneOf(add, "models.device", c.Models.Device, "auto", "cuda", "openvino", "cpu")
	between(add, "models.threads", c.Models.Threads, 0, 256)
	oneOf(add, "models.altered", c.Models.Altered, "refuse", "allow")
	_, err := os.Stat(filepath.Join(c.Models.Dir, "manifest.toml"))
	if err != nil && slices.Contains(c.Node.Roles, RoleRead) {
		add("models.dir: no manifest.toml in %s; name the folder models of the program (of a package: /usr/share/jcsnode/models)",
			c.Models.Dir)
	}
	if c.Models.Library != "" {
		if _, err := os.Stat(c.Models.Library); err != nil {
			add("models.library: %v", err)
		}
	}
	between(add, "objects.series_base", c.Objects.SeriesBase, 1, 99999)
	c.Store.check(add)
	between(add, "keep.days", c.Keep.Days, 0, 36500)
	between(add, "keep.ledger_days", c.Keep.LedgerDays, 0, 36500)
	if c.Keep.LedgerDays > 0 && (c.Keep.Days == 0 || c.Keep.LedgerDays < c.Keep.Days) {
		add("keep.ledger_days: %d; rows of instances go after their files: keep.days has to be from 1 to that, and is %d",
			c.Keep.LedgerDays, c.Keep.Days)
	}
	c.checkWeb(add)
	c.checkMetrics(add)
	oneOf(add, "log.level", c.Log.Level, "debug", "info", "warn", "error")
	oneOf(add, "log.format", c.Log.Format, "auto", "text", "json")
	return p
}

type adder func(format string, a ...any)

// aeTitle checks a title (PS3.5 6.2, VR AE): 1 to 16 characters, no backslash or control, not only spaces.
func aeTitle(add adder, key, title string) {
	switch {
	case strings.TrimSpace(title) == "":
		add("%s: missing or empty; 1 to 16 characters", key)
	case len(title) > 16:
		add("%s: %q has %d characters; at most 16", key, title, len(title))
	case !ascii(title) || strings.Contains(title, `\`):
		add("%s: %q; ASCII without backslash or control characters", key, title)
	case title != strings.TrimSpace(title):
		add("%s: %q; spaces at the ends mean nothing in DICOM, leave them out", key, title)
	}
}

func ascii(s string) bool {
	for _, r := range s {
		if r < 0x20 || r > 0x7e {
			return false
		}
	}
	return true
}

func between(add adder, key string, v, low, high int) {
	if v < low || v > high {
		add("%s: %d; %d to %d", key, v, low, high)
	}
}

func oneOf(add adder, key, v string, allowed ...string) {
	for _, a := range allowed {
		if v == a {
			return
		}
	}
	add("%s: %q; one of %s", key, v, strings.Join(allowed, ", "))
}
