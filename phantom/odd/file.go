package odd

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// tag is group and number of an element.
type tag uint32

const (
	transferSyntax    tag = 0x00020010
	imageType         tag = 0x00080008
	sopClass          tag = 0x00080016
	sopInstance       tag = 0x00080018
	modality          tag = 0x00080060
	patientName       tag = 0x00100010
	patientID         tag = 0x00100020
	kernel            tag = 0x00181210
	studyInstance     tag = 0x0020000D
	seriesInstance    tag = 0x0020000E
	seriesNumber      tag = 0x00200011
	acquisitionNumber tag = 0x00200012
	instanceNumber    tag = 0x00200013
	position          tag = 0x00200032
	orientation       tag = 0x00200037
	frameOfReference  tag = 0x00200052
	sliceLocation     tag = 0x00201041
	columns           tag = 0x00280011
	pixelSpacing      tag = 0x00280030
	bitsStored        tag = 0x00280101
	highBit           tag = 0x00280102
	signed            tag = 0x00280103
	paddingValue      tag = 0x00280120
	rescaleIntercept  tag = 0x00281052
	rescaleSlope      tag = 0x00281053
	pixels            tag = 0x7FE00010
)

// element is one with its value as it is written, of even length.
type element struct {
	vr        string
	value     []byte
	undefined bool // the value brings its own end
}

// file is a DICOM file without sequences.
type file map[tag]element

// long tells whether the length of a VR has 32 bits.
func long(vr string) bool { return vr == "OB" || vr == "OW" || vr == "UN" || vr == "UT" || vr == "SQ" }

// parse reads a file as phantom writes it.
func parse(b []byte) (file, error) {
	f := file{}
	for at := 132; at < len(b); {
		t := tag(binary.LittleEndian.Uint16(b[at:]))<<16 | tag(binary.LittleEndian.Uint16(b[at+2:]))
		vr := string(b[at+4 : at+6])
		length, head := int(binary.LittleEndian.Uint16(b[at+6:])), 8
		if long(vr) {
			length, head = int(binary.LittleEndian.Uint32(b[at+8:])), 12
		}
		if at += head; at+length > len(b) {
			return nil, fmt.Errorf("element %08X ends behind the file", t)
		}
		f[t] = element{vr: vr, value: b[at : at+length]}
		at += length
	}
	return f, nil
}

// bytes are the file as it is written; the meta information names class and instance of the data set.
func (f file) bytes() []byte {
	f.text(0x00020002, "UI", f.string(sopClass))
	f.text(0x00020003, "UI", f.string(sopInstance))
	delete(f, 0x00020000)
	var meta, set bytes.Buffer
	for _, t := range f.tags() {
		out := &set
		if t>>16 == 2 {
			out = &meta
		}
		f[t].write(out, t)
	}
	length := element{vr: "UL", value: binary.LittleEndian.AppendUint32(nil, uint32(meta.Len()))}
	all := bytes.NewBuffer(append(make([]byte, 128), "DICM"...))
	length.write(all, 0x00020000)
	all.Write(meta.Bytes())
	all.Write(set.Bytes())
	return all.Bytes()
}

func (f file) tags() []tag {
	var all []tag
	for t := range f {
		all = append(all, t)
	}
	slices.Sort(all)
	return all
}

func (e element) write(out *bytes.Buffer, t tag) {
	head := binary.LittleEndian.AppendUint16(nil, uint16(t>>16))
	head = append(binary.LittleEndian.AppendUint16(head, uint16(t)), e.vr...)
	switch {
	case e.undefined:
		head = append(head, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF)
	case long(e.vr):
		head = binary.LittleEndian.AppendUint32(append(head, 0, 0), uint32(len(e.value)))
	default:
		head = binary.LittleEndian.AppendUint16(head, uint16(len(e.value)))
	}
	out.Write(head)
	out.Write(e.value)
}

// text sets an element to values of characters.
func (f file) text(t tag, vr string, values ...string) {
	value := strings.Join(values, `\`)
	if len(value)%2 == 1 {
		value += map[bool]string{true: "\x00", false: " "}[vr == "UI"]
	}
	f[t] = element{vr: vr, value: []byte(value)}
}

// number sets an element to a 16-bit number.
func (f file) number(t tag, v uint16) {
	f[t] = element{vr: "US", value: binary.LittleEndian.AppendUint16(nil, v)}
}

// string is the value of an element of characters.
func (f file) string(t tag) string { return strings.TrimRight(string(f[t].value), " \x00") }

// without removes elements.
func (f file) without(tags ...tag) {
	for _, t := range tags {
		delete(f, t)
	}
}

// stored are the pixels as words, and setStored puts others in their place.
func (f file) stored() []uint16 {
	words := make([]uint16, len(f[pixels].value)/2)
	for i := range words {
		words[i] = binary.LittleEndian.Uint16(f[pixels].value[2*i:])
	}
	return words
}

func (f file) setStored(words []uint16) {
	value := make([]byte, 2*len(words))
	for i, w := range words {
		binary.LittleEndian.PutUint16(value[2*i:], w)
	}
	f[pixels] = element{vr: "OW", value: value}
}

// encapsulate makes the pixels fragments of a compressed transfer syntax, behind an empty offset table.
func (f file) encapsulate(syntax string, fragments ...[]byte) {
	f.text(transferSyntax, "UI", syntax)
	var value []byte
	for _, fragment := range append([][]byte{nil}, fragments...) {
		value = append(value, 0xFE, 0xFF, 0x00, 0xE0)
		value = append(binary.LittleEndian.AppendUint32(value, uint32(len(fragment))), fragment...)
	}
	f[pixels] = element{vr: "OB", value: append(value, 0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0), undefined: true}
}
