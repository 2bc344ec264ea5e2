package commitment

import (
	"errors"

	"jcsnode/dimse"
)

// ErrUnknown is what the taker of a report says of a transaction that is none of its own.
var ErrUnknown = errors.New("transaction is not known here")

// statusNoSuchEvent answers an event that storage commitment does not have (PS3.7 C.5.6).
const statusNoSuchEvent dimse.Status = 0x0113

// Take answers an N-EVENT-REPORT: it reads the report and has take keep it.
func Take(e *dimse.EventRequest, take func(Result) error) (status dimse.Status, comment string) {
	switch {
	case e.AbstractSyntax != PushModel || e.SOPClassUID != PushModel || e.SOPInstanceUID != PushModelInstance:
		return dimse.StatusNoSuchInstance, "reports of storage commitment are about " + PushModelInstance
	case e.EventTypeID != EventAllCommitted && e.EventTypeID != EventSomeFailed:
		return statusNoSuchEvent, "storage commitment has the event types 1 and 2"
	}
	r, err := DecodeResult(e.Body, e.TransferSyntaxUID)
	if err == nil {
		err = take(r)
		if err != nil && !errors.Is(err, ErrUnknown) {
			return dimse.StatusProcessingFailure, "report could not be recorded"
		}
	}
	if err != nil {
		return dimse.StatusInvalidArgument, err.Error()
	}
	return dimse.StatusSuccess, ""
}
