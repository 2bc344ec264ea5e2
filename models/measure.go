package models

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// A process that finds measureVariable set measures and nothing else, whatever its main function does: so every program that uses this
// package can start one, tests included.
func init() {
	task := os.Getenv(measureVariable)
	if task == "" {
		return
	}
	var e errand
	err := json.Unmarshal([]byte(task), &e)
	if err == nil {
		e.Speed, err = measureHere(e.Dir, e.Options)
	}
	if err != nil {
		e.Error = err.Error()
	}
	if err := json.NewEncoder(os.Stdout).Encode(e); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// measureRounds is how often each is timed. The least time counts: other work on the machine only ever adds to it.
const measureRounds = 6

// measureHere times both networks by OpenVINO and by ONNX Runtime's own kernels, in turns. All must calculate rightly each time:
// on a processor with AMX the own kernels of OpenVINO's build gave something else at each run, and could pass one check by chance.
func measureHere(dir string, opt Options) (speed, error) {
	r, err := Open(dir, opt, slog.New(slog.DiscardHandler))
	if err != nil {
		return speed{}, err
	}
	defer r.Close()
	own := func(s *session) *session {
		return &session{network: s.network, path: s.path, outputs: s.outputs, ort: s.ort}
	}
	ways := []pair{{own(r.classifier), own(r.segmenter)}, {r.classifier, r.segmenter}}
	want := r.manifest.reference()
	if want == nil {
		said, err := ways[0].answer(context.Background())
		if err != nil {
			return speed{}, fmt.Errorf("measure the networks: %w", err)
		}
		want = &said
	}
	least := make([]time.Duration, len(ways))
	for round := range measureRounds {
		for i, p := range ways {
			took, err := p.time(r.Workers(), *want)
			if err != nil {
				return speed{}, err
			}
			if round == 0 || took < least[i] {
				least[i] = took
			}
		}
	}
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	return speed{Own: ms(least[0]), OpenVINO: ms(least[1])}, nil
}

// time is how long a slice takes when so many workers classify and segment one each. It is an error if one of them is told anything else
// than wanted.
func (p pair) time(workers int, want answers) (time.Duration, error) {
	began := time.Now()
	errs := make(chan error, workers)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			said, err := p.answer(context.Background())
			if err == nil {
				if wrong := want.apart(said); wrong != "" {
					err = fmt.Errorf("on the test picture they give a %s", wrong)
				}
			}
			errs <- err
		})
	}
	group.Wait()
	took := time.Since(began) / time.Duration(workers)
	for range workers {
		if err := <-errs; err != nil {
			return 0, fmt.Errorf("measure the networks: %w", err)
		}
	}
	return took, nil
}
