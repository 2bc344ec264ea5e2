package vgg

import (
	"log/slog"
	"math"
	"os"
	"testing"

	ort "github.com/yalue/onnxruntime_go"

	"jcsnode/models"
)

func TestReference_Cost(t *testing.T) {
	// 160.4 GFLOP at 512x512 is 15.35 G multiply-adds at 224x224, VGG-16's known cost without its FC layers.
	if _, flop := reference(224); math.Abs(flop/2e9-15.35) > 0.01 {
		t.Errorf("%.3f G multiply-adds at 224x224, want 15.35", flop/2e9)
	}
}

func TestReference_Runs(t *testing.T) {
	if _, err := models.Find("", models.DeviceCPU); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("skipped, needs ONNX Runtime: ", err)
	}
	if _, err := os.Stat("../../models/manifest.toml"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("skipped, needs the project's networks: ", err)
	}
	// Open is what loads ONNX Runtime.
	nets, err := models.Open("../../models", models.Options{Device: models.DeviceCPU}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer nets.Close()
	n, err := Open(64, 1, false)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if err := n.Run(); err != nil {
		t.Fatal(err)
	}
	x, err := ort.NewTensor(ort.NewShape(1, 3, 64, 64), make([]float32, 3*64*64))
	if err != nil {
		t.Fatal(err)
	}
	defer x.Destroy()
	for i := range x.GetData() {
		x.GetData()[i] = 1
	}
	out := []ort.Value{nil}
	if err := n.session.Run([]ort.Value{x}, out); err != nil {
		t.Fatal(err)
	}
	defer out[0].Destroy()
	y := out[0].(*ort.Tensor[float32])
	if !y.GetShape().Equals(ort.NewShape(1, 512, 4, 4)) {
		t.Errorf("output %v, want [1 512 4 4]", y.GetShape())
	}
	// Activations that died or grew would be cheaper or dearer than a network's.
	var sum float64
	for _, v := range y.GetData() {
		sum += float64(v)
	}
	if mean := sum / float64(len(y.GetData())); !(mean > 0.05 && mean < 20) {
		t.Errorf("mean activation %v", mean)
	}
}
