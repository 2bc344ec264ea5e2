// Package status says what the node knows, once for every surface: as views, whose JSON is that of `jcsnode status --json`, and as
// sentences for people. It makes both from values: what the ledger answers, what the configuration says ([Site], [Self]), the time.
// It prints nothing, reads no configuration and changes nothing.
package status
