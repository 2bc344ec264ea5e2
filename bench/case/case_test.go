package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	text := "4711 (a ) b) S 1 4711 4711 0 -1 4194304 900 0 0 0 150 25 300 5 20 0 9 0 100 1 2"
	if d, err := parseStat(text); err != nil || d != 4800*time.Millisecond {
		t.Errorf("%v, %v; want 150 + 25 + 300 + 5 ticks of 10 ms", d, err)
	}
	for _, text := range []string{"", "4711 (a) S 1", "4711 (a) S 1 4711 4711 0 -1 4194304 900 0 0 0 x 25 300 5"} {
		if _, err := parseStat(text); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
	if _, err := cpuTime(os.Getpid()); err != nil {
		t.Error(err)
	}
	if peak, err := peakMemory(os.Getpid()); err != nil || peak < 1<<20 {
		t.Errorf("peak memory %d, %v", peak, err)
	}
}

// A case ends with its last object, and is told from one that does not end.
func TestFollow(t *testing.T) {
	const head = `{"level":"INFO","msg":"study settled"}
{"level":"DEBUG","msg":"stage begins","stage":"classify"}
{"level":"DEBUG","msg":"stage ends","stage":"classify"}
`
	const reported = `{"level":"INFO","msg":"study reported","why":"positive: 3 of 3","slices":3,"objects":8}
`
	for name, c := range map[string]struct{ log, err string }{
		"delivered":     {head + reported + `{"level":"INFO","msg":"objects delivered","sent":8,"of":8}`, ""},
		"some left":     {head + reported + `{"level":"INFO","msg":"objects delivered","sent":7,"of":7}`, "7 of 8"},
		"not processed": {head + `{"level":"WARN","msg":"study not processed","why":"no lungs"}`, "no lungs"},
		"ended":         {"panic: oh\n" + head, "panic: oh"},
	} {
		m := measured{}
		err := (&follower{pid: os.Getpid(), measured: &m}).follow(strings.NewReader(c.log))
		if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: %v, want %q", name, err, c.err)
		}
		if c.err == "" && (m.slices != 3 || m.objects != 8 || len(m.stages) != 1 ||
			m.stages[0].to.wall <= 0 || m.delivered.wall < m.reported.wall || m.peak == 0) {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

func TestTable(t *testing.T) {
	at := func(s int) point { return point{time.Duration(s) * time.Second, 2 * time.Duration(s) * time.Second} }
	o := options{threads: 2, rounds: 3, nodes: []contender{{name: "new", cases: []measured{
		{slices: 10, objects: 4, delivered: at(9), reported: at(8)}, {slices: 10, objects: 4, delivered: at(3), reported: at(2)},
		{slices: 10, objects: 4, delivered: at(6), reported: at(5), stages: []span{{"segment", at(1), at(4)}}},
	}}}}
	var out bytes.Buffer
	if err := table(&out, o, &passes{wall: []time.Duration{2e9, 4e9}, cpu: []time.Duration{4e9, 8e9}}); err != nil {
		t.Fatal(err)
	}
	// 6 s against 10 passes of 3 s, of which the segmenter has 3 s; its CPU time is 6 s of 60.
	for _, want := range []string{"0.200", "segment  1.0  4.0  3.0  6.0 ", "0.100"} {
		if !strings.Contains(strings.Join(strings.Fields(out.String()), "  ")+" ", want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
