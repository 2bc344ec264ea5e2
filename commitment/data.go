package commitment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"jcsnode/dataset"
	"jcsnode/dimse"
)

const (
	// PushModel is the SOP class.
	PushModel = "1.2.840.10008.1.20.1"
	// PushModelInstance is its well-known instance.
	PushModelInstance = "1.2.840.10008.1.20.1.1"
)

// Numbers of PS3.4 J.3.2 and J.3.3.
const (
	ActionRequest     uint16 = 1
	EventAllCommitted uint16 = 1
	EventSomeFailed   uint16 = 2
)

// Elements of storage commitment (PS3.3 C.14).
const (
	tagTransactionUID  dataset.Tag = 0x00081195
	tagFailureReason   dataset.Tag = 0x00081197
	tagFailedSequence  dataset.Tag = 0x00081198
	tagReferencedItems dataset.Tag = 0x00081199
)

const (
	// maxLength bounds the data set of one request or report, in bytes: some 100,000 instances.
	maxLength = 16 << 20
	// maxReferences bounds the instances of one request or report.
	maxReferences = 100_000
	// maxUIDLength takes UIDs that are longer than the 64 characters of PS3.5 9.1, since there are instances with them.
	maxUIDLength = 256
)

// ErrTooLong says that a request or report names more than one may.
var ErrTooLong = fmt.Errorf("more than %d bytes or %d instances", maxLength, maxReferences)

// Syntaxes are the transfer syntaxes of requests and reports, the preferred one first.
func Syntaxes() []string {
	return []string{dataset.ExplicitVRLittleEndian, dataset.ImplicitVRLittleEndian}
}

// Reference names an instance.
type Reference struct{ SOPClassUID, SOPInstanceUID string }

// Failure is an instance that is not committed, and why (PS3.3 C.14.1.1).
type Failure struct {
	Reference
	Reason dimse.Status
}

// OfRequest says that the request was at fault, not the instance: its transaction UID was used before.
func (f Failure) OfRequest() bool { return f.Reason == dimse.StatusDuplicateTransaction }

// Request is the action information of an N-ACTION (PS3.4 table J.3-1).
type Request struct {
	TransactionUID string
	References     []Reference
}

// Result is the event information of an N-EVENT-REPORT (PS3.4 table J.3-2).
type Result struct {
	TransactionUID string
	Committed      []Reference
	Failed         []Failure
}

// EventType is that of the report.
func (r Result) EventType() uint16 {
	if len(r.Failed) > 0 {
		return EventSomeFailed
	}
	return EventAllCommitted
}

// DecodeRequest reads a request. One without instances is none.
func DecodeRequest(body io.Reader, transferSyntaxUID string) (Request, error) {
	set, transaction, err := decode(body, transferSyntaxUID)
	if err != nil {
		return Request{}, err
	}
	references, err := references(set)
	if err == nil && len(references) == 0 {
		err = errors.New("the Referenced SOP Sequence is missing or empty")
	}
	return Request{transaction, references}, err
}

// DecodeResult reads a report.
func DecodeResult(body io.Reader, transferSyntaxUID string) (Result, error) {
	set, transaction, err := decode(body, transferSyntaxUID)
	if err != nil {
		return Result{}, err
	}
	r := Result{TransactionUID: transaction}
	if r.Committed, err = references(set); err != nil {
		return r, err
	}
	items := set.Items(tagFailedSequence)
	if len(items) > maxReferences {
		return r, ErrTooLong
	}
	for _, item := range items {
		f := Failure{Reference{item.String(dataset.ReferencedSOPClassUID), item.String(dataset.ReferencedSOPInstanceUID)},
			dimse.StatusProcessingFailure}
		if !plausible(f.SOPInstanceUID) {
			return r, errors.New("the Failed SOP Sequence has an item without an instance")
		}
		if reason, ok := item.Bytes(tagFailureReason); ok && len(reason) == 2 {
			f.Reason = dimse.Status(binary.LittleEndian.Uint16(reason))
		}
		r.Failed = append(r.Failed, f)
	}
	if len(r.Committed)+len(r.Failed) == 0 {
		return r, errors.New("the report names no instance")
	}
	return r, nil
}

// decode reads what requests and reports share.
func decode(body io.Reader, transferSyntaxUID string) (set *dataset.Set, transactionUID string, err error) {
	// dataset reads files: what came becomes one in memory.
	var file bytes.Buffer
	if err := dataset.WriteMeta(&file, dataset.Meta{SOPClassUID: PushModel, SOPInstanceUID: PushModelInstance,
		TransferSyntaxUID: transferSyntaxUID}); err != nil {
		return nil, "", err
	}
	n, err := io.Copy(&file, io.LimitReader(body, maxLength+1))
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("receive the data set: %w", err)
	case n > maxLength:
		return nil, "", ErrTooLong
	case n == 0:
		return nil, "", errors.New("there is no data set")
	}
	f, err := dataset.Read(bytes.NewReader(file.Bytes()), int64(file.Len()), dataset.Limits{})
	if err != nil {
		return nil, "", fmt.Errorf("decode the data set: %w", err)
	}
	transactionUID = f.Set().String(tagTransactionUID)
	if !plausible(transactionUID) {
		return nil, "", errors.New("the Transaction UID is missing or no UID")
	}
	return f.Set(), transactionUID, nil
}

// references reads the Referenced SOP Sequence.
func references(set *dataset.Set) ([]Reference, error) {
	items := set.Items(tagReferencedItems)
	if len(items) > maxReferences {
		return nil, ErrTooLong
	}
	var all []Reference
	for _, item := range items {
		r := Reference{item.String(dataset.ReferencedSOPClassUID), item.String(dataset.ReferencedSOPInstanceUID)}
		if !plausible(r.SOPClassUID) || !plausible(r.SOPInstanceUID) {
			return nil, errors.New("the Referenced SOP Sequence has an item without class or instance")
		}
		all = append(all, r)
	}
	return all, nil
}

// plausible takes whatever an instance may be called in the field.
func plausible(uid string) bool {
	if uid == "" || len(uid) > maxUIDLength {
		return false
	}
	for _, c := range []byte(uid) {
		if c < 0x20 || c > 0x7e {
			return false
		}
	}
	return true
}

// Encode builds the data set of a request in a little endian syntax.
func (r Request) Encode(transferSyntaxUID string) []byte {
	w := elementWriter{explicit: transferSyntaxUID != dataset.ImplicitVRLittleEndian}
	return w.references(w.text(nil, tagTransactionUID, r.TransactionUID), r.References)
}

// Encode builds the data set of a report in a little endian syntax.
func (r Result) Encode(transferSyntaxUID string) []byte {
	w := elementWriter{explicit: transferSyntaxUID != dataset.ImplicitVRLittleEndian}
	b := w.text(nil, tagTransactionUID, r.TransactionUID)
	if len(r.Failed) > 0 {
		var items []byte
		for _, f := range r.Failed {
			items = w.item(items, w.number(w.reference(f.Reference), tagFailureReason, uint16(f.Reason)))
		}
		b = w.sequence(b, tagFailedSequence, items)
	}
	return w.references(b, r.Committed)
}

// elementWriter appends elements of defined length, little endian.
type elementWriter struct{ explicit bool }

// references appends the Referenced SOP Sequence, if there is anything in it.
func (w elementWriter) references(b []byte, all []Reference) []byte {
	if len(all) == 0 {
		return b
	}
	var items []byte
	for _, r := range all {
		items = w.item(items, w.reference(r))
	}
	return w.sequence(b, tagReferencedItems, items)
}

func (w elementWriter) reference(r Reference) []byte {
	return w.text(w.text(nil, dataset.ReferencedSOPClassUID, r.SOPClassUID), dataset.ReferencedSOPInstanceUID, r.SOPInstanceUID)
}

func (w elementWriter) tag(b []byte, t dataset.Tag) []byte {
	b = binary.LittleEndian.AppendUint16(b, uint16(t>>16))
	return binary.LittleEndian.AppendUint16(b, uint16(t))
}

func (w elementWriter) short(b []byte, t dataset.Tag, vr string, value []byte) []byte {
	b = w.tag(b, t)
	if w.explicit {
		b = append(b, vr...)
		b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(value)))
	}
	return append(b, value...)
}

func (w elementWriter) text(b []byte, t dataset.Tag, uid string) []byte {
	value := []byte(uid)
	if len(value)%2 == 1 {
		value = append(value, 0)
	}
	return w.short(b, t, "UI", value)
}

func (w elementWriter) number(b []byte, t dataset.Tag, value uint16) []byte {
	return w.short(b, t, "US", binary.LittleEndian.AppendUint16(nil, value))
}

func (w elementWriter) sequence(b []byte, t dataset.Tag, items []byte) []byte {
	b = w.tag(b, t)
	if w.explicit {
		b = append(b, 'S', 'Q', 0, 0)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(items)))
	return append(b, items...)
}

func (w elementWriter) item(b, content []byte) []byte {
	b = w.tag(b, dataset.Item)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(content)))
	return append(b, content...)
}
