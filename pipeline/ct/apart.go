package ct

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"jcsnode/dataset"
)

// criterion is an element that may tell scans of one place apart: phases of breath, heart and contrast, energies, kernels, a repetition.
type criterion struct {
	name  string
	text  func(*Header) string              // its value, "" when absent
	order func(*Header) (float64, bool)     // for what is counted or timed: where in the order of acquisition; may be nil
	parts func(headers []Header) [][]Header // where equal text is not the way to group, nil for none; may be nil
	// unspecific: the element does not say what it is about, so that it tells nothing where the planes of all lie as those of one scan do.
	unspecific bool
	// absent: that there is no value says something, too.
	absent bool
	// typed: the value may be anything somebody typed, and is not shown.
	typed bool
}

func valued(name string, t dataset.Tag) criterion {
	return criterion{name: fmt.Sprintf("%s %v", name, t), text: func(h *Header) string { return h.value(t) }}
}

func typed(name string, t dataset.Tag) criterion {
	c := valued(name, t)
	c.typed = true
	return c
}

func counted(name string, t dataset.Tag) criterion {
	c := valued(name, t)
	c.order = func(h *Header) (float64, bool) { return h.number(t) }
	return c
}

func timed(name string, date, time dataset.Tag) criterion {
	c := valued(name, time)
	c.text = func(h *Header) string { return strings.TrimSpace(h.value(date) + " " + h.value(time)) }
	c.order = func(h *Header) (float64, bool) { return h.clock(date, time) }
	return c
}

func numbered(name string, number func(*Header) *int) criterion {
	return criterion{name: name,
		text: func(h *Header) string {
			if n := number(h); n != nil {
				return fmt.Sprint(*n)
			}
			return ""
		},
		order: func(h *Header) (float64, bool) {
			n := number(h)
			if n == nil {
				return 0, false
			}
			return float64(*n), true
		}}
}

// inOrderOnly is for what counts within each scan: that two slices have the same value says nothing.
func inOrderOnly(c criterion) criterion {
	c.parts = func([]Header) [][]Header { return nil }
	return c
}

// measured is a number that one scan may write a little differently in each slice.
func measured(name string, t dataset.Tag, part float64) criterion {
	c := valued(name, t)
	c.parts = func(headers []Header) [][]Header {
		number := func(h *Header) float64 { v, _ := h.number(t); return v }
		low := alikeValues(headers, number, func(low, v float64) bool { return v-low <= part*low })
		return partition(headers, func(h *Header) string { return fmt.Sprint(low[number(h)]) })
	}
	return c
}

func unspecific(c criterion) criterion { c.unspecific = true; return c }

// criteria are tried in this order: what was reconstructed, which phase it shows, how and when it was acquired, what somebody called
// it, when it was written.
var criteria = []criterion{
	{name: "ConvolutionKernel (0018,1210)", text: func(h *Header) string { return h.Kernel }},
	{name: "ImageType (0008,0008)", text: func(h *Header) string { return strings.Join(h.ImageType, `\`) }},
	{name: "SliceThickness (0018,0050)", text: thicknessText, parts: byThickness},
	{name: "StackID (0020,9056) with TemporalPositionIndex (0020,9128)", text: func(h *Header) string { return h.Phase }},
	counted("TemporalPositionIdentifier", dataset.TemporalPositionIdentifier),
	counted("TemporalPositionIndex", dataset.TemporalPositionIndex),
	counted("NominalPercentageOfCardiacPhase", dataset.NominalPercentageOfCardiacPhase),
	counted("NominalCardiacTriggerDelayTime", dataset.NominalCardiacTriggerDelayTime),
	counted("TriggerTime", dataset.TriggerTime),
	valued("CardiacCyclePosition", dataset.NewTag(0x0018, 0x9236)),
	counted("NominalPercentageOfRespiratoryPhase", dataset.NewTag(0x0020, 0x9245)),
	valued("RespiratoryCyclePosition", dataset.NewTag(0x0018, 0x9214)),
	numbered("AcquisitionNumber (0020,0012)", func(h *Header) *int { return h.AcquisitionNumber }),
	valued("ScanOptions", dataset.ScanOptions),
	measured("KVP", dataset.KVP, 0.02),
	{name: "ContrastBolusAgent (0018,0010)", text: func(h *Header) string { return h.value(dataset.ContrastBolusAgent) }, absent: true},
	valued("FilterType", dataset.FilterType),
	timed("AcquisitionDateTime", 0, dataset.AcquisitionDateTime),
	timed("FrameAcquisitionDateTime", 0, dataset.NewTag(0x0018, 0x9074)),
	timed("AcquisitionTime", dataset.AcquisitionDate, dataset.AcquisitionTime),
	valued("IrradiationEventUID", dataset.NewTag(0x0008, 0x3010)),
	valued("SeriesNumber", dataset.SeriesNumber),
	typed("SeriesDescription", dataset.SeriesDescription),
	typed("ProtocolName", dataset.ProtocolName),
	unspecific(typed("ImageComments", dataset.ImageComments)),
	unspecific(measured("RevolutionTime", dataset.RevolutionTime, 0.02)),
	unspecific(measured("ReconstructionDiameter", dataset.ReconstructionDiameter, 0.001)),
	{name: "ImagePositionPatient (0020,0032) within the plane", text: placeText, parts: byPlace, unspecific: true},
	unspecific(timed("ContentTime", dataset.ContentDate, dataset.ContentTime)),
	timed("SeriesTime", dataset.SeriesDate, dataset.SeriesTime),
	{name: "SOPInstanceUID (0008,0018) of multi-frame instances", text: func(h *Header) string {
		if h.Frames > 1 {
			return h.SOPInstanceUID
		}
		return ""
	}},
	inOrderOnly(numbered("InstanceNumber (0020,0013)", func(h *Header) *int { return h.InstanceNumber })),
}

// apart divides slices of one grid and direction into scans. Two scans of one place are told by slices of different pixels on one
// plane, or by planes of one lying among those of the other; the element that parts them is the first whose values, or whose order,
// leave stacks that are each as a scan is: planes in even steps, each there once. Without such an element the slices stay together,
// and build refuses them if two scans are mixed.
func apart(g group) []group {
	c, parts := divide(g.headers)
	if parts == nil {
		return []group{g}
	}
	value := c.text
	if c.typed {
		value = nil
	}
	var out []group
	for _, p := range g.divided(c.name, parts, value) {
		out = append(out, apart(p)...)
	}
	return out
}

// divide finds the criterion that tells scans apart, and the scans; nil when there is none.
func divide(headers []Header) (criterion, [][]Header) {
	n := headers[0].Normal()
	mixed := isMixed(headers, n)
	all := criteria
	if mixed {
		all = append(slices.Clone(all), anyElement(headers)...)
	}
	doubtful := mixed || !even(newStack(headers, n))
	var best [][]Header
	var by criterion
	for _, c := range all {
		if !doubtful && (c.unspecific || !c.absent && slices.ContainsFunc(headers, c.lacking)) {
			continue
		}
		parts, whole := c.best(headers, n, mixed, doubtful)
		if whole {
			return c, parts
		}
		if best == nil && parts != nil {
			best, by = parts, c
		}
	}
	return by, best
}

func (c criterion) lacking(h Header) bool { return c.text(&h) == "" }

// anyElement makes criteria of all other elements that have not the same value in all slices.
func anyElement(headers []Header) []criterion {
	known := map[dataset.Tag]bool{}
	for _, h := range headers {
		for _, v := range h.Values {
			known[v.Tag] = true
		}
	}
	var out []criterion
	for t := range known {
		differs := func(h Header) bool { return h.value(t) != headers[0].value(t) }
		if !slices.ContainsFunc(headers, differs) {
			continue
		}
		c := typed("element", t)
		if t.Private() {
			c.name = fmt.Sprintf("private element %v", t)
		}
		out = append(out, c)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].name < out[j].name }) // standard elements first
	return out
}

// mostScans is how many scans one series is taken for: a perfusion or a heart has less than a hundred phases. Of scans whose planes
// together lie as those of one, that is by chance or by design a half or a third of a step apart, there are a few.
const (
	mostScans  = 256
	mostBeside = 4
)

// best is the best way to part the headers by the criterion: into the fewest parts that are stacks. whole tells that no two scans
// are mixed in any of them.
func (c criterion) best(headers []Header, n [3]float64, mixed, doubtful bool) (best [][]Header, whole bool) {
	var ways [][][]Header
	if c.parts != nil {
		ways = append(ways, c.parts(headers))
	} else {
		ways = append(ways, partition(headers, c.text))
	}
	if c.order != nil {
		ways = append(ways, runs(headers, n, c.order), ranks(headers, n, c.order))
	}
	for _, parts := range ways {
		ok, w := scans(headers, parts, n, mixed)
		if ok && (doubtful || len(parts) <= mostBeside) && (best == nil || w && !whole || w == whole && len(parts) < len(best)) {
			best, whole = parts, w
		}
	}
	return best, whole
}

// scans tells whether parts of the headers are scans of one place: all but a few slices lie in stacks as a scan has them, these cover the
// same stretch, and where slices lie on each other there are fewer of those. whole: there are none any more.
func scans(headers []Header, parts [][]Header, n [3]float64, mixed bool) (ok, whole bool) {
	if len(parts) < 2 || len(parts) > mostScans {
		return false, false
	}
	least := takenAgain + 1
	if mixed {
		least = 2
	}
	var stacks [][]Header
	beside, left := 0, 0
	whole = true
	for _, p := range parts {
		if !stackLike(p, n, least) {
			beside += len(p)
			continue
		}
		stacks = append(stacks, p)
		left += surplus(p, n)
		whole = whole && !isMixed(p, n)
	}
	if len(stacks) < 2 || float64(beside) > mostShared*float64(len(headers)) || !overlap(stacks, n) {
		return false, false
	}
	if mixed && float64(left) > (1-mostShared)*float64(surplus(headers, n)) {
		return false, false
	}
	return true, whole
}

// stackLike tells whether slices lie as those of a scan, or of some scans at the same planes: at least so many planes, most steps
// equal, as many slices on each plane.
func stackLike(headers []Header, n [3]float64, least int) bool {
	if len(headers) < least {
		return false
	}
	st := newStack(headers, n)
	if len(st.headers) < least || !even(st) {
		return false
	}
	counts := map[int]int{}
	most := 0
	for _, pictures := range picturesOn(headers, n) {
		counts[pictures]++
		most = max(most, counts[pictures])
	}
	return len(st.headers)-most <= max(takenAgain, int(mostShared*float64(len(st.headers))))
}

// leastEven is the share of steps that must be as their neighbours for planes to be those of one scan: slices get lost on the way, and
// taking every slice of a scan by chance or not leaves half of the steps as they were.
const leastEven = 0.7

// even tells whether most steps of a stack are equal, or equal over stretches of some steps.
func even(st *stack) bool {
	steps := make([]float64, max(0, len(st.positions)-1))
	for i := range steps {
		steps[i] = st.positions[i+1] - st.positions[i]
	}
	if len(steps) < 2 {
		return true
	}
	usual := slices.Sorted(slices.Values(steps))[(len(steps)-1)/2]
	equal := make([]bool, len(steps))
	for _, z := range zonesOf(steps) {
		for i := z.first; i < z.end; i++ {
			equal[i] = true
		}
	}
	count := 0
	for i, d := range steps {
		if equal[i] || d <= aboutEqual*usual && usual <= aboutEqual*d {
			count++
		}
	}
	return float64(count) >= leastEven*float64(len(steps))
}
