package node

import (
	"database/sql"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"jcsnode/config"
	"jcsnode/ledger"
	"jcsnode/ledger/postgres"
	"jcsnode/pgtest"
)

// line is a way to a server that takes connections and bytes, and can be silent.
type line struct {
	silent sync.RWMutex // while it is locked nothing comes through
}

// lineTo gives the address of a database behind such a line.
func lineTo(t *testing.T, address string) (*line, string) {
	t.Helper()
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &line{}
	server := to.Host
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("tcp", server)
			if err != nil {
				c.Close()
				return
			}
			go w.copy(s, c)
			go w.copy(c, s)
		}
	}()
	to.Host = l.Addr().String()
	return w, to.String()
}

func (w *line) copy(to, from net.Conn) {
	defer to.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		w.silent.RLock()
		_, e := to.Write(buffer[:n])
		w.silent.RUnlock()
		if err == io.EOF || err != nil || e != nil {
			return
		}
	}
}

// A database that takes every word and answers none is no reason to end a node that has it for itself: another process would hear no more.
// What waited for it goes on afterwards, and is given the time.
func TestAlive_DatabaseIsSilent(t *testing.T) {
	silence, address := lineTo(t, pgtest.Shared(t).Database(t, "", nil))
	c := config.Default()
	c.Ledger.URL = address
	n := newNode(c, "", slog.New(slog.DiscardHandler))
	var err error
	if n.ledger, err = ledger.Open(t.Context(), address, ledger.Options{Logger: n.log, TestOnly: true}); err != nil {
		t.Fatal(err)
	}
	defer n.ledger.Close()
	n.settling.beat()
	n.leading.Store(true)
	if err := n.Alive(t.Context(), 10*time.Second); err != nil {
		t.Fatalf("while it answers: %v", err)
	}
	long := time.Now().Add(-time.Minute).UnixNano()
	silence.silent.Lock()
	n.settling.at.Store(long) // the loop waits for an answer
	began := time.Now()
	err = n.Alive(t.Context(), 300*time.Millisecond)
	silence.silent.Unlock()
	if took := time.Since(began); err != nil || took > freshLimit {
		t.Errorf("while it is silent: %v after %v", err, took)
	}
	if err := n.Alive(t.Context(), 10*time.Second); err != nil {
		t.Errorf("right afterwards: %v", err)
	}
	n.databaseAway.at.Store(long)
	if err := n.Alive(t.Context(), 10*time.Second); err == nil || !strings.Contains(err.Error(), "no study was looked at") {
		t.Errorf("a loop that does not go on: %v", err)
	}
}

// Connections that are all stuck, while the database answers on a new one, are a fault that a restart mends, and are told of.
func TestAlive_ConnectionsAreStuck(t *testing.T) {
	address := pgtest.Shared(t).Database(t, "", nil)
	for name, kind := range map[string]string{"alone": config.StoreDisk, "one of several": config.StoreShared} {
		t.Run(name, func(t *testing.T) {
			c := config.Default()
			c.Ledger.URL, c.Store.Kind = address, kind
			n := newNode(c, "", slog.New(slog.DiscardHandler))
			db, err := postgres.Open(t.Context(), address, postgres.Options{Logger: n.log})
			if err != nil {
				t.Fatal(err)
			}
			if n.ledger, err = ledger.New(db, ledger.Options{Logger: n.log, TestOnly: true}); err != nil {
				t.Fatal(err)
			}
			defer n.ledger.Close()
			n.settling.beat()
			release := make(chan struct{})
			var stuck sync.WaitGroup
			for range 20 { // more than there are
				stuck.Go(func() {
					if err := db.Update(t.Context(), func(*sql.Tx) error { <-release; return nil }); err != nil {
						t.Error(err)
					}
				})
			}
			for began := time.Now(); err == nil && time.Since(began) < 20*time.Second; { // until all connections are had
				err = n.Alive(t.Context(), 2*time.Second)
			}
			close(release)
			stuck.Wait()
			if err == nil || !strings.Contains(err.Error(), "has not answered") {
				t.Errorf("while they are stuck: %v", err)
			}
			if err := n.Alive(t.Context(), 10*time.Second); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}
