package s3test

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// insecure is for the tests' own questions.
func insecure() *http.Transport {
	return &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}
}

// Proxy is a line to a server that can be cut and slowed down.
type Proxy struct {
	Address string
	mu      sync.Mutex // guards what follows
	open    map[net.Conn]bool
	after   int64         // bytes of the server after which a connection is cut; 0: never
	delay   time.Duration // before each piece of the server
	read    int64         // bytes that came from the server
}

// Through makes a line to a server.
func Through(t testing.TB, server *Server) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Address: l.Addr().String(), open: map[net.Conn]bool{}}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { p.serve(c, server.Address) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.Cut()
		all.Wait()
	})
	return p
}

// CutAfter has each connection cut after so many bytes of the server; 0: no more.
func (p *Proxy) CutAfter(bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.after = bytes
}

// Delay has each piece of the server come so much later.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Read is how many bytes came from the server so far.
func (p *Proxy) Read() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.read
}

// Cut cuts what is open.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		c.Close()
	}
}

func (p *Proxy) serve(c net.Conn, to string) {
	s, err := net.Dial("tcp", to)
	if err != nil {
		c.Close()
		return
	}
	p.mu.Lock()
	p.open[c], p.open[s] = true, true
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { io.Copy(s, c); s.Close(); c.Close() })
	both.Go(func() { p.back(c, s); s.Close(); c.Close() })
	both.Wait()
	p.mu.Lock()
	delete(p.open, c)
	delete(p.open, s)
	p.mu.Unlock()
}

// back passes on what the server says.
func (p *Proxy) back(c, s net.Conn) {
	piece := make([]byte, 32<<10)
	var sent int64
	for {
		n, err := s.Read(piece)
		p.mu.Lock()
		after, delay := p.after, p.delay
		p.read += int64(n)
		p.mu.Unlock()
		time.Sleep(delay)
		if after > 0 && sent+int64(n) > after {
			c.Write(piece[:max(0, after-sent)])
			return
		}
		if _, e := c.Write(piece[:n]); e != nil || err != nil {
			return
		}
		sent += int64(n)
	}
}
