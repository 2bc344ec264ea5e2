package deliver

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// passing is the schedule of a destination without one of its own.
var passing = Policy{Base: 30 * time.Second, Cap: 30 * time.Minute, Factor: 2}

func TestRetry_TheDestinationsOwnSchedule(t *testing.T) {
	own := Policy{Base: 10 * time.Second, Cap: time.Minute, Factor: 3, Age: 24 * time.Hour}
	if got := RetrySoon.Policy(own); got != own {
		t.Errorf("trouble that passes: %+v, want the destination's own %+v", got, own)
	}
	for _, r := range []Retry{RetrySlow, RetryFew, RetryFewSlow, RetryProbe} {
		got, want := r.Policy(own), r.Policy(passing)
		want.Age = own.Age
		if got != want {
			t.Errorf("%s: %+v, want its own schedule, ended after a day: %+v", r, got, want)
		}
	}
	alone := own
	if got := RetryAlone.Policy(own); got != alone {
		t.Errorf("ends its association: %+v, want the destination's own %+v", got, alone)
	}
	own.Age = 30 * 24 * time.Hour
	if got := RetrySlow.Policy(own).Age; got != 3*24*time.Hour {
		t.Errorf("out of resources for a month: ends after %v, want three days", got)
	}
	if _, again := RetryNever.Policy(own).Next(1, 0, func() float64 { return 0 }); again {
		t.Error("what nobody wants is tried again")
	}
}

func TestPolicy_NextGrowsToTheCap(t *testing.T) {
	noJitter := func() float64 { return 0 }
	p := Policy{Base: time.Minute, Cap: 10 * time.Minute, Factor: 2}
	for i, want := range []time.Duration{1, 2, 4, 8, 10, 10} {
		got, again := p.Next(i+1, time.Hour, noJitter)
		if got != want*time.Minute || !again {
			t.Errorf("after %d attempts: got %v, %v, want %v, true", i+1, got, again, want*time.Minute)
		}
	}
	if got, again := p.Next(1_000_000, time.Hour, noJitter); got != p.Cap || !again {
		t.Errorf("after a million attempts: got %v, %v, want the cap", got, again)
	}
}

func TestPolicy_NextEnds(t *testing.T) {
	half := func() float64 { return 0.5 }
	for _, c := range []struct {
		name     string
		retry    Retry
		attempts int
		age      time.Duration
		again    bool
	}{
		{"never", RetryNever, 1, 0, false},
		{"unknown class", "nonsense", 1, 0, false},
		{"transport after a week", RetrySoon, 400, 7 * 24 * time.Hour, true},
		{"out of resources, second day", RetrySlow, 30, 48 * time.Hour, true},
		{"out of resources, after days", RetrySlow, 40, 73 * time.Hour, false},
		{"ends its association, second day", RetryAlone, 100, 48 * time.Hour, true},
		{"ends its association, after days", RetryAlone, 150, 73 * time.Hour, false},
		{"few, fourth", RetryFew, 4, time.Hour, true},
		{"few, fifth", RetryFew, 5, time.Hour, false},
		{"few slow, fifth", RetryFewSlow, 5, time.Hour, false},
		{"configuration after a month", RetryProbe, 200, 30 * 24 * time.Hour, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			delay, again := c.retry.Policy(passing).Next(c.attempts, c.age, half)
			if again != c.again || again != (delay > 0) {
				t.Fatalf("got %v, %v, want again %v", delay, again, c.again)
			}
		})
	}
}

func TestPolicy_NextStaysWithinHalfAndWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		retries := []Retry{RetrySoon, RetryAlone, RetrySlow, RetryFew, RetryFewSlow, RetryProbe}
		p := rapid.SampledFrom(retries).Draw(t, "retry").Policy(passing)
		attempts := rapid.IntRange(1, 4).Draw(t, "attempts")
		r := rapid.Float64Range(0, 0.999999).Draw(t, "random")
		whole, _ := p.Next(attempts, 0, func() float64 { return 0 })
		got, again := p.Next(attempts, 0, func() float64 { return r })
		if !again || got > whole || got < whole/2 || got > p.Cap {
			t.Fatalf("attempt %d, random %v: got %v, want within [%v, %v]", attempts, r, got, whole/2, whole)
		}
	})
}
