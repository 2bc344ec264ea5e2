package commitment

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"jcsnode/dataset"
	"jcsnode/dimse"
)

func TestTake(t *testing.T) {
	const syntax = dataset.ExplicitVRLittleEndian
	good := Result{TransactionUID: "5.1", Committed: []Reference{ct}}.Encode(syntax)
	for _, c := range []struct {
		name     string
		context  string
		event    uint16
		instance string
		data     []byte
		err      error
		want     dimse.Status
		taken    bool
	}{
		{"all", PushModel, EventAllCommitted, PushModelInstance, good, nil, dimse.StatusSuccess, true},
		{"some", PushModel, EventSomeFailed, PushModelInstance,
			Result{"5.1", nil, []Failure{{ct, 0x0112}}}.Encode(syntax), nil, dimse.StatusSuccess, true},
		{"transaction of somebody else", PushModel, EventAllCommitted, PushModelInstance, good,
			fmt.Errorf("5.1: %w", ErrUnknown), dimse.StatusInvalidArgument, true},
		{"cannot be kept", PushModel, EventAllCommitted, PushModelInstance, good,
			errors.New("disk full"), dimse.StatusProcessingFailure, true},
		{"other event", PushModel, 3, PushModelInstance, good, nil, 0x0113, false},
		{"on the context of CT", ct.SOPClassUID, EventAllCommitted, PushModelInstance, good, nil, dimse.StatusNoSuchInstance, false},
		{"other instance", PushModel, EventAllCommitted, "1.2.3", good, nil, dimse.StatusNoSuchInstance, false},
		{"noise", PushModel, EventAllCommitted, PushModelInstance, []byte("noise"), nil, dimse.StatusInvalidArgument, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			taken := false
			e := &dimse.EventRequest{
				AbstractSyntax:    c.context,
				SOPClassUID:       PushModel,
				SOPInstanceUID:    c.instance,
				EventTypeID:       c.event,
				TransferSyntaxUID: syntax,
				Body:              bytes.NewReader(c.data),
			}
			got, comment := Take(e, func(Result) error { taken = true; return c.err })
			if got != c.want || taken != c.taken || (comment == "") != (c.want == dimse.StatusSuccess) {
				t.Errorf("got %v %q, taken %v", got, comment, taken)
			}
		})
	}
}
