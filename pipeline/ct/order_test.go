package ct

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"jcsnode/dataset"
)

// The order in which headers come changes nothing.
func TestSelect_OrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var headers []Header
		for s := range rapid.IntRange(1, 3).Draw(t, "series") {
			list := planes(fmt.Sprintf("1.%d", s+1), rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(0, 40),
				rapid.Map(rapid.IntRange(0, 8), func(n int) float64 { return float64(4 * n) })), 1, 24).Draw(t, "z")...)
			for i := range list {
				n := rapid.IntRange(1, 2).Draw(t, "acquisition")
				list[i].AcquisitionNumber = &n
				if rapid.Bool().Draw(t, "said") {
					say(&list[i], dataset.AcquisitionTime, clockText(rapid.IntRange(0, 20).Draw(t, "time")))
					say(&list[i], dataset.KVP, rapid.SampledFrom([]string{"80", "140"}).Draw(t, "kVp"))
				}
				list[i].Pixels[0] = byte(rapid.IntRange(0, 3).Draw(t, "pixels"))
				list[i].FrameOfReferenceUID = rapid.SampledFrom([]string{"1.9", "1.9", "1.8", ""}).Draw(t, "frame")
				list[i].Kernel = rapid.SampledFrom([]string{"B30f", "B70f"}).Draw(t, "kernel")
				if rapid.IntRange(0, 9).Draw(t, "shared") == 0 {
					list[i].SOPInstanceUID = "1.1.1"
				}
				if rapid.IntRange(0, 9).Draw(t, "refused") == 0 {
					list[i].Refusal = refuse(CodeNotAxial, "not axial", "")
				}
			}
			headers = append(headers, list...)
		}
		want := Select(headers)
		shuffled := append([]Header(nil), headers...)
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		got := Select(shuffled)
		if d := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Selection{}, Series{}), cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("selection of the shuffled headers (-want +got):\n%s", d)
		}
		outcomes := len(want.Dropped)
		if want.Chosen != nil {
			outcomes += len(want.Chosen.Headers)
		}
		if outcomes != len(headers) {
			t.Fatalf("%d of %d instances have an outcome", outcomes, len(headers))
		}
	})
}
