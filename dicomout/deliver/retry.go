package deliver

import (
	"math"
	"time"
)

// Retry says how an object that was not delivered should be tried again. The names are stored in the ledger.
type Retry string

const (
	// RetryNever is for what is done, and for what the peer will never take.
	RetryNever Retry = "never"
	// RetrySoon is for trouble that passes: the network, a busy peer.
	RetrySoon Retry = "soon"
	// RetrySlow is for a peer out of resources. Many archives say so for everything, hence an end after some days.
	RetrySlow Retry = "slow"
	// RetryFew is for unspecific failures, which either pass at once or stay.
	RetryFew Retry = "few"
	// RetryAlone is for an object that was on its way when its association ended. It goes by the destination's own schedule, for
	// AloneAge at most, and no more than AloneAttempts times where the peer takes other objects meanwhile.
	RetryAlone Retry = "alone"
	// RetryFewSlow is for a refusal of the association without a reason.
	RetryFewSlow Retry = "few-slow"
	// RetryProbe is for a peer that does not know us, or the other way round: people have to act, and then expect things to flow.
	RetryProbe Retry = "probe"
)

// AloneAttempts is how often an object may end its association while others get through: by the usual schedule an hour, which a
// restart of the peer in between does not use up. AloneAge ends it where nothing else was sent that would tell. ReplacedAttempts ends one
// that a newer result has replaced, which waits for it.
const (
	AloneAttempts    = 8
	AloneAge         = 3 * 24 * time.Hour
	ReplacedAttempts = 3
)

// Policy is the schedule of a class of retry.
type Policy struct {
	Base, Cap time.Duration // delay after the first failure, and the longest delay
	Factor    float64       // growth from one delay to the next
	Attempts  int           // attempts in all, after which the failure is permanent; 0: no limit
	Age       time.Duration // time since the first attempt, after which the failure is permanent; 0: no limit
}

// Policy returns the schedule of the class. RetryNever and unknown classes get the zero Policy, which never tries again. Passing is
// the destination's own schedule for RetrySoon; its age ends every other class, too.
func (r Retry) Policy(passing Policy) Policy {
	var p Policy
	switch r {
	case RetrySoon:
		return passing
	case RetryAlone:
		p = Policy{Base: passing.Base, Cap: passing.Cap, Factor: passing.Factor, Age: AloneAge}
	case RetrySlow:
		p = Policy{Base: 5 * time.Minute, Cap: 2 * time.Hour, Factor: 2, Age: 3 * 24 * time.Hour}
	case RetryFew:
		p = Policy{Base: time.Minute, Cap: 15 * time.Minute, Factor: 3, Attempts: 5}
	case RetryFewSlow:
		p = Policy{Base: 15 * time.Minute, Cap: 2 * time.Hour, Factor: 2, Attempts: 5}
	case RetryProbe:
		p = Policy{Base: time.Hour, Cap: 6 * time.Hour, Factor: 2}
	}
	if passing.Age > 0 && (p.Age == 0 || passing.Age < p.Age) {
		p.Age = passing.Age
	}
	return p
}

// Next returns the delay before the next attempt, or again = false when the failure is final. Attempts counts the attempts in a
// row that ended in this class of retry, at least 1, and age is the time since the first of them: a peer that was switched off for
// a week has used up nothing when it comes back and fails once. Random returns numbers in [0,1): the delay lies between half of
// the grown, capped value and the value, so that deliveries that failed together do not come back together.
func (p Policy) Next(attempts int, age time.Duration, random func() float64) (delay time.Duration, again bool) {
	if p.Base <= 0 || p.Attempts > 0 && attempts >= p.Attempts || p.Age > 0 && age >= p.Age {
		return 0, false
	}
	grown := float64(p.Base) * math.Pow(max(p.Factor, 1), float64(max(attempts, 1)-1))
	capped := min(grown, float64(max(p.Cap, p.Base))) // also takes +Inf
	return time.Duration(capped * (1 - random()/2)), true
}
