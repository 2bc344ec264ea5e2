package deliver

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"jcsnode/dataset"
	"jcsnode/dicomout/object"
	"jcsnode/dimse"
	"jcsnode/guard"
)

// Destination is where objects go.
type Destination struct {
	Name           string // of the configuration, for texts
	AETitle        string // called
	Address        string // host:port
	CallingAETitle string
	Timeouts       dimse.Timeouts
	TLS            *tls.Config // nil: plain TCP
	Associations   int         // at a time, at most; less than 1 counts as 1

	CommitmentAETitle string // called for storage commitment; "": it is not asked for
}

// Item is one object to deliver.
type Item struct {
	ID                                             int64 // the caller's; comes back in the Outcome
	SOPClassUID, SOPInstanceUID, TransferSyntaxUID string
	// Read returns the object as a Part 10 file of ours. It is called when the object's turn comes, so that one object at a time
	// is in memory.
	Read func() ([]byte, error)
	// Alternative says the same in another form, for a peer that accepts none of this one; nil if there is none.
	Alternative *Item
}

// Outcome is what became of one Item in one call of Send.
type Outcome struct {
	Item Item
	Verdict
	// Attempted is false when there was no association, or none any more, when the object's turn came.
	Attempted bool
	// Answered tells that the peer responded to this instance, with Status and Comment.
	Answered bool
	// Unknown is true when it was on its way and the peer has not responded: it may have it.
	Unknown bool
	Status  dimse.Status
	Comment string
	// TransferSyntaxUID is that in which the object went, "" if it did not.
	TransferSyntaxUID string
	// Alternative tells that the item's other form went, since the peer accepts none of the item itself. The text says so, too.
	Alternative bool
}

// Send delivers the items over the destination's associations, each of which takes the next item that none has taken, and calls
// report once for each item, as soon as its outcome is known, never twice at a time. Over one association the items go in their
// order. The error is not nil when an association could not be made or ended early. What the peer had acknowledged stays sent, the
// item in flight counts as not sent, and the rest goes on over another association, unless several in a row ended without an
// answer; items that are left when none lives are reported as not attempted. Refusals of single objects are no error of Send.
func Send(ctx context.Context, dest Destination, items []Item, report func(Outcome)) error {
	q := &queue{items: items, report: report}
	errs := make([]error, min(max(dest.Associations, 1), len(items)))
	var g sync.WaitGroup
	for i := range errs {
		g.Go(func() {
			err := guard.Call(func() error { return q.work(ctx, dest, items) })
			if err != nil {
				errs[i] = fmt.Errorf("deliver to %s: %w", dest.Name, err)
			}
		})
	}
	g.Wait()
	err := errors.Join(errs...)
	for item, ok := q.next(); ok; item, ok = q.next() {
		q.tell(Outcome{Item: item, Verdict: ClassifyError(err)})
	}
	return err
}

// GoneRemedy is what to do about an object whose file is gone.
const GoneRemedy = "`jcsnode requeue` of the study makes it again from its instances; " +
	"if these are gone, too, restore them from the backup or send the study again"

// ErrAltered is for an object whose bytes are not those that were made.
var ErrAltered = errors.New("it is not the file that was written")

// queue hands items to associations.
type queue struct {
	mu     sync.Mutex // guards items, and lets one report in at a time
	items  []Item     // that nobody has taken
	report func(Outcome)
}

func (q *queue) next() (Item, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 {
		return Item{}, false
	}
	item := q.items[0]
	q.items = q.items[1:]
	return item, true
}

func (q *queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) == 0
}

func (q *queue) tell(o Outcome) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.report(o)
}

// endsInARow is how many associations may end one after the other without an answer: an object can be to blame for one or two, a
// peer that is ill for all.
const endsInARow = 3

// work sends what comes from the queue, over one association after the other where items end them. An error means that one could not
// be made or ended early.
func (q *queue) work(ctx context.Context, dest Destination, all []Item) error {
	var errs []error
	for ends := 0; ends < endsInARow; {
		answers, ended, err := q.associate(ctx, dest, all)
		errs = append(errs, err)
		if !ended || ctx.Err() != nil || q.empty() {
			break
		}
		if answers > 0 {
			ends = 0
		}
		ends++
	}
	return errors.Join(errs...)
}

// associate opens an association for all items and sends what comes from the queue until it ends. It returns how many items got an
// answer, and whether an item ended it.
func (q *queue) associate(ctx context.Context, dest Destination, all []Item) (answers int, ended bool, err error) {
	conn, err := dest.dial(ctx, all)
	if err != nil {
		return 0, false, err
	}
	for item, ok := q.next(); ok; item, ok = q.next() {
		outcome, err := attempt(ctx, conn, item)
		q.tell(outcome)
		if err != nil {
			_ = conn.Abort() // closes what is left; the association is over already
			return answers, true, err
		}
		if outcome.Answered {
			answers++
		}
	}
	if err := conn.Release(ctx); err != nil {
		_ = conn.Abort() // every object has its answer: how the peer says goodbye changes nothing
	}
	return answers, false, nil
}

// attempt sends one item. An error means that the association is over; the outcome holds in any case. An item that makes this program
// panic ends as an outcome like any other, so that it cannot stand before the rest for ever.
func attempt(ctx context.Context, conn *dimse.Conn, item Item) (outcome Outcome, err error) {
	err = guard.Call(func() (err error) {
		outcome, err = deliver(ctx, conn, item)
		return err
	})
	if p := (*guard.Panic)(nil); errors.As(err, &p) {
		outcome = Outcome{Item: item, Attempted: true, Unknown: true,
			Verdict: Verdict{Temporary, RetryFew, "this program failed at the object: " + p.Error(),
				"this is a fault of the program: report it with the log"}}
	}
	return outcome, err
}

// dial opens an association with a context for every form of the items.
func (dest Destination) dial(ctx context.Context, items []Item) (*dimse.Conn, error) {
	dialer := dimse.Dialer{
		CallingAETitle:         dest.CallingAETitle,
		TLSConfig:              dest.TLS,
		Timeouts:               dest.Timeouts,
		ImplementationClassUID: object.ImplementationClassUID,
		ImplementationVersion:  object.ImplementationVersionName,
	}
	return dialer.Dial(ctx, dest.Address, dest.AETitle, contexts(items))
}

// deliver sends one item, or its alternative where the peer takes none of the item itself.
func deliver(ctx context.Context, conn *dimse.Conn, item Item) (Outcome, error) {
	outcome := Outcome{Item: item, Attempted: true}
	syntax, ok := chooseSyntax(item, conn.Accepted(item.SOPClassUID))
	if other := item.Alternative; !ok && other != nil && len(conn.Accepted(other.SOPClassUID)) > 0 {
		outcome, err := deliver(ctx, conn, *other)
		outcome.Item, outcome.Alternative = item, true
		outcome.Text += fmt.Sprintf(", as SOP class %s, instance %s: peer does not accept SOP class %s",
			other.SOPClassUID, other.SOPInstanceUID, item.SOPClassUID)
		return outcome, err
	}
	if !ok {
		outcome.Verdict = classifyContexts(item.SOPClassUID, results(conn.Contexts(), item.SOPClassUID))
		return outcome, nil
	}
	body, err := encoded(item, syntax)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrAltered) {
		outcome.Verdict = Verdict{Permanent, RetryNever, "object cannot be read on this node: " + err.Error(),
			GoneRemedy}
		return outcome, nil
	}
	if err != nil {
		outcome.Verdict = Verdict{Temporary, RetryFew, "object cannot be read on this node: " + err.Error(),
			"check the disk that holds the objects; reprocess the study if the file is gone"}
		return outcome, nil
	}
	response, err := conn.Store(ctx, dimse.StoreCommand{
		SOPClassUID:       item.SOPClassUID,
		SOPInstanceUID:    item.SOPInstanceUID,
		TransferSyntaxUID: syntax,
		Body:              bytes.NewReader(body),
	})
	outcome.TransferSyntaxUID = syntax
	if err != nil {
		outcome.Verdict, outcome.Unknown = classifyEnd(err), true
		return outcome, err
	}
	outcome.Answered, outcome.Status, outcome.Comment = true, response.Status, response.ErrorComment
	outcome.Verdict = ClassifyStatus(response.Status, response.ErrorComment)
	if response.Stray != "" {
		outcome.Verdict = classifyStray(response)
	}
	return outcome, nil
}

// encoded returns the data set of the item in the syntax.
func encoded(item Item, syntax string) ([]byte, error) {
	file, err := item.Read()
	if err != nil {
		return nil, err
	}
	if syntax != item.TransferSyntaxUID {
		if file, err = object.Transcode(file, syntax); err != nil {
			return nil, err
		}
	}
	return object.Body(file)
}

// syntaxes returns the transfer syntaxes in which an item can go, its own first: objects in Explicit VR Little Endian can be
// re-encoded for a peer that takes Implicit VR Little Endian alone, which by PS3.5 10.1 is every peer's duty.
func syntaxes(item Item) []string {
	if item.TransferSyntaxUID == dataset.ExplicitVRLittleEndian {
		return []string{dataset.ExplicitVRLittleEndian, dataset.ImplicitVRLittleEndian}
	}
	return []string{item.TransferSyntaxUID}
}

// contexts proposes one presentation context per class and syntax, so that the peer can accept each and the choice is ours.
func contexts(items []Item) []dimse.PresentationContext {
	var proposed []dimse.PresentationContext
	forms := make([]Item, 0, len(items))
	for _, item := range items {
		for form := &item; form != nil; form = form.Alternative {
			forms = append(forms, *form)
		}
	}
	for _, item := range forms {
		for _, syntax := range syntaxes(item) {
			if slices.ContainsFunc(proposed, func(pc dimse.PresentationContext) bool {
				return pc.AbstractSyntax == item.SOPClassUID && pc.TransferSyntaxes[0] == syntax
			}) {
				continue
			}
			proposed = append(proposed, dimse.PresentationContext{AbstractSyntax: item.SOPClassUID, TransferSyntaxes: []string{syntax}})
		}
	}
	return proposed
}

// chooseSyntax returns the first syntax of the item that the peer accepted for its class.
func chooseSyntax(item Item, accepted []string) (string, bool) {
	for _, syntax := range syntaxes(item) {
		if slices.Contains(accepted, syntax) {
			return syntax, true
		}
	}
	return "", false
}

// results returns the answers to the presentation contexts of the class.
func results(contexts []dimse.PresentationContext, sopClassUID string) []byte {
	var answers []byte
	for _, pc := range contexts {
		if pc.AbstractSyntax == sopClassUID {
			answers = append(answers, pc.Result)
		}
	}
	return answers
}
