package node

import (
	"context"
	"path/filepath"

	"jcsnode/config"
	"jcsnode/ledger"
)

// LedgerPlace is where a node keeps its ledger: a database or a file.
func LedgerPlace(c config.Config) string {
	if c.Ledger.URL != "" {
		return c.Ledger.Address()
	}
	return ledgerFile(c)
}

func ledgerFile(c config.Config) string { return filepath.Join(c.Node.DataDir, "ledger.db") }

// OpenLedger opens the ledger of a node, with the password that its configuration names. Who asks for work beside several nodes goes by
// their clock.
func OpenLedger(ctx context.Context, c config.Config, opt ledger.Options) (*ledger.Ledger, error) {
	if opt.Beside && opt.Now == nil && c.Several() {
		opt.Now = clockOf(c)
		opt.JobsNow = opt.Now
	}
	opt.Password = c.Ledger.Password
	return ledger.Open(ctx, LedgerPlace(c), opt)
}
