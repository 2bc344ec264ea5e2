package dataset

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// Meta is what the file meta information of a stored instance says (PS3.10 table
// 7.1-1). Values are written as they are; an empty optional one is left out.
type Meta struct {
	SOPClassUID, SOPInstanceUID, TransferSyntaxUID    string
	ImplementationClassUID, ImplementationVersionName string
	SourceAETitle                                     string // (0002,0016), optional
}

// WriteMeta writes preamble, DICM and file meta information: the beginning of a Part 10
// file, to which the data set in m.TransferSyntaxUID is then appended. The bytes depend
// on m alone.
func WriteMeta(w io.Writer, m Meta) error {
	var group bytes.Buffer
	group.Write([]byte("\x02\x00\x01\x00OB\x00\x00\x02\x00\x00\x00\x00\x01"))
	for _, e := range []struct {
		tag      Tag
		vr       string
		value    string
		pad      byte
		required bool
	}{
		{MediaStorageSOPClassUID, "UI", m.SOPClassUID, 0, true},
		{MediaStorageSOPInstanceUID, "UI", m.SOPInstanceUID, 0, true},
		{TransferSyntaxUID, "UI", m.TransferSyntaxUID, 0, true},
		{ImplementationClassUID, "UI", m.ImplementationClassUID, 0, true},
		{ImplementationVersionName, "SH", m.ImplementationVersionName, ' ', false},
		{SourceApplicationEntityTitle, "AE", m.SourceAETitle, ' ', false},
	} {
		if e.value == "" && !e.required {
			continue
		}
		if err := writeShort(&group, e.tag, e.vr, e.value, e.pad); err != nil {
			return err
		}
	}
	out := make([]byte, 128, 128+16+group.Len())
	out = append(out, "DICM\x02\x00\x00\x00UL\x04\x00"...)
	out = binary.LittleEndian.AppendUint32(out, uint32(group.Len()))
	out = append(out, group.Bytes()...)
	if _, err := w.Write(out); err != nil {
		return fmt.Errorf("write file meta information: %w", err)
	}
	return nil
}

// writeShort writes a text element with a 16-bit length, padded to an even one.
func writeShort(w *bytes.Buffer, t Tag, vr, value string, pad byte) error {
	if len(value) > 0xFFFE {
		return fmt.Errorf("write file meta information: %v has %d bytes, 65534 fit", t, len(value))
	}
	b := binary.LittleEndian.AppendUint16(nil, t.Group())
	b = binary.LittleEndian.AppendUint16(b, t.Element())
	b = append(b, vr...)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(value)+len(value)&1))
	b = append(b, value...)
	if len(value)&1 == 1 {
		b = append(b, pad)
	}
	w.Write(b)
	return nil
}
