package access

import (
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"
)

// How long somebody stays logged in, and how many at a time.
const (
	sessionIdle = time.Hour
	sessionMost = 12 * time.Hour // a shift
	sessionKept = 1000
)

// sessions are the logins of this process. A restart ends them: nothing of them lies on the disk.
type sessions struct {
	now func() time.Time

	mu   sync.Mutex
	open map[[sha256.Size]byte]*session // guarded by mu; by digest, so that memory holds no cookie
}

type session struct {
	user        string
	hash        string // of the password that opened it: with a new one, the session is over
	began, used time.Time
}

func (s *session) over(now time.Time) bool {
	return now.Sub(s.used) > sessionIdle || now.Sub(s.began) > sessionMost
}

// begin opens a session and gives the secret that proves it.
func (s *sessions) begin(a Account) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.makeRoom(now)
	token := rand.Text() + rand.Text() // 256 bits
	s.open[sha256.Sum256([]byte(token))] = &session{a.Name, a.Hash, now, now}
	return token
}

// find is whose session the secret proves, with which hash; "" if nobody's.
func (s *sessions) find(token string) (user, hash string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key, now := sha256.Sum256([]byte(token)), s.now()
	one := s.open[key]
	if one == nil {
		return "", ""
	}
	if one.over(now) {
		delete(s.open, key)
		return "", ""
	}
	one.used = now
	return one.user, one.hash
}

func (s *sessions) end(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, sha256.Sum256([]byte(token)))
}

func (s *sessions) makeRoom(now time.Time) {
	if len(s.open) < sessionKept {
		return
	}
	var oldest [sha256.Size]byte
	first := now
	for key, one := range s.open {
		if one.over(now) {
			delete(s.open, key)
		} else if !one.used.After(first) {
			oldest, first = key, one.used
		}
	}
	if len(s.open) >= sessionKept {
		delete(s.open, oldest)
	}
}
