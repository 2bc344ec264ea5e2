package status

import (
	"strings"
	"testing"
	"time"
)

func TestIn(t *testing.T) {
	now := time.Now()
	for left, want := range map[time.Duration]string{
		900 * time.Millisecond: "1 s", 90 * time.Second: "90 s",
		119*time.Second + 700*time.Millisecond: "2 min", 65 * time.Minute: "65 min",
		2 * time.Hour: "2 h", 50 * time.Hour: "50 h",
	} {
		if got, want := in(now, now.Add(left)), "at "+Clock(now.Add(left))+", in "+want; got != want {
			t.Errorf("%v: %q, want %q", left, got, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Plural(0, "object"), "0 objects"}, {Plural(1, "delivery"), "1 delivery"}, {Plural(2, "delivery"), "2 deliveries"},
		{was(1, "object"), "1 object was"}, {was(2, "object"), "2 objects were"},
		{times(1), "once"}, {times(2), "twice"}, {times(3), "3 times"},
		{Counted(nil), "none"}, {Counted(map[string]int{"sent": 17, "failed": 2}), "2 failed, 17 sent"},
		{Clock(time.Time{}), "-"},
		{standing("waiting", 0, ""), "waiting, not tried yet"}, {standing("waiting", 0, "connection failed"), "waiting: connection failed"},
		{standing("failed", 1, "A900H"), "failed after 1 attempt: A900H"}, {standing("waiting", 2, ""), "waiting after 2 attempts"},
		{stop("no room"), "no room."}, {stop("no room."), "no room."}, {stop(""), ""},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestGrouped(t *testing.T) {
	var got []string
	for _, g := range grouped(strings.Fields("b1 a2 b3 a1 b1"),
		func(s string) string { return s }, func(s string) string { return s[:1] }) {
		got = append(got, strings.Join(g.all, "+"))
	}
	if got, want := strings.Join(got, " "), "a2 a1 b1+b1 b3"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
