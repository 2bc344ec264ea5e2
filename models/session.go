package models

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	ort "github.com/yalue/onnxruntime_go"
)

// Names of the graphs' inputs and outputs: the contract of doc.go.
const (
	inputHU          = "hu"
	outputProb       = "probability"
	outputActivation = "activation"
	outputDistance   = "distance"
	outputMask       = "mask_probability"
)

// warmSide is the side of the test picture that a network is warmed and checked with: what nearly every CT slice has.
const warmSide = 512

// NetworkError says that a network cannot be loaded or gave what the contract forbids. It is permanent: the same input
// fails again.
type NetworkError struct {
	Network string // "classifier" or "segmenter"
	File    string
	Text    string
	Err     error // may be nil
}

func (e *NetworkError) Error() string {
	text := fmt.Sprintf("%s %s: %s", e.Network, e.File, e.Text)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *NetworkError) Unwrap() error { return e.Err }

// session is one loaded network. Several goroutines may run it at once.
type session struct {
	network string
	path    string
	outputs []string
	ort     *ort.DynamicAdvancedSession // takes pictures of any size
	square  *ort.DynamicAdvancedSession // the same through OpenVINO, for warmSide x warmSide alone; nil: ort takes them too
}

// close frees the network.
func (s *session) close() error {
	err := s.ort.Destroy()
	if s.square != nil {
		err = errors.Join(err, s.square.Destroy())
	}
	return err
}

// SessionOptions makes the options of both sessions, for a benchmark that needs the same: threads of the pool (the calling
// goroutine's is one of them), all optimisations, no spinning, since a spinning thread takes a core from reception. ONNX
// Runtime must have been loaded by Open. With cuda, a *DeviceError says why it cannot be.
func SessionOptions(threads int, k Kernels, cuda bool) (*ort.SessionOptions, error) {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, fmt.Errorf("make session options: %w", err)
	}
	set := func() error {
		if err := options.SetIntraOpNumThreads(threads); err != nil {
			return err
		}
		if err := options.SetInterOpNumThreads(1); err != nil {
			return err
		}
		if err := options.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll); err != nil {
			return err
		}
		if err := options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0"); err != nil {
			return err
		}
		if entry := kernelEntries[k]; entry != "" {
			if err := options.AddSessionConfigEntry(entry, "1"); err != nil {
				return err
			}
		}
		if cuda {
			return appendCUDA(options)
		}
		return nil
	}
	if err := set(); err != nil {
		options.Destroy()
		return nil, fmt.Errorf("set session options: %w", err)
	}
	return options, nil
}

// kernelEntries are what ONNX Runtime calls the kernels.
var kernelEntries = map[Kernels]string{
	KernelsExact:   "session.x64quantprecision",
	KernelsFloat32: "session.disable_quant_qdq",
}

// openSession loads a network.
func openSession(network, path string, outputs []string, threads int, k Kernels, cuda bool) (*session, error) {
	options, err := SessionOptions(threads, k, cuda)
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	s, err := ort.NewDynamicAdvancedSession(path, []string{inputHU}, outputs, options)
	if err != nil {
		if cuda {
			if e := cudaFailure("make session of "+path, err); e.Kind != DeviceFailed {
				return nil, e
			}
		}
		return nil, &NetworkError{Network: network, File: path, Text: "load", Err: err}
	}
	return &session{network: network, path: path, outputs: outputs, ort: s}, nil
}

// output is one output of a run.
type output struct {
	shape []int64
	data  []float32
}

// run gives the outputs for one picture hu [rows*columns], in the session's order. It ends early, with the context's
// cause, when ctx does.
func (s *session) run(ctx context.Context, hu []float32, rows, columns int) ([]output, error) {
	if rows <= 0 || columns <= 0 || len(hu) != rows*columns {
		return nil, fmt.Errorf("%s: %d values are no picture of %d rows and %d columns", s.network, len(hu), rows, columns)
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	network := s.ort
	if s.square != nil && rows == warmSide && columns == warmSide {
		network = s.square
	}
	input, err := ort.NewTensor(ort.NewShape(1, 1, int64(rows), int64(columns)), hu)
	if err != nil {
		return nil, fmt.Errorf("%s: make input: %w", s.network, err)
	}
	defer input.Destroy()
	options, err := ort.NewRunOptions()
	if err != nil {
		return nil, fmt.Errorf("%s: make run options: %w", s.network, err)
	}
	defer options.Destroy()

	terminated := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(terminated)
		// It can only fail for options that do not exist any more, and run waits for it.
		_ = options.Terminate()
	})
	values := make([]ort.Value, len(s.outputs))
	err = network.RunWithOptions([]ort.Value{input}, values, options)
	if !stop() {
		<-terminated
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		// Nothing is destroyed here: the output that onnxruntime_go v1.27.0 could not convert (float16) is a nil pointer in
		// a Value that is not nil, and the others are freed with the Go memory that they wrap, but for a few bytes.
		return nil, &NetworkError{Network: s.network, File: s.path, Text: "run", Err: err}
	}
	defer func() {
		for _, v := range values {
			v.Destroy()
		}
	}()
	out := make([]output, len(values))
	for i, v := range values {
		t, ok := v.(*ort.Tensor[float32])
		if !ok {
			return nil, s.broken("output %s is not float32", s.outputs[i])
		}
		// The data lie in Go memory (a copy that onnxruntime_go makes), so they outlive Destroy.
		out[i] = output{shape: t.GetShape().Clone(), data: t.GetData()}
	}
	return out, nil
}

// within checks that every value is a number from low to high.
func (s *session) within(name string, data []float32, low, high float32) error {
	for i, v := range data {
		if !(v >= low && v <= high) {
			return s.broken("output %s has %v at %d, which is not in %v..%v", name, v, i, low, high)
		}
	}
	return nil
}

func (s *session) broken(format string, args ...any) *NetworkError {
	return &NetworkError{Network: s.network, File: s.path, Text: fmt.Sprintf(format, args...)}
}

// Classification is what the classifier says of one slice.
type Classification struct {
	Probability   float32   // of infection, 0..1
	Activation    []float32 // Rows x Columns over the whole slice, row by row, not negative
	Rows, Columns int
	// Distance says how far the slice lies from those of the training, about 1 for their like; 0 if Network.Distance is nil.
	Distance float32
}

// classify runs a classifier.
func (s *session) classify(ctx context.Context, hu []float32, rows, columns int) (Classification, error) {
	out, err := s.run(ctx, hu, rows, columns)
	if err != nil {
		return Classification{}, err
	}
	probability, activation := out[0], out[1]
	if len(probability.shape) != 1 || probability.shape[0] != 1 {
		return Classification{}, s.broken("output %s has shape %v, want [1]", outputProb, probability.shape)
	}
	if len(activation.shape) != 3 || activation.shape[0] != 1 || len(activation.data) == 0 {
		return Classification{}, s.broken("output %s has shape %v, want [1 h w]", outputActivation, activation.shape)
	}
	if err := s.within(outputProb, probability.data, 0, 1); err != nil {
		return Classification{}, err
	}
	if err := s.within(outputActivation, activation.data, 0, math.MaxFloat32); err != nil {
		return Classification{}, err
	}
	said := Classification{Probability: probability.data[0], Activation: activation.data,
		Rows: int(activation.shape[1]), Columns: int(activation.shape[2])}
	if len(out) > 2 {
		distance := out[2]
		if len(distance.shape) != 1 || distance.shape[0] != 1 {
			return Classification{}, s.broken("output %s has shape %v, want [1]", outputDistance, distance.shape)
		}
		if err := s.within(outputDistance, distance.data, 0, math.MaxFloat32); err != nil {
			return Classification{}, err
		}
		said.Distance = distance.data[0]
	}
	return said, nil
}

// segment runs a segmenter.
func (s *session) segment(ctx context.Context, hu []float32, rows, columns int) ([]float32, error) {
	out, err := s.run(ctx, hu, rows, columns)
	if err != nil {
		return nil, err
	}
	mask := out[0]
	if len(mask.shape) != 3 || mask.shape[0] != 1 || mask.shape[1] != int64(rows) || mask.shape[2] != int64(columns) {
		return nil, s.broken("output %s has shape %v, want [1 %d %d]", outputMask, mask.shape, rows, columns)
	}
	if err := s.within(outputMask, mask.data, 0, 1); err != nil {
		return nil, err
	}
	return mask.data, nil
}

// contracts say what a graph must have, for errors.
var contracts = map[string]string{
	"classifier": "input hu FLOAT [N 1 H W], outputs probability FLOAT [N], activation FLOAT [N h w] and, " +
		"if the manifest has its limit, distance FLOAT [N]",
	"segmenter": "input hu FLOAT [N 1 H W], output mask_probability FLOAT [N H W]",
}

// describe says what inputs and outputs a file has, for an error about a broken contract.
func describe(path string) string {
	inputs, outputs, err := ort.GetInputOutputInfo(path)
	if err != nil {
		return fmt.Sprintf("it cannot be described: %v", err)
	}
	list := func(infos []ort.InputOutputInfo) string {
		var texts []string
		for _, i := range infos {
			texts = append(texts,
				fmt.Sprintf("%s %s %v", i.Name, strings.TrimPrefix(i.DataType.String(), "ONNX_TENSOR_ELEMENT_DATA_TYPE_"), i.Dimensions))
		}
		return strings.Join(texts, ", ")
	}
	return fmt.Sprintf("it has input %s and output %s", list(inputs), list(outputs))
}
