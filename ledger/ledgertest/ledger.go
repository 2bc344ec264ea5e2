package ledgertest

import (
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"jcsnode/ledger"
)

// A stopped node finds at its next start what it was asked for meanwhile.
func (s suite) TestOpen_BesideAfterAStop(t *testing.T) {
	place := s.Place(t)
	l := s.open(t, place, ledger.Options{})
	Must(t, l.NotProcessed(t.Context(), settle(t, l, "1.2").ID, ledger.Reason{Code: "test", Text: "test"}, nil))
	Must(t, l.Close())
	beside := s.open(t, place, ledger.Options{Beside: true})
	Must(t, beside.Requeue(t.Context(), "1.2"))
	Must(t, beside.Close())
	if h := History(t, s.open(t, place, ledger.Options{}), "1.2"); h.State != ledger.StateSettled {
		t.Errorf("state %s, want settled", h.State)
	}
}

func (s suite) TestClosed(t *testing.T) {
	l, err := s.Open(t.Context(), s.Place(t), ledger.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Record(t.Context(), Slice("1", 1)); err != ledger.ErrClosed {
		t.Errorf("record after close: %v", err)
	}
	if err := l.Flush(t.Context()); err != ledger.ErrClosed {
		t.Errorf("flush after close: %v", err)
	}
}

func (s suite) TestClose_CommitsWhatWasRecorded(t *testing.T) {
	place := s.Place(t)
	l, err := s.Open(t.Context(), place, ledger.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 1000 {
		if err := l.Record(t.Context(), Slice("1.2", n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = s.open(t, place, ledger.Options{})
	if c, err := l.Counts(t.Context()); err != nil || c.Instances != 1000 {
		t.Errorf("%d instances, %v; want 1000", c.Instances, err)
	}
}

func (s suite) TestConcurrentReadersAndWriters(t *testing.T) {
	l := s.temp(t, ledger.Options{})
	ctx := t.Context()
	var writers, readers sync.WaitGroup
	stop := make(chan struct{})
	for w := range 4 {
		writers.Go(func() {
			study := fmt.Sprintf("1.2.%d", w)
			for n := range 100 {
				if err := l.Record(ctx, Slice(study, n)); err != nil {
					t.Error(err)
				}
			}
			if _, err := l.Settle(ctx, study, "test"); err != nil {
				t.Error(err)
			}
		})
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := l.Receiving(ctx); err != nil {
					t.Error(err)
				}
				all, err := l.Studies(ctx, ledger.Filter{})
				if err != nil {
					t.Error(err)
				}
				for _, s := range all {
					if h, err := l.History(ctx, s.StudyUID); err != nil || len(h.Events) == 0 {
						t.Errorf("history of %s: %v", s.StudyUID, err)
					}
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
	c, err := l.Counts(ctx)
	if err != nil || c.Instances != 400 || c.Studies[ledger.StateSettled] != 4 {
		t.Errorf("counts %+v, %v; want 400 instances in 4 settled studies", c, err)
	}
}
