package models

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of onnx.proto3 on the way from a model to the shape of an input.
const (
	modelGraph      = 7
	graphInput      = 11
	valueName       = 1
	valueType       = 2
	typeTensor      = 1
	tensorShape     = 2
	shapeDimension  = 1
	dimensionNumber = 1
)

// withInputShape gives a model (ModelProto) whose input of that name has fixed dimensions. Everything else stays as it is,
// byte for byte.
func withInputShape(model []byte, name string, dimensions ...int64) ([]byte, error) {
	var shape []byte
	for _, d := range dimensions {
		var dimension []byte
		dimension = protowire.AppendTag(dimension, dimensionNumber, protowire.VarintType)
		dimension = protowire.AppendVarint(dimension, uint64(d))
		shape = protowire.AppendTag(shape, shapeDimension, protowire.BytesType)
		shape = protowire.AppendBytes(shape, dimension)
	}
	found := false
	fixed, err := replace(model, modelGraph, func(graph []byte) ([]byte, error) {
		return replace(graph, graphInput, func(input []byte) ([]byte, error) {
			if text, err := field(input, valueName); err != nil || string(text) != name {
				return input, err
			}
			return replace(input, valueType, func(kind []byte) ([]byte, error) {
				return replace(kind, typeTensor, func(tensor []byte) ([]byte, error) {
					return replace(tensor, tensorShape, func([]byte) ([]byte, error) {
						found = true
						return shape, nil
					})
				})
			})
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read model: %w", err)
	}
	if !found {
		return nil, fmt.Errorf("model has no input %s with a shape", name)
	}
	return fixed, nil
}

// replace copies a message and exchanges the content of every length-delimited field of that number.
func replace(message []byte, number protowire.Number, with func([]byte) ([]byte, error)) ([]byte, error) {
	out := make([]byte, 0, len(message)+64)
	err := fields(message, func(n protowire.Number, whole, content []byte) error {
		if n != number || content == nil {
			out = append(out, whole...)
			return nil
		}
		content, err := with(content)
		out = protowire.AppendTag(out, number, protowire.BytesType)
		out = protowire.AppendBytes(out, content)
		return err
	})
	return out, err
}

// field gives the content of the last length-delimited field of that number, which is the one that counts; nil if there is none.
func field(message []byte, number protowire.Number) (found []byte, err error) {
	err = fields(message, func(n protowire.Number, _, content []byte) error {
		if n == number && content != nil {
			found = content
		}
		return nil
	})
	return found, err
}

// fields gives each field of a message to see: all of it, and its content if it is length-delimited (else nil).
func fields(message []byte, see func(number protowire.Number, whole, content []byte) error) error {
	for len(message) > 0 {
		number, kind, tag := protowire.ConsumeTag(message)
		if tag < 0 {
			return protowire.ParseError(tag)
		}
		value := protowire.ConsumeFieldValue(number, kind, message[tag:])
		if value < 0 {
			return protowire.ParseError(value)
		}
		var content []byte
		if kind == protowire.BytesType {
			content, _ = protowire.ConsumeBytes(message[tag:])
		}
		if err := see(number, message[:tag+value], content); err != nil {
			return err
		}
		message = message[tag+value:]
	}
	return nil
}
