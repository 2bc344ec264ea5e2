package dimse

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"jcsnode/dimse/pdu"
)

// storeCommandSet is a packed C-STORE-RQ.
func storeCommandSet(id uint16) []byte {
	c := storeCommand(id)
	return c.Append(nil)
}

// trickle sends one PDU with content after another until the connection closes.
func (p *raw) trickle(id byte, command bool, content []byte) {
	piece := pdu.AppendPData(nil, pdu.PDV{ContextID: id, Command: command}, content, 16)
	piece[pdu.HeaderLength+5] &^= 2 // not the last fragment
	for {
		if _, err := p.conn.Write(piece); err != nil {
			return
		}
	}
}

func TestServer_AbortsAMessageThatTrickles(t *testing.T) {
	for name, content := range map[string][]byte{"data set": {0}, "command set": {}} {
		command := len(content) == 0 // of which there is never too much
		t.Run(name, func(t *testing.T) {
			address, handler := serve(t, func(s *Server) { s.MinRate, s.Timeouts.Progress = 1<<40, 20*time.Millisecond })
			p := associated(t, address)
			if !command {
				p.write(pdu.AppendPData(nil, pdu.PDV{ContextID: contextStore, Command: true}, storeCommandSet(1), 16378))
			}
			done := make(chan struct{})
			go func() { defer close(done); p.trickle(contextStore, command, content) }()
			defer func() { _ = p.conn.Close(); <-done }()
			var timeout *TimeoutError
			if err := handler.end(t); !errors.As(err, &timeout) || !strings.Contains(err.Error(), "bytes per second") {
				t.Errorf("ended with %v, want a timeout", err)
			}
			if got := handler.take(); len(got) != 0 {
				t.Errorf("%d instances stored", len(got))
			}
		})
	}
}

func TestServer_SilenceBetweenMessagesIsNoLackOfProgress(t *testing.T) {
	address, _ := serve(t, func(s *Server) { s.MinRate, s.Timeouts.Progress = 1<<40, 10*time.Millisecond })
	p := associated(t, address)
	for id := range uint16(3) {
		p.write(echoRequest(id + 1))
		p.wantStatus(pdu.CEchoRSP, id+1, StatusSuccess)
		_ = p.conn.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
		if _, err := p.conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("got %v, want silence", err)
		}
		_ = p.conn.SetReadDeadline(time.Now().Add(longestWait))
	}
	p.release()
}

func TestProgress_AveragesOverTheWindow(t *testing.T) {
	p := progress{rate: 100, window: time.Minute}
	p.begin()
	steps := []struct {
		name  string
		bytes int
		took  time.Duration
		good  bool
	}{
		{"pause shorter than the window", 1, 59 * time.Second, true},
		{"burst that makes up for it", 10000, time.Second, true},
		{"next window begins", 5, 30 * time.Second, true},
		{"and is too slow", 5, 31 * time.Second, false},
	}
	for _, s := range steps {
		if err := p.add(s.bytes, s.took); (err == nil) != s.good {
			t.Errorf("%s: %v", s.name, err)
		}
	}
	p.end()
	if err := p.add(0, time.Hour); err != nil {
		t.Errorf("between messages: %v", err)
	}
	p = progress{}
	p.begin()
	if err := p.add(0, time.Hour); err != nil {
		t.Errorf("without a rule: %v", err)
	}
}
