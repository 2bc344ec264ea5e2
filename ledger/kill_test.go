package ledger

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// child runs in a process of its own, most often to be killed.
func child(role string) {
	ctx := context.Background()
	if role == "requeue" {
		requeueAs(context.Background())
		return
	}
	if role == "look" {
		look(ctx)
		return
	}
	l, err := Open(ctx, os.Getenv("LEDGER_TEST_PATH"), Options{TestOnly: true, MaxAttempts: 2})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	if role == "record" {
		for n := range 500 {
			if err := l.Record(ctx, slice("1.2", n)); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
		}
		if err := l.Flush(ctx); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("ready")
		select {}
	}
	started := make(chan int64)
	if err := l.StartJobs(ctx, blocking(func(id int64) { started <- id }), 3); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for range 3 {
		<-started
	}
	fmt.Println("ready")
	select {}
}

// killed runs a child until it is ready and kills it with SIGKILL.
func killed(t *testing.T, role, path string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LEDGER_TEST_CHILD="+role, "LEDGER_TEST_PATH="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("child ended by itself")
	}
	if line != "ready\n" {
		t.Fatalf("child says %q", line)
	}
}

func TestKill_FlushedRowsAreThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.db")
	killed(t, "record", path)
	l := openTest(t, path, Options{})
	if c, err := l.Counts(t.Context()); err != nil || c.Instances != 500 {
		t.Errorf("%d instances, %v; want 500", c.Instances, err)
	}
}

// settleThree leaves a ledger with the studies 1.0, 1.1 and 1.2, all to be processed.
func settleThree(t *testing.T, path string) {
	t.Helper()
	l := openTest(t, path, Options{MaxAttempts: 2})
	for n := range 3 {
		settle(t, l, fmt.Sprintf("1.%d", n))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestKill_RunningJobsRunAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.db")
	settleThree(t, path)
	killed(t, "jobs", path)

	l := openTest(t, path, Options{MaxAttempts: 2})
	startJobs(t, l, Handlers{Process: reporting(l), Deliver: sending(l)})
	waitFor(t, "three reports", func() bool {
		c, err := l.Counts(t.Context())
		return err == nil && c.Studies[StateReported] == 3 && c.Deliveries[DeliverySent] == 3
	})
	if kinds := eventKinds(history(t, l, "1.0")); !strings.Contains(kinds, EventRecovered) {
		t.Errorf("events %s, want one that tells of the recovery", kinds)
	}
}

func TestKill_StudyThatKillsEndsAsCrashed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.db")
	settleThree(t, path)
	killed(t, "jobs", path)
	killed(t, "jobs", path)
	l := openTest(t, path, Options{MaxAttempts: 2})
	var calls atomic.Int32
	startJobs(t, l, Handlers{
		Process: func(context.Context, int64) error { calls.Add(1); return nil },
		Deliver: deliverNothing,
	})
	h := history(t, l, "1.1")
	if r := h.Revisions[0]; r.State != StateNotProcessed || r.Reason.Code != ReasonCrashed || r.Reason.Remedy == "" {
		t.Errorf("revision %+v, want not processed, crashed", r)
	}
	if calls.Load() != 0 {
		t.Errorf("processed %d times more", calls.Load())
	}
}
