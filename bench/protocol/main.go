// Command protocol puts acceptors of associations to the cases of dimse/probe and prints how many each answers as the standard
// allows, and which it does not.
//
// With -address it tries one acceptor that runs already. Without, it starts jcsnode and those peers that are installed, one
// after the other.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"jcsnode/bench/peers"
	"jcsnode/dimse/probe"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var t probe.Target
	flag.StringVar(&t.Address, "address", "", "host:port of an acceptor")
	flag.StringVar(&t.Called, "called", "JCSNODE", "its AE title")
	flag.StringVar(&t.Calling, "calling", "PROBE", "our AE title")
	flag.DurationVar(&t.Wait, "wait", 5*time.Second, "how long an answer may take")
	program := flag.String("jcsnode", "bin/jcsnode", "the program")
	slow := flag.Bool("slow", false, "also the cases that wait for timers, about a minute for each acceptor")
	flag.Parse()
	cases := probe.Quick()
	if *slow {
		cases = probe.Cases()
		// Acceptors whose ARTIM is half a minute, as DCMTK's, are in time.
		t.Request, t.PDU = 45*time.Second, 75*time.Second
	}
	if err := run(ctx, t, cases, *program); err != nil {
		fmt.Fprintln(os.Stderr, "protocol:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, t probe.Target, cases []probe.Case, program string) error {
	if t.Address != "" {
		results := probe.Run(t, cases)
		fmt.Printf("%d of %d cases are answered as the standard allows\n", report(results), len(results))
		return nil
	}
	program, err := filepath.Abs(program)
	if err != nil {
		return err
	}
	var summary string
	for _, r := range []peers.StorageSCP{
		peers.Node(program), peers.ForkedStorescp(), peers.Orthanc(), peers.Pynetdicom(), peers.DicomRS(),
	} {
		if err := r.Missing(); err != nil {
			summary += fmt.Sprintf("%-24s not tried: %v\n", r.Name, err)
			continue
		}
		fmt.Printf("\n%s\n", r.Name)
		results, deaths, err := try(ctx, t, cases, r)
		if err != nil {
			return err
		}
		summary += fmt.Sprintf("%-24s %d of %d, died %d times\n", r.Name, report(results), len(results), deaths)
	}
	fmt.Print("\ncases answered as the standard allows\n" + summary)
	return nil
}

// try puts a receiver to all cases. One that dies of a case, or serves nobody afterwards, is started again for the next.
func try(ctx context.Context, t probe.Target, cases []probe.Case, r peers.StorageSCP) (results []probe.Result, deaths int, err error) {
	dir, err := os.MkdirTemp("", "jcsnode-protocol-")
	if err != nil {
		return nil, 0, err
	}
	defer os.RemoveAll(dir)
	for len(cases) > 0 {
		p, err := r.Start(ctx, dir)
		if err != nil {
			return nil, deaths, err
		}
		t.Address, t.Called = p.Address(), r.Title
		some := probe.RunWhile(t, cases, func(last probe.Result) bool {
			return ctx.Err() == nil && last.Lost == "" && p.Running()
		})
		if !p.Running() {
			deaths++
		}
		p.Stop()
		if err := ctx.Err(); err != nil {
			return nil, deaths, err
		}
		results, cases = append(results, some...), cases[len(some):]
	}
	return results, deaths, nil
}

// report prints the cases that go wrong and counts those that do not.
func report(results []probe.Result) (right int) {
	for _, r := range results {
		if r.Right() {
			right++
			continue
		}
		fmt.Printf("- %s: %s\n    answer %s\n    right  %s\n", r.Group, r.Input, r.Answer, r.Want[0])
		if r.Lost != "" {
			fmt.Printf("    and then a good peer got %s\n", r.Lost)
		}
	}
	return right
}
