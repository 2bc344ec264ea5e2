package main

import (
	"fmt"
	"slices"
	"strings"
)

// goals are the least ratios of jcsnode's rate to another's, by associations. The last is for senders that set no-delay.
func (s scenario) goal(name string) float64 {
	nodelay := strings.HasSuffix(s.sender.name, "no-delay")
	switch {
	case name == limitName:
		return 0.8
	case nodelay && s.associations == 1 && name == "DCMTK storescp":
		return 5
	case nodelay:
		return 0
	case s.associations == 1 && (name == "DCMTK storescp" || name == "Orthanc"):
		return 10
	case s.associations == 8 && name == "DCMTK storescp":
		return 5
	case s.associations == 8 && name == "Orthanc":
		return 2
	case s.associations == 8 && name == "DCMTK storescp --fork":
		return 1
	}
	return 0
}

func head(o options) {
	fmt.Printf(`reception of CT slices of 526 kB, 512 x 512 x 16 bits, explicit VR little endian, over loopback
Each receiver with its defaults, in an empty folder; each sender unmodified, one process for each association; the slices are
dealt to the associations. Median (least to most) of %d interleaved rounds.
"bare TCP to synced files" is the limit of this machine: this program copies the files and does nothing else. "sender's own limit" is
an acceptor that keeps nothing: no receiver makes this sender faster.
"durable": what is on disk before the answer. jcsnode syncs content and name, Orthanc the content (SyncStorageArea), storescp
nothing: it answers success for bytes that a power cut takes. Where it is ahead, that is why.
memory: resident, idle and at its most; jcsnode holds its networks, the others have none. What forked processes share counts for
each. "goal": jcsnode's rate over this one's, and what it should be at least.
`, o.rounds)
	if !o.whole {
		fmt.Printf("Peers get at most %d slices, since they need minutes for more (-whole).\n", mostToPeers)
	}
}

func printTable(s scenario, rows []row) {
	fmt.Printf("\n%s, %d association(s), %d slices\n", s.sender.name, s.associations, s.slices)
	fmt.Printf("%-26s %-16s %9s %26s %9s %14s %13s\n", "receiver", "durable", "slices", "instances/s", "jcsnode", "goal", "memory MiB")
	node := rows[slices.IndexFunc(rows, func(r row) bool { return r.process })]
	ours := median(rates(node))
	for _, r := range rows {
		v := rates(r)
		ratio, goal := ours/median(v), s.goal(r.name)
		verdict := ""
		if goal > 0 {
			verdict = fmt.Sprintf(">= %.1f met", goal)
			if ratio < goal {
				verdict = fmt.Sprintf(">= %.1f MISSED", goal)
			}
		}
		memory := ""
		if r.process {
			memory = fmt.Sprintf("%.0f to %.0f", mib(r, func(s sample) int64 { return s.idle }),
				mib(r, func(s sample) int64 { return s.peak }))
		}
		fmt.Printf("%-26s %-16s %9d %26s %9s %14s %13s\n", r.name, r.syncs, r.instances,
			fmt.Sprintf("%.1f (%.1f to %.1f)", median(v), slices.Min(v), slices.Max(v)), fmt.Sprintf("x %.2f", ratio), verdict, memory)
	}
	if s.associations == 1 {
		both := 1 / (1/median(rates(rows[0])) + 1/median(rates(rows[1])))
		fmt.Printf("on one association sender and disk take turns: the two limits together make %.1f/s, of which jcsnode has %.2f\n",
			both, ours/both)
	}
	grown := mib(node, func(s sample) int64 { return s.peak - s.idle })
	fmt.Printf("jcsnode's memory grows by %.1f MiB while it receives", grown)
	if s.associations > 1 {
		fmt.Printf(", %.2f MiB for each association", grown/float64(s.associations))
	}
	fmt.Println()
}

func rates(r row) []float64 {
	var v []float64
	for _, s := range r.samples {
		v = append(v, s.rate)
	}
	return v
}

// mib is the median of a size over the rounds.
func mib(r row, of func(sample) int64) float64 {
	var v []float64
	for _, s := range r.samples {
		v = append(v, float64(of(s))/(1<<20))
	}
	return median(v)
}

// median of an even number of values is the mean of the two in the middle.
func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
