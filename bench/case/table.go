package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	ort "github.com/yalue/onnxruntime_go"
)

// table prints the cases against the reference, and where the time of each node's median case goes.
func table(out io.Writer, o options, r *passes) error {
	wall, cpu := median(r.wall), median(r.cpu)
	n := o.nodes[0].cases[0].slices
	fmt.Fprintf(out, "ONNX Runtime %s, %d threads, %d slices, %d rounds\n", ort.GetVersion(), o.threads, n, o.rounds)
	fmt.Fprintf(out,
		"reference: VGG-16 convolutions, fp32, %dx%d: %.0f ms a pass, %.0f ms CPU (medians of %d); %d passes: %.1f s, %.1f s CPU\n\n",
		side, side, ms(wall), ms(cpu), len(r.wall), n, seconds(wall)*float64(n), seconds(cpu)*float64(n))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "node\tlast object, s\tratio\tCPU, s\tratio\treported, s\tobjects\tpeak MB\t")
	for _, c := range o.nodes {
		m := c.median()
		fmt.Fprintf(w, "%s\t%.1f\t%.3f\t%.1f\t%.3f\t%.1f\t%d\t%d\t\n", c.name,
			seconds(m.delivered.wall), seconds(m.delivered.wall)/(seconds(wall)*float64(n)),
			seconds(m.delivered.cpu), seconds(m.delivered.cpu)/(seconds(cpu)*float64(n)), seconds(m.reported.wall), m.objects, m.peak>>20)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, c := range o.nodes {
		m := c.median()
		fmt.Fprintf(out, "\n%s: %s\n", c.name, m.text)
		if len(m.stages) == 0 {
			fmt.Fprintln(out, "  (this build does not log its stages)")
			continue
		}
		stages := append(slices.Clone(m.stages), span{"deliver", m.reported, m.delivered})
		slices.SortStableFunc(stages, func(a, b span) int { return cmp.Compare(a.from.wall, b.from.wall) })
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(w, "stage\tfrom, s\tto, s\ts\tCPU of the node meanwhile, s\tof the reference's\t")
		for _, s := range stages {
			fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.1f\t%.1f\t%.3f\t\n", s.name,
				seconds(s.from.wall), seconds(s.to.wall), seconds(s.to.wall-s.from.wall),
				seconds(s.to.cpu-s.from.cpu), seconds(s.to.cpu-s.from.cpu)/(seconds(cpu)*float64(n)))
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// median is the case with the median time, the quicker of two.
func (c *contender) median() measured {
	sorted := slices.SortedFunc(slices.Values(c.cases), func(a, b measured) int { return cmp.Compare(a.delivered.wall, b.delivered.wall) })
	return sorted[(len(sorted)-1)/2]
}

func median(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

func seconds(d time.Duration) float64 { return d.Seconds() }

func ms(d time.Duration) float64 { return 1000 * d.Seconds() }
