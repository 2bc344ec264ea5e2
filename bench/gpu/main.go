// Command gpu compares the networks in int8, fp32 and fp16 on a GPU with the shipped int8 files on the CPU: time for each slice, and how
// far the answers are apart. It writes the rows of one Markdown table; what cannot be measured says why. bench/gpu/run.sh calls it.
//
//	go run ./bench/gpu -variants FOLDER [-device cuda] [-rounds 20]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	ort "github.com/yalue/onnxruntime_go"

	"jcsnode/models"
)

const side = 512

// precisions are the folders that variants.py makes; the first is what is shipped.
var precisions = []string{"int8", "fp32", "fp16"}

func main() {
	variants := flag.String("variants", "", "folder that variants.py made")
	device := flag.String("device", models.DeviceCUDA, "device to compare with the CPU")
	library := flag.String("library", "", "ONNX Runtime's shared library; empty: the usual places")
	rounds := flag.Int("rounds", 20, "runs of each network that are timed")
	flag.Parse()
	if err := run(os.Stdout, *variants, *library, *device, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "gpu:", err)
		os.Exit(1)
	}
}

// answer is what both networks say of one picture, and how long that takes.
type answer struct {
	probability         float64
	mask                []float32
	classify, segmented time.Duration // medians
}

func run(w io.Writer, variants, library, device string, rounds int) error {
	// One process has one library: the one for the device runs the CPU's rows, too.
	if library == "" {
		found, err := models.Find("", device)
		if err != nil {
			return err
		}
		library = found
	}
	fmt.Fprintln(w, "| precision | device | classifier, ms | segmenter, ms | probability apart | mask apart, mean | Dice of the masks |")
	fmt.Fprintln(w, "|---|---|---:|---:|---:|---:|---:|")
	var want *answer
	for _, on := range []string{models.DeviceCPU, device} {
		for _, precision := range precisions {
			if _, err := os.Stat(filepath.Join(variants, precision)); err != nil {
				fmt.Fprintf(w, "| %s | %s | not measured: the files are missing | | | | |\n", precision, on)
				continue
			}
			got, where, err := ask(filepath.Join(variants, precision), models.Options{Library: library, Device: on}, rounds)
			var unusable *models.DeviceError
			if errors.As(err, &unusable) {
				reason := unusable.Text
				if on == models.DeviceCUDA && (unusable.Kind == models.MissingDriver || unusable.Kind == models.MissingDevice) {
					reason = "no GPU (" + reason + ")"
				}
				fmt.Fprintf(w, "| %s | %s | not measured: %s | | | | |\n", precision, on, reason)
				continue
			}
			if err != nil {
				return fmt.Errorf("%s on %s: %w", precision, on, err)
			}
			if want == nil {
				want = &got
			}
			apart, dice := compare(want.mask, got.mask)
			fmt.Fprintf(w, "| %s | %s | %.1f | %.1f | %.4f | %.5f | %.4f |\n", precision, where, ms(got.classify), ms(got.segmented),
				math.Abs(got.probability-want.probability), apart, dice)
		}
	}
	fmt.Fprintf(w,
		"\nONNX Runtime %s; one call at a time, medians of %d; apart: from int8 on the CPU, on the node's test picture; Dice at 0.5\n",
		ort.GetVersion(), rounds)
	return nil
}

// ask opens the networks of a folder and runs them.
func ask(dir string, opt models.Options, rounds int) (answer, string, error) {
	nets, err := models.Open(dir, opt, slog.New(slog.DiscardHandler))
	if err != nil {
		return answer{}, "", err
	}
	defer nets.Close()
	hu := models.TestPicture()
	ctx := context.Background()
	var a answer
	var classify, segmented []time.Duration
	for range rounds {
		began := time.Now()
		c, err := nets.Classify(ctx, hu, side, side)
		if err != nil {
			return a, "", err
		}
		classify = append(classify, time.Since(began))
		began = time.Now()
		if a.mask, err = nets.Segment(ctx, hu, side, side); err != nil {
			return a, "", err
		}
		segmented = append(segmented, time.Since(began))
		a.probability = float64(c.Probability)
	}
	a.classify, a.segmented = median(classify), median(segmented)
	return a, nets.Device(), nil
}

// compare gives the mean difference of two masks and the Dice of both at 0.5; 1 if both are empty.
func compare(want, got []float32) (apart, dice float64) {
	var both, sum float64
	for i := range want {
		apart += math.Abs(float64(want[i]-got[i])) / float64(len(want))
		a, b := want[i] >= 0.5, got[i] >= 0.5
		for _, in := range []bool{a, b} {
			if in {
				sum++
			}
		}
		if a && b {
			both++
		}
	}
	if sum == 0 {
		return apart, 1
	}
	return apart, 2 * both / sum
}

func median(d []time.Duration) time.Duration {
	s := slices.Sorted(slices.Values(d))
	return s[len(s)/2]
}

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }
