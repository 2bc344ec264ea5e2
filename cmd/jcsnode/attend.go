package main

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// attend tells the service manager how the node is, and reloads the configuration as often as it is asked to, from when the node is ready
// until it has ended. ctx ends when the node is to end.
func (s *service) attend(ctx, ended context.Context, hangUps <-chan os.Signal) {
	m := manager{s.log}
	m.say(daemon.SdNotifyReady, "STATUS="+s.node.Describe())
	watchdog, stop := m.watchdog()
	defer stop()
	stopping := ctx.Done()
	for {
		select {
		case <-ended.Done():
			return
		case <-stopping:
			stopping = nil
			m.say(daemon.SdNotifyStopping, "STATUS=stopping: open associations may finish")
		case <-hangUps:
			if ctx.Err() != nil {
				continue
			}
			m.say(daemon.SdNotifyReloading, daemon.SdNotifyMonotonicUsec())
			s.reload(ctx)
			m.say(daemon.SdNotifyReady, "STATUS="+s.node.Describe())
		case <-watchdog.ticks:
			// While it stops, the manager's own limit for that counts.
			if ctx.Err() == nil {
				if err := s.node.Alive(ctx, watchdog.limit); err != nil {
					s.log.Error("the node stands still: the service manager is not told that it lives, and will end it", "error", err)
					continue
				}
			}
			m.say(daemon.SdNotifyWatchdog)
		}
	}
}

// manager is systemd, if that started the program (sd_notify(3)); nobody is told anything otherwise.
type manager struct{ log *slog.Logger }

func (m manager) say(lines ...string) {
	if _, err := daemon.SdNotify(false, strings.Join(lines, "\n")); err != nil {
		m.log.Warn("the service manager could not be told how the node is", "error", err)
	}
}

// watchdog is when the manager wants to hear that the node lives.
type watchdog struct {
	ticks <-chan time.Time // nil: it does not ask
	limit time.Duration    // within which the node must show that it works
}

// watchdog asks three times within the manager's limit, so that one answer may be late.
func (m manager) watchdog() (w watchdog, stop func()) {
	limit, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		m.log.Warn("the service manager asks for signs of life in a way that is not understood", "error", err)
	}
	if err != nil || limit <= 0 {
		return w, func() {}
	}
	tick := time.NewTicker(max(limit/3, time.Millisecond))
	return watchdog{tick.C, limit / 3}, tick.Stop
}
