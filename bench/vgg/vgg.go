// Package vgg is what other networks are measured against: the convolutions of VGG-16 in fp32, on the ONNX Runtime of the node.
package vgg

import (
	"fmt"

	ort "github.com/yalue/onnxruntime_go"

	"jcsnode/models"
)

// Network is the reference, loaded.
type Network struct {
	FLOP    float64 // of one run; a multiply-add is 2
	session *ort.DynamicAdvancedSession
	side    int
}

// Open loads the reference for pictures of side x side, with the options that the node's networks have. ONNX Runtime must have been
// loaded by models.Open.
func Open(side, threads int, cuda bool) (*Network, error) {
	options, err := models.SessionOptions(threads, models.KernelsFast, cuda)
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	model, flop := reference(side)
	s, err := ort.NewDynamicAdvancedSessionWithONNXData(model, []string{"x"}, []string{"y"}, options)
	if err != nil {
		return nil, fmt.Errorf("load reference: %w", err)
	}
	return &Network{FLOP: flop, session: s, side: side}, nil
}

// Run runs it on a picture of ones. Several goroutines may call it at once.
func (n *Network) Run() error {
	data := make([]float32, 3*n.side*n.side)
	for i := range data {
		data[i] = 1
	}
	input, err := ort.NewTensor(ort.NewShape(1, 3, int64(n.side), int64(n.side)), data)
	if err != nil {
		return fmt.Errorf("make input: %w", err)
	}
	defer input.Destroy()
	out := []ort.Value{nil}
	if err := n.session.Run([]ort.Value{input}, out); err != nil {
		return fmt.Errorf("run reference: %w", err)
	}
	return out[0].Destroy()
}

// Close frees it.
func (n *Network) Close() error { return n.session.Destroy() }
