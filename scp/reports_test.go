package scp

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jcsnode/commitment"
	"jcsnode/dataset"
	"jcsnode/dimse"
)

// taken keeps the reports that a door was told.
type taken struct {
	mu  sync.Mutex
	all []commitment.Result
	err error
}

func (k *taken) take(_ context.Context, from string, r commitment.Result) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !strings.HasPrefix(from, "PACS at 127.0.0.1:") {
		return errors.New("who is " + from)
	}
	k.all = append(k.all, r)
	return k.err
}

// report opens an association as an archive that has something to report, and says it.
func (n *node) report(t *testing.T, scp bool, r commitment.Result) (dimse.Response, error) {
	t.Helper()
	d := dimse.Dialer{CallingAETitle: "PACS"}
	conn, err := d.Dial(t.Context(), n.addr, "JCS", []dimse.PresentationContext{{
		AbstractSyntax:   commitment.PushModel,
		TransferSyntaxes: commitment.Syntaxes(),
		SCP:              scp,
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Abort() })
	return conn.Report(t.Context(), dimse.EventCommand{
		SOPClassUID:       commitment.PushModel,
		SOPInstanceUID:    commitment.PushModelInstance,
		EventTypeID:       r.EventType(),
		TransferSyntaxUID: dataset.ExplicitVRLittleEndian,
		Body:              bytes.NewReader(r.Encode(dataset.ExplicitVRLittleEndian)),
	})
}

// A destination reports on an association of its own, as SCP of the class by role selection; one that forgets to ask for the role is
// heard, too.
func TestReports(t *testing.T) {
	k := &taken{}
	n := startNode(t, Settings{Reports: true}, func(d *Door) { d.Reports = k.take })
	want := commitment.Result{
		TransactionUID: "5.1",
		Committed:      []commitment.Reference{{SOPClassUID: "1.2", SOPInstanceUID: "2.25.1"}},
		Failed: []commitment.Failure{{
			Reference: commitment.Reference{SOPClassUID: "1.2", SOPInstanceUID: "2.25.2"},
			Reason:    dimse.StatusNoSuchInstance,
		}},
	}
	for _, scp := range []bool{true, false} {
		if got, err := n.report(t, scp, want); err != nil || got.Status != dimse.StatusSuccess {
			t.Errorf("role asked for: %v: %v, %v", scp, got, err)
		}
	}
	if diff := cmp.Diff([]commitment.Result{want, want}, k.all); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	one := commitment.Result{TransactionUID: "5.2", Committed: []commitment.Reference{{SOPClassUID: "1.2", SOPInstanceUID: "1"}}}
	for err, want := range map[error]dimse.Status{
		commitment.ErrUnknown:   dimse.StatusInvalidArgument,
		errors.New("disk full"): dimse.StatusProcessingFailure,
	} {
		k.err = err
		if got, e := n.report(t, true, one); e != nil || got.Status != want || got.ErrorComment == "" {
			t.Errorf("%v: %v, %v", err, got, e)
		}
	}
	// It is no SCP of anything else.
	if n.door.GrantSCP(dimse.Requestor{}, CTImageStorage) {
		t.Error("a peer may be SCP of storage")
	}
}

// A door that expects no reports grants no role, and refuses what is reported all the same.
func TestReports_NobodyAsked(t *testing.T) {
	n := startNode(t, Settings{}, withCommitment(""))
	r := commitment.Result{TransactionUID: "5.1", Committed: []commitment.Reference{{SOPClassUID: "1.2", SOPInstanceUID: "1"}}}
	if _, err := n.report(t, true, r); !errors.Is(err, dimse.ErrNoContext) {
		t.Errorf("as SCP: %v", err)
	}
	if got, err := n.report(t, false, r); err != nil || got.Status != dimse.StatusUnrecognizedOperation {
		t.Errorf("without a role: %v, %v", got, err)
	}
}
