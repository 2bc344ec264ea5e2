package vgg

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
)

// The reference is written as ONNX bytes by hand, since the few fields that it needs are fewer lines than a library for
// Protocol Buffers, and its weights are too large to be kept in the repository. Field numbers are those of onnx.proto3.

// message is an encoded Protocol Buffers message.
type message []byte

func (m *message) varint(field int, v uint64) {
	*m = binary.AppendUvarint(*m, uint64(field)<<3)
	*m = binary.AppendUvarint(*m, v)
}

func (m *message) bytes(field int, v []byte) {
	*m = binary.AppendUvarint(*m, uint64(field)<<3|2)
	*m = binary.AppendUvarint(*m, uint64(len(v)))
	*m = append(*m, v...)
}

func (m *message) text(field int, v string) { m.bytes(field, []byte(v)) }

// node encodes a NodeProto with one output and attributes that are lists of integers.
func node(op string, inputs []string, output string, attributes map[string][]int) message {
	var m message
	for _, in := range inputs {
		m.text(1, in)
	}
	m.text(2, output)
	m.text(4, op)
	for name, values := range attributes {
		var a message
		a.text(1, name)
		for _, v := range values {
			a.varint(8, uint64(v))
		}
		a.varint(20, 7) // INTS
		m.bytes(5, a)
	}
	return m
}

// tensor encodes a TensorProto of float32.
func tensor(name string, shape []int, values []float32) message {
	var m message
	for _, d := range shape {
		m.varint(1, uint64(d))
	}
	m.varint(2, 1) // FLOAT
	m.text(8, name)
	raw := make([]byte, 0, 4*len(values))
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	m.bytes(9, raw)
	return m
}

// valueInfo encodes a ValueInfoProto of float32.
func valueInfo(name string, shape ...int) message {
	var dims, typ, tensorType, m message
	for _, d := range shape {
		var dim message
		dim.varint(1, uint64(d))
		dims.bytes(1, dim)
	}
	tensorType.varint(1, 1) // FLOAT
	tensorType.bytes(2, dims)
	typ.bytes(1, tensorType)
	m.text(1, name)
	m.bytes(2, typ)
	return m
}

// randoms gives n normal values with the standard deviation that keeps activations behind a ReLU at one size (He).
func randoms(r *rand.Rand, n, fanIn int) []float32 {
	deviation := math.Sqrt(2 / float64(fanIn))
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(r.NormFloat64() * deviation)
	}
	return values
}
