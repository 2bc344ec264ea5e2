package dicomout

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"jcsnode/dicomout/deliver"
	"jcsnode/dicomout/object"
	"jcsnode/dicomout/sr"
	"jcsnode/ledger"
	"jcsnode/store"
)

// items are what is to be sent of the deliveries of a visit that has begun.
func (c *DeliveryWorker) items(ctx context.Context, v *visit, revisionID int64, ids []int64) (items []deliver.Item, err error) {
	for _, id := range ids {
		d := v.byID[id]
		item, err := c.item(ctx, revisionID, d, ledger.Mark{At: d.BegunAt, Heir: v.heirs[id]})
		if errors.Is(err, errNothingToReject) {
			v.left = append(v.left, withdrawn(d, err.Error()))
			continue
		}
		if err != nil {
			return nil, err
		}
		items = append(items, c.fenced(item))
	}
	return items, nil
}

// item says where the object of a delivery is read from, and its other form.
func (c *DeliveryWorker) item(ctx context.Context, revisionID int64, d ledger.Delivery, mark ledger.Mark) (deliver.Item, error) {
	waits := func() error { return c.waits(ctx, d.ID, mark) }
	item := c.read(ctx, d.ID, d.Object, waits)
	if d.Object.Kind == object.Rejection.Name {
		return c.rejection(ctx, revisionID, d.Destination, item, waits)
	}
	name := otherForm(d.Object.Kind)
	if name == "" {
		return item, nil
	}
	made, err := c.Ledger.Objects(ctx, revisionID)
	if err != nil {
		return item, err
	}
	for _, o := range made {
		if o.Kind == name {
			other := c.read(ctx, d.ID, o, waits)
			item.Alternative = &other
		}
	}
	return item, nil
}

// errNothingToReject is why a rejection does not go out.
var errNothingToReject = errors.New("the destination has nothing of what the rejection lists")

// rejection makes the rejection true for the destination. What that has of earlier revisions changes no more: deliveries to one
// destination follow each other, those of replaced revisions were withdrawn, and those that had begun were waited for.
func (c *DeliveryWorker) rejection(
	ctx context.Context, revisionID int64, destination string, item deliver.Item, waits func() error,
) (deliver.Item, error) {
	sent, err := c.Ledger.SentBefore(ctx, revisionID, destination)
	if err != nil {
		return item, err
	}
	whole, err := item.Read()
	if err != nil {
		return item, nil // the attempt will say so
	}
	file, uid, err := sr.RejectOnly(whole, func(uid string) bool { return holds(sent, uid) })
	switch {
	case err != nil:
		item.Read = func() ([]byte, error) { return nil, err }
	case file == nil:
		return item, errNothingToReject
	default:
		item.SOPInstanceUID, item.Read = uid, func() ([]byte, error) { return file, waits() }
	}
	return item, nil
}

// holds tells whether a destination that was sent these objects has the instance and was not told yet to reject it: a rejection of
// revision n is about everything before n.
func holds(sent []ledger.Delivery, uid string) bool {
	rejected := 0
	for _, d := range sent {
		if d.Object.Kind == object.Rejection.Name {
			rejected = max(rejected, d.Revision)
		}
	}
	return slices.ContainsFunc(sent, func(d ledger.Delivery) bool { return d.SentUID == uid && d.Revision >= rejected })
}

// errReplaced is why an object that waited when the association began does not go out. The ledger knows already.
var errReplaced = errors.New("a newer revision replaced it meanwhile, or another node has it in hand")

// waits asks, right before an object goes out, whether it may.
func (c *DeliveryWorker) waits(ctx context.Context, id int64, mark ledger.Mark) error {
	waits, err := c.Ledger.Waits(ctx, id, mark)
	if err == nil && !waits {
		err = errReplaced
	}
	return err
}

func (c *DeliveryWorker) read(ctx context.Context, id int64, o ledger.Object, waits func() error) deliver.Item {
	return deliver.Item{ID: id, SOPClassUID: o.SOPClassUID, SOPInstanceUID: o.SOPInstanceUID, TransferSyntaxUID: o.TransferSyntaxUID,
		Read: func() ([]byte, error) {
			if err := waits(); err != nil {
				return nil, err
			}
			return c.readWhole(ctx, o)
		}}
}

// readWhole reads an object and makes sure that it is the one that the ledger knows.
func (c *DeliveryWorker) readWhole(ctx context.Context, o ledger.Object) ([]byte, error) {
	file, err := store.Get(ctx, c.Store, o.Path)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(file); hex.EncodeToString(sum[:]) != o.SHA256 {
		return nil, fmt.Errorf("%w: the SHA-256 of %s differs from the ledger's", deliver.ErrAltered, o.Path)
	}
	return file, nil
}
