package main

import (
	"math"
	"os"
	"strings"
	"testing"
)

// What the theory of queues is known to give.
func TestPart_Wait(t *testing.T) {
	for name, c := range map[string]struct {
		servers       int
		service, rate float64
		want          float64
	}{
		"M/M/1 half loaded waits one service":          {1, 2, 0.25, 2},
		"M/M/1 at 90 % waits nine":                     {1, 1, 0.9, 9},
		"M/M/2 at half load: 1/3 has to wait, for 1/1": {2, 1, 1, 1.0 / 3},
		"too much":     {3, 1, 3, math.Inf(1)},
		"nobody comes": {4, 10, 0, 0},
	} {
		got := part{"x", c.servers, c.service}.wait(c.rate)
		if got != c.want && math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestFirst(t *testing.T) {
	all := []part{{"doors", 2, 1}, {"readers", 4, 40}, {"delivery", 1, 2}}
	if p := first(all, 0.01); p.name != "readers" {
		t.Error(p)
	}
	if got := most(all, 0.5); math.Abs(got-180) > 1e-9 { // 4 readers of 40 s: 360 an hour
		t.Errorf("%v studies an hour", got)
	}
}

// docs/scale.md has the sheet as the program prints it.
func TestSheet_IsThatOfTheDocument(t *testing.T) {
	m, err := parse(measured)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../docs/scale.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), sheet(m)) {
		t.Errorf("docs/scale.md lacks what `go run ./bench/queue` prints:\n%s", sheet(m))
	}
}
