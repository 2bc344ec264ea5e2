package guard_test

import (
	"errors"
	"sync/atomic"
	"testing"

	"jcsnode/guard"
)

func TestEach(t *testing.T) {
	done := make([]atomic.Int32, 100)
	guard.Each(len(done), func(i int) { done[i].Add(1) })
	for i := range done {
		if n := done[i].Load(); n != 1 {
			t.Errorf("%d was done %d times", i, n)
		}
	}
	guard.Each(0, func(int) { t.Error("there is nothing to do") })
}

// A panic on another goroutine comes out where the caller can recover it.
func TestEach_PanicReachesTheCaller(t *testing.T) {
	err := guard.Call(func() error {
		guard.Each(4, func(i int) {
			if i == 2 {
				panic("two")
			}
		})
		return nil
	})
	var p *guard.Panic
	if !errors.As(err, &p) {
		t.Fatalf("error %v, want a panic", err)
	}
}
