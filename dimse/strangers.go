package dimse

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"jcsnode/netfault"
)

const (
	// strangerQuiet is how long an address that made no request is not mentioned again.
	strangerQuiet = time.Hour
	// strangerMemory is how many addresses are remembered for that; when it is full all are forgotten.
	strangerMemory = 1024
)

// strangers reports connections that brought no request, once per address and hour: port scanners, load balancers that
// probe, HTTP and HL7 at the wrong port.
type strangers struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

func (s *strangers) report(log *slog.Logger, addr net.Addr, err error) {
	level := slog.LevelDebug
	if !errors.Is(err, ErrShutdown) && s.first(host(addr), time.Now()) {
		level = slog.LevelWarn
	}
	log.Log(context.Background(), level, "connection without an association request; further ones from there are logged at debug level",
		"peer", addr.String(), "error", netfault.Words(err))
}

func (s *strangers) first(address string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, known := s.seen[address]; known && now.Sub(last) < strangerQuiet {
		return false
	}
	if s.seen == nil || len(s.seen) >= strangerMemory {
		s.seen = make(map[string]time.Time)
	}
	s.seen[address] = now
	return true
}
