// Command queue computes from measured service times how many studies a day which hardware bears, and which part saturates first.
//
//	go run ./bench/queue                          # from bench/queue/measured.json
//	go run ./bench/queue -measured own.json       # from what a site measured
//
// Each part is taken for an M/M/c queue: studies come at random at a mean rate, each of c servers needs a random time of the measured mean.
// Then the load is rate*service/c and the mean wait is ErlangC(c, rate*service)*service/(c*(1-load)). Parts are in line, so the slowest
// limits all. Real service times vary less than that, and real studies come in bursts: read the waits as an order of magnitude. The network
// is counted three times for each instance: in, up to the store, and down to a reader.
package main

import (
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"os"
)

//go:embed measured.json
var measured []byte

func main() {
	path := flag.String("measured", "", "file with the service times; empty: those of docs/scale.md")
	flag.Parse()
	if err := run(*path); err != nil {
		fmt.Fprintln(os.Stderr, "queue:", err)
		os.Exit(1)
	}
}

func run(path string) error {
	text := measured
	if path != "" {
		var err error
		if text, err = os.ReadFile(path); err != nil {
			return err
		}
	}
	m, err := parse(text)
	if err != nil {
		return err
	}
	fmt.Print(sheet(m))
	return nil
}

func parse(text []byte) (m Measured, err error) {
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("service times: %w", err)
	}
	for name, v := range map[string]float64{"instances_a_study": float64(m.Instances), "door_ms_an_instance": m.DoorMS,
		"read_s_a_study": m.ReadS} {
		if v <= 0 {
			return m, fmt.Errorf("service times: %s is missing", name)
		}
	}
	return m, nil
}
