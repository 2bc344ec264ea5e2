package node

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"jcsnode/cluster"
	"jcsnode/config"
	"jcsnode/status"
)

// now is the time that all nodes on the ledger have. It is for what they compare; what is of this machine alone asks its own clock.
func (n *Node) now() time.Time { return n.member.Now() }

// clockIs is whose clock now is of, for the log.
func (n *Node) clockIs() string {
	if n.config.Several() {
		return "the database server's, which all nodes go by"
	}
	return "this machine's"
}

// clockWatch knows whether it was told that this machine's clock is off.
type clockWatch struct{ off bool }

// look tells once that it is, and once that it is not any more: at half of what is told of, so that a clock at the border is not news.
func (w *clockWatch) look(ahead time.Duration, log *slog.Logger) {
	switch {
	case !w.off && ahead.Abs() > status.ClockSlack:
		w.off = true
		log.Warn("the clock of this machine is not that of the database; studies settle by the database's",
			"clock", status.ClockWords(ahead), "remedy", "keep the clocks of this machine and of the database server right (NTP)")
	case w.off && ahead.Abs() < status.ClockSlack/2:
		w.off = false
		log.Info("the clock of this machine is that of the database again")
	}
}

// clockWait bounds the question for the database's time.
const clockWait = 3 * time.Second

// clockOf is the time that the nodes of a configuration have, for whoever is none of them; this machine's if the database does not say it.
func clockOf(c config.Config) func() time.Time {
	ask := sync.OnceValue(func() func() time.Time {
		ctx, cancel := context.WithTimeout(context.Background(), clockWait)
		defer cancel()
		now, err := cluster.Clock(ctx, c.Ledger.Address(), c.Ledger.Password)
		if err != nil {
			return time.Now
		}
		return now
	})
	return func() time.Time { return ask()() }
}
