package scp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"jcsnode/dataset"
	"jcsnode/dimse"
	"jcsnode/ledger"
)

// Elements of storage commitment (PS3.3 C.14).
const (
	tagTransactionUID  dataset.Tag = 0x00081195
	tagFailureReason   dataset.Tag = 0x00081197
	tagFailedSequence  dataset.Tag = 0x00081198
	tagReferencedItems dataset.Tag = 0x00081199
)

const (
	// maxCommitmentLength bounds the action information of one request, in bytes: some 100,000 instances.
	maxCommitmentLength = 16 << 20
	// maxReferences bounds the instances of one request.
	maxReferences = 100_000
)

// errTooLong says that a request asks for more than one request may.
var errTooLong = fmt.Errorf("request has more than %d bytes or %d instances", maxCommitmentLength, maxReferences)

// decodeCommitment reads the action information of a request (PS3.4 table J.3-1).
func decodeCommitment(body io.Reader, transferSyntaxUID string) (transactionUID string, references []ledger.Reference, err error) {
	// dataset reads files: what came becomes one in memory.
	var file bytes.Buffer
	if err := dataset.WriteMeta(&file, dataset.Meta{SOPClassUID: StorageCommitmentPushModel, SOPInstanceUID: storageCommitmentInstance,
		TransferSyntaxUID: transferSyntaxUID}); err != nil {
		return "", nil, err
	}
	n, err := io.Copy(&file, io.LimitReader(body, maxCommitmentLength+1))
	switch {
	case err != nil:
		return "", nil, fmt.Errorf("receive action information: %w", err)
	case n > maxCommitmentLength:
		return "", nil, errTooLong
	case n == 0:
		return "", nil, errors.New("request has no action information")
	}
	f, err := dataset.Read(bytes.NewReader(file.Bytes()), int64(file.Len()), dataset.Limits{})
	if err != nil {
		return "", nil, fmt.Errorf("decode action information: %w", err)
	}
	transactionUID = f.Set().String(tagTransactionUID)
	items := f.Set().Items(tagReferencedItems)
	switch {
	case !validReference(transactionUID):
		return "", nil, errors.New("the Transaction UID is missing or no UID")
	case len(items) == 0:
		return "", nil, errors.New("the Referenced SOP Sequence is missing or empty")
	case len(items) > maxReferences:
		return "", nil, errTooLong
	}
	for _, item := range items {
		r := ledger.Reference{SOPClassUID: item.String(dataset.ReferencedSOPClassUID), SOPInstanceUID: item.String(dataset.ReferencedSOPInstanceUID)}
		if !validReference(r.SOPClassUID) || !validReference(r.SOPInstanceUID) {
			return "", nil, errors.New("the Referenced SOP Sequence has an item without class or instance")
		}
		references = append(references, r)
	}
	return transactionUID, references, nil
}

// validReference takes whatever an instance in the inbox may be called.
func validReference(uid string) bool { return uid != "" && len(uid) <= maxUIDLength && printable(uid) }

// failedReference is an instance that is not committed, and why (PS3.3 C.14.1.1).
type failedReference struct {
	ledger.Reference
	reason dimse.Status
}

// encodeCommitment builds the event information of a report (PS3.4 table J.3-2) in a little endian syntax.
func encodeCommitment(transferSyntaxUID, transactionUID string, good []ledger.Reference, failed []failedReference) []byte {
	w := elementWriter{explicit: transferSyntaxUID != dataset.ImplicitVRLittleEndian}
	b := w.text(nil, tagTransactionUID, transactionUID)
	if len(failed) > 0 {
		var items []byte
		for _, f := range failed {
			items = w.item(items, w.number(w.reference(f.Reference), tagFailureReason, uint16(f.reason)))
		}
		b = w.sequence(b, tagFailedSequence, items)
	}
	if len(good) > 0 {
		var items []byte
		for _, r := range good {
			items = w.item(items, w.reference(r))
		}
		b = w.sequence(b, tagReferencedItems, items)
	}
	return b
}

// elementWriter appends elements of defined length, little endian.
type elementWriter struct{ explicit bool }

func (w elementWriter) reference(r ledger.Reference) []byte {
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
