package status

import "time"

// ClockSlack is how far the clock of a machine may be from that of the database before anybody is told.
const ClockSlack = 5 * time.Second

// ClockWords is "60 s ahead" or "2 min behind".
func ClockWords(ahead time.Duration) string {
	if ahead < 0 {
		return span(-ahead) + " behind"
	}
	return span(ahead) + " ahead"
}

// Clock says how the clock of the node's machine is: "right", or "60 s ahead".
func (m Member) Clock() string {
	switch {
	case !m.Lives():
		return ""
	case !m.ClockOff():
		return "right"
	}
	return ClockWords(m.said.ClockAhead)
}

// ClockOff says whether the clock of the node's machine is not that of the database.
func (m Member) ClockOff() bool { return m.Lives() && m.said.ClockAhead.Abs() > ClockSlack }
