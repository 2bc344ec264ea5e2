package ledger_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"jcsnode/ledger"
)

// From the first instance to a settled study. With StartJobs running, Handlers.Process
// would now be called with the revision.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "ledger")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	l, err := ledger.Open(ctx, filepath.Join(dir, "ledger.db"), ledger.Options{})
	if err != nil {
		panic(err)
	}
	defer l.Close()

	for _, path := range []string{"inbox/a/1.dcm", "inbox/a/2.dcm", "inbox/a/2.dcm"} {
		if err := l.Record(ctx, ledger.Instance{StudyUID: "1.2.3", SOPInstanceUID: path, Path: path, CallingAE: "CT1"}); err != nil {
			panic(err)
		}
	}
	rev, err := l.Settle(ctx, "1.2.3", "quiet for 60 s")
	if err != nil {
		panic(err)
	}
	_, instances, err := l.Revision(ctx, rev.ID)
	fmt.Println(rev.Number, rev.State, len(instances), err)
	// Output: 1 settled 2 <nil>
}
