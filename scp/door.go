package scp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"jcsnode/commitment"
	"jcsnode/dimse"
	"jcsnode/ledger"
	"jcsnode/netfault"
)

// Ledger is what the door writes to.
type Ledger interface {
	Record(ctx context.Context, i ledger.Instance) error
	Visited(ctx context.Context, e ledger.Event, since time.Time, came int, text func(fresh, again int) string) error
	Refused(ctx context.Context, r ledger.RefusedInstances, at time.Time) error
	Called(ctx context.Context, callingAE, address, rejected string, at time.Time) error
	Release(association string)
}

// Kinds of the events that this package writes.
const (
	EventAssociation = "association ended"
	EventQuarantined = "file quarantined"
	EventUnreadable  = "file not readable"
)

// recordWait bounds how long a sender waits for a ledger that cannot write.
const recordWait = 10 * time.Second

// Door implements dimse.Handler, dimse.Actor, dimse.EventReceiver and dimse.Opener, and Admit, Accept and GrantSCP of dimse.Server.
type Door struct {
	// Commitment answers storage commitment requests; nil refuses their class. It is set before the first association.
	Commitment *CommitmentSCP
	// Reports keeps reports of storage commitment that we asked destinations for; they are refused while the settings do not ask for
	// any. commitment.ErrUnknown is for a transaction that is none of ours. It is set before the first association.
	Reports func(ctx context.Context, from string, r commitment.Result) error
	// Refused is told why an instance was refused, by the code of the reason; may be nil. It is set before the first association.
	Refused func(code string)

	settings func() Settings
	inbox    *Inbox
	ledger   Ledger
	log      *slog.Logger
	now      func() time.Time
	holds    holds
}

// NewDoor makes a door. The settings are asked for whenever something comes; what they return is not changed. now is time.Now outside
// tests.
func NewDoor(s func() Settings, inbox *Inbox, l Ledger, log *slog.Logger, now func() time.Time) *Door {
	return &Door{settings: s, inbox: inbox, ledger: l, log: log, now: now, holds: newHolds()}
}

// visit is what an association did so far. Only its own goroutine touches it.
type visit struct {
	name    string
	since   time.Time
	studies map[string]*visited
	order   []string       // of studies
	opens   bool           // the association stays open: it holds a study while it sends, and no longer
	refused map[string]int // instances, by the code of the refusal
	bytes   int64

	malformed     int    // instances stored that are not well-formed
	malformedLike string // the first of them
}

type visited struct{ stored, again int }

func (d *Door) visit(a *dimse.Association) *visit {
	if v, ok := a.Value.(*visit); ok {
		return v
	}
	v := &visit{name: a.Name(), since: d.now(), studies: map[string]*visited{}, refused: map[string]int{},
		opens: d.staysOpen(a.Requestor())}
	a.Value = v
	return v
}

// Echo implements dimse.Handler.
func (d *Door) Echo(_ context.Context, a *dimse.Association) dimse.Status {
	d.visit(a)
	return dimse.StatusSuccess
}

// Store implements dimse.Handler: receive, make durable, queue the row, answer.
func (d *Door) Store(ctx context.Context, a *dimse.Association, req *dimse.StoreRequest) (dimse.Status, string) {
	v := d.visit(a)
	if !d.keeps(req.SOPClassUID) {
		return d.refuse(ctx, a, req, &NotStored{Status: dimse.StatusClassNotSupported, Code: "no-storage",
			Text:   "class of the context has no instances to store",
			Remedy: "the sender must use the context of a storage class; check its software"})
	}
	if n := len(v.order); v.opens && n > 0 {
		d.holds.add(v.order[n-1], a, v.opens, d.now()) // what comes now is of it, most likely
	}
	if v.opens {
		defer d.holds.release(a.ID())
	}
	s, err := d.inbox.Receive(ctx, Incoming{
		SOPClassUID: req.SOPClassUID, SOPInstanceUID: req.SOPInstanceUID, TransferSyntaxUID: req.TransferSyntaxUID,
		CallingAETitle: a.Requestor().CallingAETitle,
	}, req.Body)
	if err == nil {
		// From here on the study waits for this association, before anybody can see the instance.
		d.holds.add(s.StudyUID, a, v.opens, d.now())
		err = d.record(ctx, a, v, req, s)
	}
	if err != nil {
		return d.refuse(ctx, a, req, err)
	}
	v.count(s)
	d.log.Debug("instance stored", "association", v.name, "study", s.StudyUID, "instance", s.SOPInstanceUID, "bytes", s.Size,
		"again", s.Again, "flag", s.Flag)
	return dimse.StatusSuccess, ""
}

func (v *visit) count(s Stored) {
	study := v.studies[s.StudyUID]
	if study == nil {
		study = &visited{}
		v.studies[s.StudyUID] = study
		v.order = append(v.order, s.StudyUID)
	}
	if s.Again {
		study.again++
		return
	}
	study.stored++
	v.bytes += s.Size
	if strings.Contains(s.Flag, FlagForm) {
		if v.malformed++; v.malformed == 1 {
			v.malformedLike = s.Flag
		}
	}
}

// record queues the row. The file is durable by now: if the queue stays full the sender is
// told to come again, and will be recognised.
func (d *Door) record(ctx context.Context, a *dimse.Association, v *visit, req *dimse.StoreRequest, s Stored) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWait)
	defer cancel()
	requestor := a.Requestor()
	err := d.ledger.Record(ctx, ledger.Instance{
		StudyUID: s.StudyUID, SeriesUID: s.SeriesUID, SOPInstanceUID: s.SOPInstanceUID, SOPClassUID: s.SOPClassUID,
		TransferSyntaxUID: req.TransferSyntaxUID, Path: s.Path, Digest: s.Digest, Size: s.Size,
		CallingAE: printableOnly(requestor.CallingAETitle), CalledAE: printableOnly(requestor.CalledAETitle),
		RemoteAddr:  requestor.Addr.String(),
		Accession:   s.Accession,
		Association: v.name, ReceivedAt: d.now().UTC(), Flag: s.Flag, At: s.At, Holds: !v.opens,
	})
	if err != nil {
		return &NotStored{Status: dimse.StatusOutOfResources, Code: "ledger", Text: "instance could not be recorded",
			Remedy: "check the disk of data_dir", Err: err}
	}
	return nil
}

// refuse turns an error into the answer, a line of the log and a row of the ledger. The log has the first refusal of each kind of an
// association, its end says how many there were.
func (d *Door) refuse(ctx context.Context, a *dimse.Association, req *dimse.StoreRequest, err error) (dimse.Status, string) {
	v := d.visit(a)
	var r *NotStored
	if !errors.As(err, &r) {
		// The association broke in the middle of the data set: nobody reads an answer.
		d.log.Warn("data set did not arrive whole and was removed", "association", v.name, "instance", printableOnly(req.SOPInstanceUID),
			"error", netfault.Words(err))
		return dimse.StatusProcessingFailure, ""
	}
	if d.Refused != nil {
		d.Refused(r.Code)
	}
	level := slog.LevelWarn
	if r.Status == dimse.StatusOutOfResources {
		level = slog.LevelError
	}
	if v.refused[r.Code]++; v.refused[r.Code] > 1 {
		level = slog.LevelDebug
	}
	d.log.Log(ctx, level, "instance refused; further ones for this reason are counted at the end of the association",
		"association", v.name, "study", r.StudyUID, "instance", printableOnly(req.SOPInstanceUID),
		"status", r.Status.String(), "reason", r.Code, "error", r.Error(), "remedy", r.Remedy)
	requestor := a.Requestor()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	row := ledger.RefusedInstances{StudyUID: r.StudyUID, CallingAE: printableOnly(requestor.CallingAETitle),
		Address: host(requestor.Addr), Code: r.Code, Status: r.Status.String(), Text: r.Error(),
		Remedy: r.Remedy, Instance: printableOnly(req.SOPInstanceUID), Association: v.name}
	if err := d.ledger.Refused(ctx, row, d.now()); err != nil {
		d.log.Error("refusal not recorded", "association", v.name, "error", err)
	}
	return r.Status, r.Text
}

// EventReport implements dimse.EventReceiver: a destination that we asked for storage commitment reports on an association of its own.
// Peers that forget to ask for the role of SCP are taken at their word.
func (d *Door) EventReport(ctx context.Context, a *dimse.Association, e *dimse.EventRequest) (dimse.Status, string) {
	v := d.visit(a)
	if !d.takesReports() {
		return dimse.StatusUnrecognizedOperation, ""
	}
	requestor := a.Requestor()
	from := printableOnly(requestor.CallingAETitle) + " at " + requestor.Addr.String()
	status, comment := commitment.Take(e, func(r commitment.Result) error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWait)
		defer cancel()
		return d.Reports(ctx, from, r)
	})
	if status != dimse.StatusSuccess {
		d.log.Warn("storage commitment report refused", "association", v.name, "from", from, "status", status.String(), "why", comment)
	}
	return status, comment
}

// GrantSCP is dimse.Server.GrantSCP: a peer may be SCP of storage commitment, which is how a destination reports (PS3.4 J.3.3, PS3.7
// D.3.3.4), and of nothing else.
func (d *Door) GrantSCP(_ dimse.Requestor, abstract string) bool {
	return abstract == commitment.PushModel && d.takesReports()
}

func (d *Door) takesReports() bool { return d.Reports != nil && d.settings().Reports }

// Closed implements dimse.Handler. However the association ended, whole instances stay and
// the studies are not held any longer.
func (d *Door) Closed(a *dimse.Association, err error) {
	v := d.visit(a)
	requestor := a.Requestor()
	how := "released"
	if err != nil {
		how = netfault.Words(err)
	}
	stored, again := 0, 0
	for _, uid := range v.order {
		n := v.studies[uid]
		stored, again = stored+n.stored, again+n.again
		over := ledger.Event{StudyUID: uid, Kind: EventAssociation, Association: v.name}
		d.visited(over, v.since, n.stored+n.again, func(fresh, again int) string {
			return fmt.Sprintf("%s at %s: %d instances stored, %d were here already; %s",
				printableOnly(requestor.CallingAETitle), requestor.Addr, fresh, again, how)
		})
	}
	refused := 0
	for _, n := range v.refused {
		refused += n
	}
	if v.malformed > 0 {
		d.log.Warn("instances stored whose data set is not well-formed",
			"association", v.name, "study", v.order[0], "studies", len(v.order),
			"instances", v.malformed, "first", v.malformedLike,
			"remedy", "none is needed if the study is read; tell the maker of the sender")
	}
	d.holds.release(a.ID())
	if stored+again > 0 && !v.opens {
		d.ledger.Release(v.name)
	}
	d.log.Info("association done",
		"association", v.name, "peer", requestor.Addr.String(), "calling", requestor.CallingAETitle, "studies", len(v.order),
		"stored", stored, "again", again, "refused", refused, "bytes", v.bytes, "end", how)
}

// visited tells of an association that is over. It never holds one up for long.
func (d *Door) visited(e ledger.Event, since time.Time, came int, text func(fresh, again int) string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	e.At = d.now()
	if err := d.ledger.Visited(ctx, e, since, came, text); err != nil {
		d.log.Error("event not recorded", "kind", e.Kind, "study", e.StudyUID, "association", e.Association, "error", err)
	}
}

// called notes who was here, and why not if the association was rejected. It holds up no association for long.
func (d *Door) called(p dimse.Requestor, rejected string) {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := d.ledger.Called(ctx, printableOnly(p.CallingAETitle), host(p.Addr), rejected, d.now()); err != nil {
		d.log.Error("association not noted", "calling", p.CallingAETitle, "error", err)
	}
}

// host is an address without its port.
func host(a net.Addr) string {
	if host, _, err := net.SplitHostPort(a.String()); err == nil {
		return host
	}
	return a.String()
}

// Holds says whether an open association has stored into the study, and since when. A study
// is not complete while one does.
func (d *Door) Holds(studyUID string) (bool, time.Time) { return d.holds.of(studyUID) }

// Open lists what the open associations hold, for the ledger of a node that has joined the others again.
func (d *Door) Open() []ledger.Hold { return d.holds.all() }

func remedy(err error) string {
	var r *NotStored
	if errors.As(err, &r) {
		return r.Remedy
	}
	return ""
}

// printableOnly makes text of a command fit for the ledger and the log.
func printableOnly(s string) string {
	if len(s) > maxUIDLength {
		s = s[:maxUIDLength]
	}
	if printable(s) {
		return s
	}
	return strconv.QuoteToASCII(s)
}
