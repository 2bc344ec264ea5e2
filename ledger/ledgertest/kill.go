package ledgertest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"jcsnode/ledger"
)

// The environment of a child says what it does, and on which ledger.
const (
	RoleVariable  = "LEDGER_TEST_CHILD"
	PlaceVariable = "LEDGER_TEST_PLACE"
)

// Roles of children, which work until they are killed.
const (
	RoleRecord = "record" // 500 instances of study 1.2
	roleJobs   = "jobs"   // is at three studies
	roleReport = "report" // is at the report of a request for storage commitment
)

// Child does what this process was started for by Killed, and tells whether it was.
func Child(e Engine) bool {
	role := os.Getenv(RoleVariable)
	if role == "" {
		return false
	}
	if err := work(context.Background(), e, role); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	select {}
}

// work returns when a child has done its part, or is in the middle of it.
func work(ctx context.Context, e Engine, role string) error {
	l, err := e.Open(ctx, os.Getenv(PlaceVariable), ledger.Options{TestOnly: true, MaxAttempts: 2})
	if err != nil {
		return err
	}
	started := make(chan int64)
	handlers := blocking(func(id int64) { started <- id })
	begun := 3
	switch role {
	case RoleRecord:
		for n := range 500 {
			if err := l.Record(ctx, Slice("1.2", n)); err != nil {
				return err
			}
		}
		return l.Flush(ctx)
	case roleReport:
		handlers.CommitmentSCP = handlers.Process
		begun = 1
	}
	if err := l.StartJobs(ctx, handlers, 3); err != nil {
		return err
	}
	for range begun {
		<-started
	}
	return nil
}

// Killed runs a child until it is ready and kills it with SIGKILL.
func Killed(t *testing.T, role, place string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), RoleVariable+"="+role, PlaceVariable+"="+place)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	Must(t, err, cmd.Start())
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

func (s suite) TestKill_FlushedRowsAreThere(t *testing.T) {
	place := s.Place(t)
	Killed(t, RoleRecord, place)
	l := s.open(t, place, ledger.Options{})
	if c, err := l.Counts(t.Context()); err != nil || c.Instances != 500 {
		t.Errorf("%d instances, %v; want 500", c.Instances, err)
	}
}

// settleThree leaves a ledger with the studies 1.0, 1.1 and 1.2, all to be processed.
func (s suite) settleThree(t *testing.T, place string) {
	t.Helper()
	l := s.open(t, place, ledger.Options{MaxAttempts: 2})
	for n := range 3 {
		settle(t, l, fmt.Sprintf("1.%d", n))
	}
	Must(t, l.Close())
}

func (s suite) TestKill_RunningJobsRunAgain(t *testing.T) {
	place := s.Place(t)
	s.settleThree(t, place)
	Killed(t, roleJobs, place)

	l := s.open(t, place, ledger.Options{MaxAttempts: 2})
	startJobs(t, l, ledger.Handlers{Process: reporting(l), Deliver: sending(l)})
	WaitFor(t, "three reports", func() bool {
		c, err := l.Counts(t.Context())
		return err == nil && c.Studies[ledger.StateReported] == 3 && c.Deliveries[ledger.DeliverySent] == 3
	})
	if kinds := eventKinds(History(t, l, "1.0")); !strings.Contains(kinds, ledger.EventRecovered) {
		t.Errorf("events %s, want one that tells of the recovery", kinds)
	}
}

func (s suite) TestKill_StudyThatKillsEndsAsCrashed(t *testing.T) {
	place := s.Place(t)
	s.settleThree(t, place)
	Killed(t, roleJobs, place)
	Killed(t, roleJobs, place)
	l := s.open(t, place, ledger.Options{MaxAttempts: 2})
	var calls atomic.Int32
	startJobs(t, l, ledger.Handlers{
		Process: func(context.Context, int64) error { calls.Add(1); return nil },
		Deliver: deliverNothing,
	})
	h := History(t, l, "1.1")
	if r := h.Revisions[0]; r.State != ledger.StateNotProcessed || r.Reason.Code != ledger.ReasonCrashed || r.Reason.Remedy == "" {
		t.Errorf("revision %+v, want not processed, crashed", r)
	}
	if calls.Load() != 0 {
		t.Errorf("processed %d times more", calls.Load())
	}
}

// Who speaks to others is interrupted by any end of the program: however often it is killed, the report goes out.
func (s suite) TestKill_ReportOfStorageCommitmentRunsAgain(t *testing.T) {
	place := s.Place(t)
	l := s.open(t, place, ledger.Options{MaxAttempts: 2})
	c := request(t, l, ledger.CommitmentSCP{TransactionUID: "1.1", CallingAE: "CT1"})
	Must(t, l.QueueCommitmentSCP(t.Context(), c.ID), l.Close())
	for range 3 {
		Killed(t, roleReport, place)
	}
	l = s.open(t, place, ledger.Options{MaxAttempts: 2})
	report := func(ctx context.Context, id int64) error {
		return l.FinishCommitmentSCP(ctx, id, ledger.SCPReported, "done")
	}
	startJobs(t, l, ledger.Handlers{Process: reporting(l), Deliver: deliverNothing, CommitmentSCP: report})
	WaitFor(t, "the report", func() bool { return commitmentSCP(t, l, c.ID).State == ledger.SCPReported })
}
