package node

import (
	"strings"
	"testing"

	"jcsnode/config"
)

// Files that had gone to a bucket already are in no data_dir, and not missing for that.
func TestWriteMigrated_FilesElsewhere(t *testing.T) {
	var said strings.Builder
	WriteMigrated(&said, &Migration{From: "old", To: config.Config{Path: "new.toml"}}, Migrated{Missing: 20})
	const want = "20 files that the ledger names are not in old: those that went to the bucket or folder of new.toml before stay there"
	if !strings.Contains(said.String(), want) {
		t.Errorf("says\n%s", said.String())
	}
}
