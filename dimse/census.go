package dimse

import (
	"container/list"
	"context"
	"fmt"
	"net"
	"sync"
)

// maxStrangers is how many connections may be open without an association: before their request, or after their end until
// the peer closes. Each costs about 10 KB, and up to pdu.MaxAssociateLength while a long request arrives. Beyond it the
// oldest is closed, so that a newcomer is served however many are silent.
const maxStrangers = 1024

// connection is one connection of a Server.
type connection struct {
	link *link

	// The census guards what follows.
	id       uint64        // of the association, 0 before
	peer     string        // key of the association in census.peers while it is counted
	counted  bool          // it holds a place among the associations
	stranger *list.Element // its place among the strangers
	cancel   context.CancelCauseFunc
}

// census knows all connections and counts the associations among them.
type census struct {
	mu           sync.Mutex
	limit        int // 0: none
	limitPerPeer int // 0: none
	lastID       uint64
	all          map[*connection]struct{}
	strangers    *list.List // of *connection, oldest first
	associations int
	peers        map[string]int
	listeners    []net.Listener
	draining     chan struct{} // nil until drain; closed when the last association ends
	over         bool
}

func (s *census) init(limit, limitPerPeer int) {
	s.limit, s.limitPerPeer = limit, limitPerPeer
	s.all = make(map[*connection]struct{})
	s.strangers = list.New()
	s.peers = make(map[string]int)
}

// listen remembers a listener and counts it as work, unless the server is stopped.
func (s *census) listen(l net.Listener, work *sync.WaitGroup) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	work.Add(1)
	s.listeners = append(s.listeners, l)
	return true
}

// enter takes in a new connection and closes the oldest stranger if there are too many.
func (s *census) enter(c *connection) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	if s.strangers.Len() >= maxStrangers {
		s.evictLocked()
	}
	s.all[c] = struct{}{}
	c.stranger = s.strangers.PushBack(c)
	return true
}

// evict closes the oldest connection that has no association.
func (s *census) evict() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.evictLocked()
}

func (s *census) evictLocked() {
	if oldest := s.strangers.Front(); oldest != nil {
		c := s.strangers.Remove(oldest).(*connection)
		c.stranger = nil
		_ = transport(c.link.conn).Close() // not that of TLS, which may wait for a write
	}
}

// admit gives the association a place, or says why not.
func (s *census) admit(c *connection, peer string) *Rejection {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.draining != nil:
		return &Rejection{Result: 2, Source: 3, Reason: 1, Detail: "this server is shutting down"}
	case s.limit > 0 && s.associations >= s.limit:
		return &Rejection{
			Result: 2,
			Source: 3,
			Reason: 2,
			Detail: fmt.Sprintf("%d associations are open, the limit in all: raise it if they should be", s.associations),
		}
	case s.limitPerPeer > 0 && s.peers[peer] >= s.limitPerPeer:
		return &Rejection{
			Result: 2,
			Source: 3,
			Reason: 2,
			Detail: fmt.Sprintf("%d associations of this peer are open, the limit of one: raise it if they should be", s.peers[peer]),
		}
	}
	s.associations++
	s.peers[peer]++
	s.lastID++
	c.id, c.peer, c.counted = s.lastID, peer, true
	if c.stranger != nil {
		s.strangers.Remove(c.stranger)
		c.stranger = nil
	}
	return nil
}

// cancelBy says how the handler learns that the server gives the association up.
func (s *census) cancelBy(c *connection, cancel context.CancelCauseFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.cancel = cancel
	if s.over {
		cancel(ErrShutdown)
	}
}

// dismiss frees the place of an association; the connection is a stranger again until it closes.
func (s *census) dismiss(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dismissLocked(c)
	if _, open := s.all[c]; open && c.stranger == nil {
		if s.strangers.Len() >= maxStrangers {
			s.evictLocked()
		}
		c.stranger = s.strangers.PushBack(c)
	}
}

func (s *census) dismissLocked(c *connection) {
	if !c.counted {
		return
	}
	c.counted = false
	s.associations--
	if s.peers[c.peer]--; s.peers[c.peer] == 0 {
		delete(s.peers, c.peer)
	}
	if s.draining != nil && s.associations == 0 {
		close(s.draining)
	}
}

// leave forgets a closed connection.
func (s *census) leave(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dismissLocked(c)
	if c.stranger != nil {
		s.strangers.Remove(c.stranger)
		c.stranger = nil
	}
	delete(s.all, c)
}

// drain lets no association in any more and returns a channel that is closed when none is left.
func (s *census) drain() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining == nil {
		s.draining = make(chan struct{})
		if s.associations == 0 {
			close(s.draining)
		}
	}
	return s.draining
}

// stop closes the listeners and interrupts every connection. It returns how many associations that hit.
func (s *census) stop(cause error) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for _, l := range s.listeners {
		_ = l.Close()
	}
	s.listeners = nil
	for c := range s.all {
		c.link.interrupt(cause, false)
		if c.cancel != nil {
			c.cancel(cause)
		}
	}
	return s.associations
}

func (s *census) stopped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}
