package main

import (
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
