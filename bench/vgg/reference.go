package vgg

import (
	"fmt"
	"math/rand/v2"
)

// vgg16 has the channels of VGG-16's convolutions (Simonyan and Zisserman, configuration D), by block.
var vgg16 = [][]int{{64, 64}, {128, 128}, {256, 256, 256}, {512, 512, 512}, {512, 512, 512}}

// reference gives an ONNX model of VGG-16's convolutions with random weights for one picture [1,3,side,side], input "x",
// output "y", and its cost in FLOP (a multiply-add is 2).
func reference(side int) (model []byte, flop float64) {
	r := rand.New(rand.NewPCG(1, 2))
	var graph message
	channels, at, before := 3, side, "x"
	add := func(n message) { graph.bytes(1, n) }
	for b, block := range vgg16 {
		if b > 0 {
			add(node("MaxPool", []string{before}, fmt.Sprintf("pool%d", b), map[string][]int{"kernel_shape": {2, 2}, "strides": {2, 2}}))
			before = fmt.Sprintf("pool%d", b)
			at /= 2
		}
		for c, out := range block {
			name := fmt.Sprintf("conv%d_%d", b+1, c+1)
			graph.bytes(5, tensor(name+".w", []int{out, channels, 3, 3}, randoms(r, out*channels*9, channels*9)))
			graph.bytes(5, tensor(name+".b", []int{out}, make([]float32, out)))
			add(node("Conv", []string{before, name + ".w", name + ".b"}, name,
				map[string][]int{"kernel_shape": {3, 3}, "pads": {1, 1, 1, 1}}))
			add(node("Relu", []string{name}, name+".relu", nil))
			before = name + ".relu"
			flop += 2 * 9 * float64(channels) * float64(out) * float64(at) * float64(at)
			channels = out
		}
	}
	add(node("Identity", []string{before}, "y", nil))
	graph.text(2, "vgg16")
	graph.bytes(11, valueInfo("x", 1, 3, side, side))
	graph.bytes(12, valueInfo("y", 1, channels, at, at))

	var opset, m message
	opset.text(1, "")
	opset.varint(2, 17)
	m.varint(1, 8) // IR version
	m.bytes(7, graph)
	m.bytes(8, opset)
	return m, flop
}
