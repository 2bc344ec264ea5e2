package dimse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"jcsnode/dimse/pdu"
)

// reportSilence is how long the peer must send nothing before a report leaves on its association: one that expects the report
// on another association releases this one at once, and is better not met in the middle of that.
const reportSilence = 200 * time.Millisecond

// ErrNotReported is the error of a Report that had no chance to be answered before its association ended in order.
var ErrNotReported = errors.New("association ended before the report was answered")

// EventReport is an N-EVENT-REPORT that an acceptor sends on the peer's association.
type EventReport struct {
	SOPClassUID, SOPInstanceUID string

	// Make gives event type and event information, when the report is about to leave, in the transfer syntax of the context.
	Make func(transferSyntaxUID string) (eventTypeID uint16, data []byte, err error)

	// Done is told once what became of the report: the peer's response, or the error for which there is none. It must not be
	// nil. Its caller is the goroutine of the association.
	Done func(Response, error)
}

// sentReport waits for its response.
type sentReport struct {
	EventReport
	at time.Time
}

// QueueEventReport queues a report. It may be called only while a method of the Handler runs for this association; the report leaves
// after the response to the message at hand, as soon as the peer is silent and has answered the report before.
func (a *Association) QueueEventReport(r EventReport) { a.reports = append(a.reports, r) }

// sendReports sends the next report if the peer is silent and has answered the one before: no asynchronous operations are ever
// negotiated, so one waits for its response at a time (PS3.7 D.3.3.3).
func (a *Association) sendReports() error {
	a.expireReports(time.Now())
	for len(a.reports) > 0 && !a.awaitsResponse() {
		silent, err := a.link.silent(reportSilence)
		if err != nil || !silent {
			return err
		}
		r := a.reports[0]
		a.reports = a.reports[1:]
		if err := a.sendReport(r); err != nil {
			return err
		}
	}
	return nil
}

// awaitsResponse reports whether a report waits for its response.
func (a *Association) awaitsResponse() bool {
	for _, r := range a.sent {
		if r.Done != nil {
			return true
		}
	}
	return false
}

// sendReport fails only with the association.
func (a *Association) sendReport(r EventReport) error {
	var context *PresentationContext
	for i := range a.contexts {
		if c := &a.contexts[i]; c.AbstractSyntax == r.SOPClassUID && c.Result == pdu.ResultAcceptance {
			context = c
		}
	}
	if context == nil {
		a.done(r, Response{Status: StatusProcessingFailure}, fmt.Errorf("SOP class %s: %w", r.SOPClassUID, ErrNoContext))
		return nil
	}
	eventType, data, err := r.Make(context.TransferSyntax)
	if err != nil {
		a.done(r, Response{Status: StatusProcessingFailure}, err)
		return nil
	}
	a.lastReport = max(a.lastReport+1, 1)
	a.sent[a.lastReport] = sentReport{r, time.Now()}
	if err := a.link.send(context.ID, &pdu.Command{
		Field: pdu.NEventReportRQ, MessageID: a.lastReport, HasDataSet: true, EventTypeID: eventType,
		AffectedSOPClassUID: r.SOPClassUID, AffectedSOPInstanceUID: r.SOPInstanceUID,
	}); err != nil {
		return err
	}
	return a.link.sendData(context.ID, bytes.NewReader(data))
}

// reported takes the response to a report. ok is false if it answers none.
func (a *Association) reported(response *pdu.Command) (ok bool) {
	r, ok := a.sent[response.RespondedTo]
	if !ok || response.Field != pdu.NEventReportRSP {
		return false
	}
	delete(a.sent, response.RespondedTo)
	a.done(r.EventReport, Response{Status: Status(response.Status), ErrorComment: response.ErrorComment}, nil)
	return true
}

// expireReports gives up reports that stay unanswered on an association that goes on. Their ID stays taken, so that a late
// response is no disorder.
func (a *Association) expireReports(now time.Time) {
	for id, r := range a.sent {
		if r.Done != nil && now.Sub(r.at) > a.link.timeouts.Response {
			a.done(r.EventReport, Response{Status: StatusProcessingFailure},
				&TimeoutError{Waiting: "the response to N-EVENT-REPORT-RQ", Err: context.DeadlineExceeded})
			r.Done = nil
			a.sent[id] = r
		}
	}
}

// abandonReports tells of all that have no answer when the association is over.
func (a *Association) abandonReports(why error) {
	if why == nil {
		why = ErrNotReported
	}
	for _, r := range a.reports {
		a.done(r, Response{Status: StatusProcessingFailure}, why)
	}
	for _, r := range a.sent {
		a.done(r.EventReport, Response{Status: StatusProcessingFailure}, why)
	}
}

func (a *Association) done(r EventReport, response Response, err error) {
	if r.Done == nil {
		return
	}
	defer func() {
		if v := recover(); v != nil {
			logPanic(a.log, "outcome of a report", v)
		}
	}()
	r.Done(response, err)
}

// silent reports whether the peer sends nothing for d. What it sends stays unread.
func (l *link) silent(d time.Duration) (bool, error) {
	if l.buffered() > 0 || l.dataLeft > 0 {
		return false, nil
	}
	l.budget, l.waiting = d, "silence"
	err := l.fill()
	var timeout *TimeoutError
	if errors.As(err, &timeout) {
		return true, nil
	}
	if err != nil {
		return false, l.lost(err)
	}
	return false, nil
}
