package dicomout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"jcsnode/dataset"
	"jcsnode/dicomout/deliver"
	"jcsnode/dicomout/object"
	"jcsnode/dicomout/seg"
	"jcsnode/ledger"
)

// Courier works on the delivery jobs of the ledger. All fields must be set.
type Courier struct {
	Ledger       *ledger.Ledger
	DataDir      string
	Destinations []deliver.Destination
	Now          func() time.Time
	Logger       *slog.Logger
}

// Deliver sends what a revision still owes to a destination, over one association, and leaves an outcome for every object in
// the ledger. What must be tried again comes back as *ledger.RetryAfter. It is safe to run twice: an object that was sent before
// a crash could be noted goes again under the same UID.
func (c *Courier) Deliver(ctx context.Context, revisionID int64, name string) error {
	waiting, err := c.Ledger.Pending(ctx, revisionID, name)
	if err != nil {
		return err
	}
	now := c.Now()
	byID := map[int64]ledger.Delivery{}
	var items []deliver.Item
	for _, d := range waiting {
		if d.NextAt.After(now) {
			continue
		}
		byID[d.ID] = d
		items = append(items, c.item(d))
	}
	if len(items) == 0 {
		return nil // the ledger runs the job again when the next delivery is due
	}
	destination, ok := c.destination(name)
	if !ok {
		return c.unknown(ctx, waiting, name)
	}
	log := c.Logger.With("destination", name, "address", destination.Address, "called", destination.AETitle)
	sent := 0
	var failures []error
	sendErr := deliver.Send(ctx, destination, items, func(o deliver.Outcome) {
		if o.Result == deliver.Sent || o.Result == deliver.SentWithWarning {
			sent++
		}
		failures = append(failures, c.record(ctx, log, byID[o.Item.ID], o))
	})
	log.Info("objects delivered", "sent", sent, "of", len(items))
	if sendErr != nil && ctx.Err() == nil {
		log.Warn("association with the destination failed", "error", sendErr, "remedy", deliver.ClassifyError(sendErr).Remedy)
	}
	return errors.Join(failures...)
}

// item says where the object of a delivery is read from. A label map has a BINARY form for destinations that do not know its class;
// it is made when it is needed.
func (c *Courier) item(d ledger.Delivery) deliver.Item {
	path := filepath.Join(c.DataDir, d.Object.Path)
	item := deliver.Item{ID: d.ID, SOPClassUID: d.Object.SOPClassUID, SOPInstanceUID: d.Object.SOPInstanceUID,
		TransferSyntaxUID: d.Object.TransferSyntaxUID, Read: func() ([]byte, error) { return os.ReadFile(path) }}
	if d.Object.Kind != object.LabelMap.Name {
		return item
	}
	item.Alternative = &deliver.Item{SOPClassUID: object.SegmentationStorage, SOPInstanceUID: seg.BinaryUID(d.Object.SOPInstanceUID),
		TransferSyntaxUID: dataset.ExplicitVRLittleEndian, Read: func() ([]byte, error) {
			labelMap, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			return seg.Binary(labelMap)
		}}
	return item
}

func (c *Courier) destination(name string) (deliver.Destination, bool) {
	for _, d := range c.Destinations {
		if d.Name == name {
			return d, true
		}
	}
	return deliver.Destination{}, false
}

// unknown ends deliveries to a destination that was taken out of the configuration.
func (c *Courier) unknown(ctx context.Context, waiting []ledger.Delivery, name string) error {
	c.Logger.Warn("destination is not in the configuration any more; its deliveries end", "destination", name, "objects", len(waiting))
	for _, d := range waiting {
		o := ledger.DeliveryOutcome{State: ledger.DeliveryFailed, Detail: "destination " + name + " is not in the configuration"}
		if err := c.Ledger.RecordDelivery(ctx, d.ID, o); err != nil {
			return err
		}
	}
	return nil
}

// record writes one outcome, even when the context ended while the answer was on its way: an answer must not be lost.
func (c *Courier) record(ctx context.Context, log *slog.Logger, d ledger.Delivery, o deliver.Outcome) error {
	ctx = context.WithoutCancel(ctx)
	out := ledger.DeliveryOutcome{Detail: o.Text, Attempted: o.Attempted}
	if o.Answered {
		out.Status = fmt.Sprintf("%04XH", uint16(o.Status))
	}
	switch o.Result {
	case deliver.Sent, deliver.SentWithWarning:
		out.State = ledger.DeliverySent
		if o.Result == deliver.SentWithWarning {
			log.Warn("object stored with a warning", "object", d.Object.SOPInstanceUID, "answer", o.Text)
		}
	default:
		// Only failures of one kind count together: after a weekend of refused connections the first answer is a first answer.
		now := c.Now()
		troubles, since := d.Row(string(o.Retry), now)
		delay, again := o.Retry.Policy().Next(troubles, now.Sub(since), rand.Float64)
		out.State, out.NextAt, out.Trouble = ledger.DeliveryWaiting, now.Add(delay), string(o.Retry)
		if o.Remedy != "" {
			out.Detail += "; " + o.Remedy
		}
		if !again {
			out.State, out.NextAt = ledger.DeliveryFailed, time.Time{}
			log.Error("object cannot be delivered", "object", d.Object.SOPInstanceUID, "kind", d.Object.Kind, "why", o.Text, "remedy", o.Remedy)
		}
	}
	return c.Ledger.RecordDelivery(ctx, d.ID, out)
}
