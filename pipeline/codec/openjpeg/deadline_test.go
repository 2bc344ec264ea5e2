package openjpeg

import (
	"errors"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestWithin_GivesUp: a decoding beyond its deadline is an error, too many of them refuse
// the next, and all is well again when they have ended.
func TestWithin_GivesUp(t *testing.T) {
	release := make(chan struct{})
	stuck := func() ([]int32, error) {
		<-release
		return nil, nil
	}
	for range maxAbandoned {
		if _, err := within(time.Millisecond, stuck); !errors.Is(err, ErrDeadline) {
			t.Fatalf("got %v, want ErrDeadline", err)
		}
	}
	quick := func() ([]int32, error) { return []int32{7}, nil }
	if _, err := within(time.Minute, quick); !errors.Is(err, ErrDeadline) {
		t.Errorf("with %d abandoned: %v, want ErrDeadline", maxAbandoned, err)
	}
	close(release)
	for abandoned.Load() > 0 {
		runtime.Gosched()
	}
	if got, err := within(time.Minute, quick); err != nil || len(got) != 1 {
		t.Errorf("afterwards: %v, %v", got, err)
	}
}
