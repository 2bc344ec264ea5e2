package main

import (
	"fmt"
	"math"
	"strings"
)

// Measured are service times, and where they come from.
type Measured struct {
	Instances int     `json:"instances_a_study"`
	MB        float64 `json:"mb_an_instance"`
	Objects   int     `json:"objects_a_study"`

	DoorMS    float64 `json:"door_ms_an_instance"`        // of a door that takes from eight associations, its disk synced
	RowMS     float64 `json:"row_ms_an_instance"`         // of PostgreSQL
	ObjectMS  float64 `json:"rows_ms_an_object"`          // of PostgreSQL: object, delivery, its answer
	StoreMS   float64 `json:"store_ms_an_instance"`       // of the object store: up, and compared
	ReadS     float64 `json:"read_s_a_study"`             // of a reader, delivery left out
	DeliverMS float64 `json:"deliver_ms_an_object"`       // of the node that has the destination
	RowBytes  float64 `json:"database_bytes_an_instance"` // with its indices
	OutBytes  float64 `json:"database_bytes_an_object"`   // of a result, with its delivery
	StudyKB   float64 `json:"database_kb_a_study"`        // what does not grow with instances nor objects
	Rows      float64 `json:"rows_a_study"`               // the same in rows: without instances and objects
	PerObject float64 `json:"rows_an_object"`

	Sources map[string]string `json:"sources"`
}

// Hardware is a site.
type Hardware struct {
	Name    string
	Doors   int
	Readers int
	Gbit    float64 // of the network of doors and store
	Read    float64 // how many times as long as measured a reader needs
}

// part is what studies pass: servers that each take so long for one study.
type part struct {
	name    string
	servers int
	service float64 // s
}

func parts(m Measured, h Hardware) []part {
	n, o := float64(m.Instances), float64(m.Objects)
	bits := n * m.MB * 8e6
	return []part{
		{"doors (disk)", h.Doors, n * m.DoorMS / 1000},
		{"network", 1, bits * 3 / (h.Gbit * 1e9)}, // in, up, and down to the reader
		{"PostgreSQL", 1, (n*m.RowMS + o*m.ObjectMS) / 1000},
		{"object store", 1, n * m.StoreMS / 1000},
		{"readers", h.Readers, m.ReadS * h.Read},
		{"delivery", 1, o * m.DeliverMS / 1000},
	}
}

// load is the share of the time in which the part works, at a rate in studies per second.
func (p part) load(rate float64) float64 { return rate * p.service / float64(p.servers) }

// wait is the mean time in the queue of an M/M/c, in seconds: studies come at random, and take a random time of the given mean. It is
// infinite for a part that cannot keep up.
func (p part) wait(rate float64) float64 {
	load := p.load(rate)
	if load >= 1 {
		return math.Inf(1)
	}
	return erlangC(p.servers, rate*p.service) * p.service / (float64(p.servers) * (1 - load))
}

// erlangC is the probability that who comes has to wait, with so many servers and an offered load in erlang below their number.
func erlangC(servers int, offered float64) float64 {
	b := 1.0 // Erlang B with none
	for n := 1; n <= servers; n++ {
		b = offered * b / (float64(n) + offered*b)
	}
	load := offered / float64(servers)
	return b / (1 - load + load*b)
}

// first is the part that is nearest to its limit.
func first(all []part, rate float64) part {
	worst := all[0]
	for _, p := range all[1:] {
		if p.load(rate) > worst.load(rate) {
			worst = p
		}
	}
	return worst
}

// most is the rate in studies per hour at which the first part has the given load.
func most(all []part, load float64) float64 {
	return 3600 * load / first(all, 1).load(1)
}

// readersFor is how many readers have no more than the load at a rate in studies per hour.
func readersFor(m Measured, h Hardware, perHour, load float64) int {
	return max(1, int(math.Ceil(perHour/3600*m.ReadS*h.Read/load)))
}

// comfortable is the load that a part is planned for: above it queues grow fast.
const comfortable = 0.7

var rates = []float64{10, 100, 1000}

// sites are examples, from one machine to a hospital group.
var sites = []Hardware{
	{"one machine, two cores", 1, 1, 1, 1},
	{"2 doors, 4 readers of two cores", 2, 4, 1, 1},
	{"2 doors, 4 readers that are 10 times as fast", 2, 4, 10, 0.1},
	{"4 doors, 32 readers that are 10 times as fast", 4, 32, 10, 0.1},
}

// sheet is the text of docs/scale.md.
func sheet(m Measured) string {
	var b strings.Builder
	fmt.Fprintf(&b, "One study: %d instances of %.2f MB, %d objects. Service time of each part for it:\n\n", m.Instances, m.MB, m.Objects)
	table(&b, []string{"part", "servers", "s a study"}, func(row func(...string)) {
		for _, p := range parts(m, Hardware{Doors: 1, Readers: 1, Gbit: 1, Read: 1}) {
			row(p.name, "1", fmt.Sprintf("%.2f", p.service))
		}
	})
	for _, h := range sites {
		all := parts(m, h)
		fmt.Fprintf(&b, "\n**%s**, %g Gbit/s. The first part is at %.0f %% at %.0f studies an hour, %.0f in ten hours.\n\n",
			strings.ToUpper(h.Name[:1])+h.Name[1:], h.Gbit, 100*comfortable, most(all, comfortable), 10*most(all, comfortable))
		heads := []string{"studies an hour", "saturates first", "its load", "mean wait there", "readers for 70 %"}
		table(&b, heads, func(row func(...string)) {
			for _, rate := range rates {
				p := first(all, rate/3600)
				wait := "grows without end"
				if w := p.wait(rate / 3600); !math.IsInf(w, 1) {
					wait = fmt.Sprintf("%.1f s", w)
				}
				row(fmt.Sprintf("%.0f", rate), p.name, fmt.Sprintf("%.0f %%", 100*p.load(rate/3600)), wait,
					fmt.Sprint(readersFor(m, h, rate, comfortable)))
			}
		})
	}
	rows := float64(m.Instances) + float64(m.Objects)*m.PerObject + m.Rows
	size := float64(m.Instances)*m.RowBytes/1e3 + float64(m.Objects)*m.OutBytes/1e3 + m.StudyKB
	fmt.Fprintf(&b, "\nWhat it leaves: %.0f rows and %.0f kB in the database, %.0f MB of instances in the store. A million studies: "+
		"%.0f GB and %.0f TB.\n", rows, size, float64(m.Instances)*m.MB, size, float64(m.Instances)*m.MB)
	return b.String()
}

// table writes one of Markdown.
func table(b *strings.Builder, heads []string, rows func(row func(...string))) {
	row := func(cells ...string) { fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | ")) }
	row(heads...)
	row(strings.Split(strings.TrimSuffix(strings.Repeat("--- ", len(heads)), " "), " ")...)
	rows(row)
}
