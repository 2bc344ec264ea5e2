package ct

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"jcsnode/dataset"
)

// say gives a header a value of an element.
func say(h *Header, t dataset.Tag, text string) {
	h.Values = append(slices.Clone(h.Values), Value{t, text})
	slices.SortFunc(h.Values, func(a, b Value) int { return cmp.Compare(a.Tag, b.Tag) })
}

// scan is slices of scan k of one series, at z, of pixels of their own. Their UIDs say nothing of the scan.
func scan(k int, z []float64) []Header {
	out := planes("1.1", z...)
	for i := range out {
		sum := sha256.Sum256(fmt.Appendf(nil, "%d %v", k, z[i]))
		out[i].Pixels = sum
		out[i].SOPInstanceUID = fmt.Sprintf("1.1.%d", uint32(sum[0])<<16|uint32(sum[1])<<8|uint32(sum[2]))
		out[i].Path = fmt.Sprintf("%d/%03d", k, i)
		out[i].AcquisitionNumber, out[i].InstanceNumber = nil, nil
	}
	return out
}

func integerOf(n int) *int { return &n }

// clockText is a time so many tenths of a second after ten.
func clockText(tenths int) string {
	return fmt.Sprintf("%02d%02d%02d.%d", 10+tenths/36000, tenths/600%60, tenths/10%60, tenths%10)
}

const scanSlices = 60

// Two or more scans in one series, told apart by something: one of them is read whole, none is mixed, and the note says by what.
func TestSelect_ScansOfOneSeries(t *testing.T) {
	valued := func(tag dataset.Tag, texts ...string) func(h *Header, k, i int) {
		return func(h *Header, k, i int) {
			if texts[k] != "" {
				say(h, tag, texts[k])
			}
		}
	}
	tests := []struct {
		name  string
		scans int
		tell  func(h *Header, k, i int) // k is the scan, i the slice
		by    string
		also  []string // layouts beside one plane for all: "half", a half step apart; "off", 0.3 mm; "lost", slices of all got lost
	}{
		{"phases of breath", 2, valued(dataset.TemporalPositionIdentifier, "1", "2"), "TemporalPositionIdentifier (0020,0100)",
			[]string{"half", "off", "lost"}},
		{"ten phases", 10, func(h *Header, k, i int) { say(h, dataset.TemporalPositionIdentifier, fmt.Sprint(k+1)) },
			"TemporalPositionIdentifier", []string{"lost"}},
		{"phases of the heart", 3, valued(dataset.NominalPercentageOfCardiacPhase, "40", "75", "0"),
			"NominalPercentageOfCardiacPhase (0020,9241)", []string{"lost"}},
		{"trigger time", 2, valued(dataset.TriggerTime, "0", "430.5"), "TriggerTime (0018,1060)", []string{"half"}},
		{"phases of an enhanced instance", 2,
			func(h *Header, k, i int) { h.Phase = fmt.Sprintf("1/%d", k+1) }, "TemporalPositionIndex (0020,9128)", []string{"half"}},
		{"scan options", 2, valued(dataset.ScanOptions, "HELICAL MODE", "CINE MODE"), "ScanOptions (0018,0022)", []string{"half", "off"}},
		{"energies", 2, valued(dataset.KVP, "80", "140"), "KVP (0018,0060)", []string{"half", "off", "lost"}},
		{"contrast medium", 2,
			valued(dataset.ContrastBolusAgent, "", "APPLIED"), "ContrastBolusAgent (0018,0010)", []string{"half", "lost"}},
		{"place in the heart's cycle", 2,
			valued(dataset.NewTag(0x0018, 0x9236), "END_SYSTOLE", "END_DIASTOLE"), "CardiacCyclePosition (0018,9236)", []string{"half"}},
		{"place in the breath's cycle", 2, valued(dataset.NewTag(0x0018, 0x9214), "START_RESPIR", "END_RESPIR"),
			"RespiratoryCyclePosition (0018,9214)", []string{"half"}},
		{"trigger times that follow the heart", 2,
			func(h *Header, k, i int) { say(h, dataset.TriggerTime, fmt.Sprint(430*k+7*i%40)) }, "TriggerTime", nil},
		{"numbers of series", 2, valued(dataset.SeriesNumber, "4", "5"), "SeriesNumber (0020,0011)", []string{"half"}},
		{"voltages as measured", 2, func(h *Header, k, i int) { say(h, dataset.KVP, fmt.Sprint(80+60*k+i%2)) }, "KVP", []string{"half"}},
		{"filter", 2, valued(dataset.FilterType, "0", "1"), "FilterType (0018,1160)", nil},
		{"time of acquisition, one for each scan", 2,
			valued(dataset.AcquisitionTime, "100000", "100500"), "AcquisitionTime (0008,0032)", []string{"half", "off", "lost"}},
		{"time of acquisition, rising with the slices", 2,
			func(h *Header, k, i int) { say(h, dataset.AcquisitionTime, clockText(3000*k+2*i)) }, "AcquisitionTime",
			[]string{"half", "off", "lost"}},
		{"three breaths up and down", 3, func(h *Header, k, i int) {
			at := i
			if k == 1 {
				at = scanSlices - 1 - i
			}
			say(h, dataset.AcquisitionTime, clockText(3000*k+2*at))
		}, "AcquisitionTime", []string{"half", "lost"}},
		{"a table that goes there and back without a pause", 2, func(h *Header, k, i int) {
			at := i
			if k == 1 {
				at = 2*scanSlices - i
			}
			say(h, dataset.AcquisitionTime, clockText(at))
		}, "AcquisitionTime", nil},
		{"four times at each place of the table", 4,
			func(h *Header, k, i int) { say(h, dataset.AcquisitionTime, clockText(40*i+k)) }, "AcquisitionTime", nil},
		{"rotations of four slices", 2, func(h *Header, k, i int) { say(h, dataset.AcquisitionTime, clockText(3000*k+i/4)) },
			"AcquisitionTime", []string{"half", "lost"}},
		{"past midnight", 2, func(h *Header, k, i int) {
			say(h, dataset.AcquisitionDate, []string{"20240101", "20240102"}[k])
			say(h, dataset.AcquisitionTime, []string{"235959.5", "000004"}[k])
		}, "AcquisitionTime", []string{"half"}},
		{"date and time", 2, func(h *Header, k, i int) { say(h, dataset.AcquisitionDateTime, "20240101"+clockText(600*k+i)+"+0100") },
			"AcquisitionDateTime (0008,002A)", []string{"half", "lost"}},
		{"event of irradiation", 2,
			valued(dataset.NewTag(0x0008, 0x3010), "1.2.3", "1.2.4"), "IrradiationEventUID (0008,3010)", []string{"half"}},
		{"number of the acquisition", 2, func(h *Header, k, i int) { h.AcquisitionNumber = integerOf(k + 3) },
			"AcquisitionNumber (0020,0012)", []string{"half", "off", "lost"}},
		{"a number for each slice", 2, func(h *Header, k, i int) { h.AcquisitionNumber = integerOf(k*scanSlices + i) },
			"AcquisitionNumber", []string{"half", "lost"}},
		{"two ranges in each of two breaths", 2,
			func(h *Header, k, i int) { h.AcquisitionNumber = integerOf(2*k + i/30) }, "AcquisitionNumber", []string{"half", "lost"}},
		{"two breaths in each of two ranges", 2,
			func(h *Header, k, i int) { h.AcquisitionNumber = integerOf(k + i/30*2) }, "AcquisitionNumber", nil},
		{"kernels", 2, func(h *Header, k, i int) { h.Kernel = []string{"B31f", "B70f"}[k] },
			"ConvolutionKernel (0018,1210)", []string{"half", "lost"}},
		{"types of image", 2, func(h *Header, k, i int) {
			h.ImageType = []string{"ORIGINAL", "PRIMARY", "AXIAL", []string{"DET_A", "DET_B"}[k]}
		}, "ImageType (0008,0008)", []string{"half"}},
		{"thickness", 2, func(h *Header, k, i int) { h.SliceThickness = float64(1 + k) }, "SliceThickness (0018,0050)", []string{"half"}},
		{"description", 2, valued(dataset.SeriesDescription, "Thorax insp", "Thorax exp"), "SeriesDescription (0008,103E)",
			[]string{"half", "off", "lost"}},
		{"comment", 2, valued(dataset.ImageComments, "inspiration", ""), "ImageComments (0020,4000)", []string{"off"}},
		{"diameter", 2, valued(dataset.ReconstructionDiameter, "360", "360.5"), "ReconstructionDiameter (0018,1100)", nil},
		{"rotation", 2, valued(dataset.RevolutionTime, "0.28", "0.5"), "RevolutionTime (0018,9305)", nil},
		{"two centres", 2, func(h *Header, k, i int) { h.Position[0] += 31.5 * float64(k) },
			"ImagePositionPatient (0020,0032)", []string{"lost"}},
		{"time of the picture", 2,
			func(h *Header, k, i int) { say(h, dataset.ContentTime, clockText(500*k+i)) }, "ContentTime (0008,0033)", []string{"lost"}},
		{"time of the series", 2, valued(dataset.SeriesTime, "100000", "100217"), "SeriesTime (0008,0031)", []string{"half"}},
		{"a multi-frame instance for each", 2, func(h *Header, k, i int) {
			h.SOPInstanceUID, h.Frame, h.Frames = fmt.Sprint("1.1.", 5-k), (7*i)%scanSlices, scanSlices
		}, "SOPInstanceUID (0008,0018) of multi-frame instances", []string{"half", "off", "lost"}},
		{"numbers one after the other", 2, func(h *Header, k, i int) { h.InstanceNumber = integerOf(k*scanSlices + i + 1) },
			"InstanceNumber (0020,0013)", []string{"half", "lost"}},
		{"numbers from above", 2, func(h *Header, k, i int) { h.InstanceNumber = integerOf(k*scanSlices + scanSlices - i) },
			"InstanceNumber", []string{"half"}},
		{"numbers by turns", 3, func(h *Header, k, i int) { h.InstanceNumber = integerOf(3*i + k + 1) }, "InstanceNumber", nil},
		{"an element that nobody thought of", 2,
			valued(dataset.NewTag(0x0018, 0x9345), "3.1", "6.2"), "element (0018,9345)", []string{"lost"}},
		{"a private element", 2, valued(dataset.NewTag(0x0045, 0x1001), "PHASE A", "PHASE B"), "private element (0045,1001)", nil},
		{"the one of two elements that is no noise", 2, func(h *Header, k, i int) {
			say(h, dataset.XRayTubeCurrent, fmt.Sprint(100+i%7)) // modulated
			say(h, dataset.ScanOptions, fmt.Sprint((i*i/3+k*i)%2))
			say(h, dataset.NewTag(0x0018, 0x9324), fmt.Sprint(k))
		}, "element (0018,9324)", nil},
		{"two energies with two kernels each", 4, func(h *Header, k, i int) {
			h.Kernel = []string{"B31f", "B70f"}[k%2]
			say(h, dataset.KVP, []string{"80", "140"}[k/2])
		}, "KVP", []string{"half", "lost"}},
	}
	for _, tt := range tests {
		for _, layout := range append([]string{"same"}, tt.also...) {
			t.Run(tt.name+", "+layout, func(t *testing.T) {
				var headers []Header
				rng := rand.New(rand.NewPCG(1, 2))
				least := scanSlices
				for k := range tt.scans {
					off := map[string]float64{"half": 4 * float64(k) / float64(tt.scans), "off": 0.3 * float64(k)}[layout]
					all := scan(k, steps(off, 4, scanSlices))
					for i := range all {
						tt.tell(&all[i], k, i)
					}
					if layout == "lost" {
						all = slices.DeleteFunc(all, func(Header) bool { return rng.IntN(20) == 0 })
						least = min(least, len(all))
					}
					headers = append(headers, all...)
				}
				rng.Shuffle(len(headers), func(i, j int) { headers[i], headers[j] = headers[j], headers[i] })
				sel := Select(headers)
				if sel.Refusal != nil {
					t.Fatal(sel.Refusal)
				}
				read := map[string]int{}
				for i := range sel.Chosen.Headers {
					k, _, _ := strings.Cut(sel.Chosen.Headers[i].Path, "/")
					read[k]++
				}
				if n := len(sel.Chosen.Headers); len(read) != 1 || n < least-2 {
					t.Errorf("%d slices of %v, want %d at least of one scan; %s", n, read, least, sel.Reason)
				}
				if notes := strings.Join(sel.Chosen.Notes, "\n"); !strings.Contains(notes, tt.by) {
					t.Errorf("notes %q, want one with %s", notes, tt.by)
				}
				if got := len(sel.Chosen.Headers) + len(sel.Dropped); got != len(headers) {
					t.Errorf("%d of %d instances have an outcome", got, len(headers))
				}
			})
		}
	}
}

// What belongs to no other scan stays one stack, whatever its elements say.
func TestSelect_OneScanStaysOne(t *testing.T) {
	whole := steps(0, 4, scanSlices)
	each := func(tell func(h *Header, i int)) []Header {
		all := scan(0, whole)
		for i := range all {
			tell(&all[i], i)
		}
		return all
	}
	again := func(tell func(h *Header, i int)) []Header { // sent twice, under new UIDs
		all := scan(0, whole)
		for i, h := range scan(0, whole) {
			h.SOPInstanceUID += ".7"
			h.Path = "again/" + h.Path
			tell(&h, i)
			all = append(all, h)
		}
		return all
	}
	tests := []struct {
		name    string
		headers []Header
		slices  int
	}{
		{"times, numbers and currents that change with the slices", each(func(h *Header, i int) {
			h.AcquisitionNumber, h.InstanceNumber = integerOf(i), integerOf(i)
			say(h, dataset.AcquisitionTime, clockText(i))
			say(h, dataset.ContentTime, clockText(37*i%900))
			say(h, dataset.XRayTubeCurrent, fmt.Sprint(100+i%2))
		}), scanSlices},
		{"rotations of two slices", each(func(h *Header, i int) { say(h, dataset.AcquisitionTime, clockText(i/2*8)) }), scanSlices},
		{"numbers by rotation", each(func(h *Header, i int) { h.InstanceNumber = integerOf(i%4 + 1) }), scanSlices},
		{"numbers from both ends", each(func(h *Header, i int) { h.InstanceNumber = integerOf(max(2*i, 2*(scanSlices-i))) }), scanSlices},
		{"two tube currents by turns", each(func(h *Header, i int) { say(h, dataset.XRayTubeCurrent, fmt.Sprint(100+i%2)) }), scanSlices},
		{"thickness left out by turns", each(func(h *Header, i int) { h.SliceThickness *= float64(i % 2) }), scanSlices},
		{"kernel left out by turns", each(func(h *Header, i int) { h.Kernel = []string{"", "B31f"}[i%2] }), scanSlices},
		{"acquisition left out by turns", each(func(h *Header, i int) {
			if i%2 == 0 {
				h.AcquisitionNumber = integerOf(3)
			}
		}), scanSlices},
		{"voltage and diameter to more or less digits", each(func(h *Header, i int) {
			say(h, dataset.KVP, []string{"120", "119.9"}[i%2])
			say(h, dataset.ReconstructionDiameter, []string{"400", "399.97"}[i%2])
			say(h, dataset.RevolutionTime, []string{"0.5", "0.500001"}[i%2])
		}), scanSlices},
		{"comments by turns", each(func(h *Header, i int) { say(h, dataset.ImageComments, fmt.Sprint("row ", i%2)) }), scanSlices},
		{"a thousandth of a millimetre beside",
			each(func(h *Header, i int) { h.Position[0] += 0.001 * float64(i%3); h.Position[1] -= 0.2 * float64(i%2) }), scanSlices},
		{"sent twice", again(func(*Header, int) {}), scanSlices},
		{"sent twice, the second time with other times and numbers", again(func(h *Header, i int) {
			h.AcquisitionNumber, h.InstanceNumber = integerOf(2), integerOf(scanSlices-i)
			say(h, dataset.InstanceCreationTime, "120000")
			say(h, dataset.ContentTime, "120000")
			say(h, dataset.AcquisitionTime, "120000")
		}), scanSlices},
		{"half of it sent twice, with another time",
			again(func(h *Header, i int) { say(h, dataset.SeriesTime, "120000") })[:scanSlices+30], scanSlices},
		{"the second half sent again with a time, the first without", slices.Concat(scan(0, whole[:40]), func() []Header {
			out := scan(0, whole)[20:]
			return change(out, func(h *Header) { h.SOPInstanceUID += ".7"; say(h, dataset.ContentTime, "120000") })
		}()), scanSlices},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sel := Select(tt.headers)
			if sel.Refusal != nil {
				t.Fatal(sel.Refusal)
			}
			if len(sel.Candidates) != 1 || len(sel.Chosen.Headers) != tt.slices {
				t.Errorf("%d stacks, %s; want one of %d slices: %q", len(sel.Candidates), sel.Chosen.Name, tt.slices, sel.Chosen.Notes)
			}
		})
	}
}

// Scans that nothing tells apart are refused, whatever their UIDs are.
func TestSelect_MixedScans(t *testing.T) {
	whole := steps(0, 4, scanSlices)
	for name, headers := range map[string][]Header{
		"two at the same planes":       slices.Concat(scan(0, whole), scan(1, whole)),
		"three":                        slices.Concat(scan(0, whole), scan(1, whole), scan(2, whole)),
		"one over a part of the other": slices.Concat(scan(0, whole), scan(1, whole[20:40])),
		"elements that say nothing": func() []Header {
			out := slices.Concat(scan(0, whole), scan(1, whole))
			for i := range out {
				n := i % scanSlices
				out[i].InstanceNumber, out[i].AcquisitionNumber = &n, integerOf(n)
				say(&out[i], dataset.AcquisitionTime, clockText(n))
				say(&out[i], dataset.KVP, "120")
				say(&out[i], dataset.XRayTubeCurrent, fmt.Sprint(i*i%11))
			}
			return out
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			sel := Select(headers)
			if sel.Refusal == nil || sel.Refusal.Code != CodeMixed || !strings.Contains(sel.Refusal.Text, "no element") {
				t.Fatalf("%+v, want %s", sel.Refusal, CodeMixed)
			}
			if len(sel.Dropped) != len(headers) {
				t.Errorf("%d of %d instances have an outcome", len(sel.Dropped), len(headers))
			}
		})
	}
}
