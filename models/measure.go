package models

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
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
		e.Ms, err = measureHere(e.Dir, e.Options)
	}
	if err != nil {
		e.Error = err.Error()
	}
	if err := json.NewEncoder(os.Stdout).Encode(e); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// measureRounds is how often a process times its engine.
const measureRounds = 3

// measureHere times both networks on one engine, in milliseconds a slice. Each time they must calculate rightly.
func measureHere(dir string, opt Options) (ms float64, err error) {
	r, err := Open(dir, opt, slog.New(slog.DiscardHandler))
	if err != nil {
		return 0, err
	}
	defer r.Close()
	p := pair{r.classifier, r.segmenter}
	want := r.manifest.reference()
	if want == nil {
		said, err := p.answer(context.Background())
		if err != nil {
			return 0, fmt.Errorf("measure the networks: %w", err)
		}
		want = &said
	}
	least := time.Duration(math.MaxInt64)
	for range measureRounds {
		took, err := p.time(r.Workers(), *want)
		if err != nil {
			return 0, err
		}
		least = min(least, took)
	}
	return float64(least) / float64(time.Millisecond), nil
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
