package main

import (
	"slices"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		in   []time.Duration
		want float64
	}{{[]time.Duration{3e6, 1e6, 9e6}, 3}, {[]time.Duration{4e6, 1e6, 2e6, 9e6}, 3}} {
		if got := median(c.in); got != c.want {
			t.Errorf("median %v = %v ms, want %v", c.in, got, c.want)
		}
	}
}

func TestNumbers(t *testing.T) {
	if got, err := numbers("1,2"); err != nil || !slices.Equal(got, []int{1, 2}) {
		t.Errorf("%v, %v", got, err)
	}
	for _, wrong := range []string{"", "0", "1,", "two"} {
		if got, err := numbers(wrong); err == nil {
			t.Errorf("%q: %v", wrong, got)
		}
	}
}
