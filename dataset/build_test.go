package dataset_test

import (
	"encoding/binary"

	"jcsnode/dataset"
)

// node is one element of a data set that a test builds.
type node struct {
	tag   dataset.Tag
	vr    string
	value []byte
	items [][]node // of a sequence
	open  bool     // sequence and items of undefined length
}

// encode writes nodes as ts says.
func encode(nodes []node, ts dataset.TransferSyntax) []byte {
	order := binary.AppendByteOrder(binary.LittleEndian)
	if ts.BigEndian {
		order = binary.BigEndian
	}
	tag := func(b []byte, t dataset.Tag) []byte {
		return order.AppendUint16(order.AppendUint16(b, t.Group()), t.Element())
	}
	var out []byte
	for _, n := range nodes {
		value, length := n.value, uint32(len(n.value))
		if n.items != nil {
			value = nil
			for _, item := range n.items {
				inner := encode(item, ts)
				value = tag(value, dataset.Item)
				if n.open {
					value = append(order.AppendUint32(value, 0xFFFFFFFF), inner...)
					value = order.AppendUint32(tag(value, dataset.ItemDelimitation), 0)
				} else {
					value = append(order.AppendUint32(value, uint32(len(inner))), inner...)
				}
			}
			length = uint32(len(value))
			if n.open {
				value = order.AppendUint32(tag(value, dataset.SequenceDelimitation), 0)
				length = 0xFFFFFFFF
			}
		}
		out = tag(out, n.tag)
		switch {
		case !ts.Explicit:
			out = order.AppendUint32(out, length)
		case longVR[n.vr]:
			out = order.AppendUint32(append(out, n.vr[0], n.vr[1], 0, 0), length)
		default:
			out = order.AppendUint16(append(out, n.vr[0], n.vr[1]), uint16(length))
		}
		out = append(out, value...)
	}
	return out
}

var longVR = map[string]bool{"OB": true, "OW": true, "OV": true, "SQ": true, "UN": true, "UT": true, "UV": true, "SV": true}

// part10 puts the file meta information in front of a data set.
func part10(ts string, set []byte) []byte {
	var b bufferWriter
	err := dataset.WriteMeta(&b, dataset.Meta{
		SOPClassUID: "1.2.840.10008.5.1.4.1.1.2", SOPInstanceUID: "1.2.3", TransferSyntaxUID: ts,
		ImplementationClassUID: "2.25.1", ImplementationVersionName: "TEST", SourceAETitle: "SCANNER",
	})
	if err != nil {
		panic(err)
	}
	return append(b, set...)
}

type bufferWriter []byte

func (b *bufferWriter) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}
