package models

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// part encodes one length-delimited field.
func part(number protowire.Number, content ...[]byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), bytes.Join(content, nil))
}

// valueInfo encodes a ValueInfoProto whose tensor has this shape.
func valueInfo(name string, shape ...[]byte) []byte {
	element := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1)
	return bytes.Join([][]byte{part(valueName, []byte(name)), part(valueType, part(typeTensor, element, part(tensorShape, shape...)))}, nil)
}

func TestWithInputShape(t *testing.T) {
	named := func(name string) []byte { return part(shapeDimension, part(2, []byte(name))) }
	number := func(d byte) []byte { return part(shapeDimension, []byte{dimensionNumber << 3, d}) }
	version := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 10)
	model := func(inputs ...[]byte) []byte {
		graph := part(1, []byte("node"))
		for _, input := range inputs {
			graph = append(graph, part(graphInput, input)...)
		}
		return bytes.Join([][]byte{version, part(modelGraph, graph, part(12, []byte("output"))), part(8, []byte("opset"))}, nil)
	}
	free := valueInfo("hu", named("N"), number(1), named("H"))
	fixed := valueInfo("hu", number(1), number(1), number(5))
	other := valueInfo("other", named("H"))
	for _, c := range []struct {
		name     string
		in, want []byte // want nil: an error
		err      string
	}{
		{"the named input alone", model(other, free), model(other, fixed), ""},
		{"no such input", model(other), nil, "no input hu"},
		{"no shape", model(part(valueName, []byte("hu"))), nil, "no input hu"},
		{"no graph", version, nil, "no input hu"},
		{"nothing", nil, nil, "no input hu"},
		{"cut short", model(free)[:40], nil, "read model"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := withInputShape(c.in, "hu", 1, 1, 5)
			if c.want == nil {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("error %v, want %s", err, c.err)
				}
				return
			}
			if err != nil || !bytes.Equal(got, c.want) {
				t.Errorf("%v; got\n%x, want\n%x", err, got, c.want)
			}
		})
	}
}

func FuzzWithInputShape(f *testing.F) {
	files, err := filepath.Glob("testdata/*.onnx")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, model []byte) {
		once, err := withInputShape(model, inputHU, 1, 1, 512, 512)
		if err != nil {
			return
		}
		twice, err := withInputShape(once, inputHU, 1, 1, 512, 512)
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("set again: %v, %d bytes, were %d", err, len(twice), len(once))
		}
	})
}
