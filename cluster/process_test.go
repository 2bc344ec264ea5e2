package cluster_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"jcsnode/cluster"
	"jcsnode/pgtest"
)

const childURL, childID = "CLUSTER_TEST_URL", "CLUSTER_TEST_ID"

// child is a member that says what it does: it joins, holds the lock of a destination and sends.
func child() {
	m, err := cluster.Join(context.Background(), cluster.Options{URL: os.Getenv(childURL), ID: os.Getenv(childID),
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		fmt.Println("failed", err)
		return
	}
	go func() {
		_ = m.Each(context.Background(), func(ctx context.Context, incarnation string) error {
			fmt.Println("joined", incarnation)
			<-ctx.Done()
			fmt.Println("lost", incarnation)
			return nil
		})
	}()
	_ = m.Hold(context.Background(), "deliver pacs", func(ctx context.Context) error {
		fmt.Println("holds")
		for ctx.Err() == nil {
			if err := m.Fenced(); err != nil {
				fmt.Println("fenced", err)
				<-ctx.Done()
				return nil
			}
			fmt.Println("sends")
			time.Sleep(20 * time.Millisecond)
		}
		return nil
	})
}

// line is what a process said, and when.
type line struct {
	text string
	at   time.Time
}

type process struct {
	id  string
	cmd *exec.Cmd

	mu    sync.Mutex
	lines []line
}

// start starts a member as a process, by a command before it if there is one.
func start(t *testing.T, url, id string, before ...string) *process {
	t.Helper()
	args := append(before, os.Args[0])
	p := &process{id: id, cmd: exec.Command(args[0], args[1:]...)}
	p.cmd.Env = append(os.Environ(), childURL+"="+url, childID+"="+id)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.mu.Lock()
			p.lines = append(p.lines, line{s.Text(), time.Now()})
			p.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may be dead
		<-read
		_ = p.cmd.Wait()
	})
	return p
}

// after gives the first line with the prefix that was said after a time.
func (p *process) after(since time.Time, prefix string) (line, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.lines {
		if l.at.After(since) && strings.HasPrefix(l.text, prefix) {
			return l, true
		}
	}
	return line{}, false
}

// waits gives it as soon as it is said.
func (p *process) waits(t *testing.T, since time.Time, prefix string) line {
	t.Helper()
	for deadline := time.Now().Add(40 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if l, ok := p.after(since, prefix); ok {
			return l
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s never said %q; it said %s", p.id, prefix, p.told())
		}
	}
}

// told is all that was said but for the objects sent.
func (p *process) told() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	for _, l := range p.lines {
		if l.text != "sends" {
			fmt.Fprintf(&b, "%s %s; ", l.at.Format(time.StampMilli), l.text)
		}
	}
	return b.String()
}

// lastSent is when it sent last before a time.
func (p *process) lastSent(before time.Time) (last time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.lines {
		if l.text == "sends" && l.at.Before(before) {
			last = l.at
		}
	}
	return last
}

// pair starts two members, of which the first holds the lock.
func pair(t *testing.T, url string) (a, b *process) {
	t.Helper()
	a = start(t, url, "a")
	a.waits(t, time.Time{}, "sends")
	b = start(t, url, "b")
	b.waits(t, time.Time{}, "joined")
	return a, b
}

// takesOver checks that b sends within a bound after a time, and only after a has stopped.
func takesOver(t *testing.T, a, b *process, since time.Time, within time.Duration) line {
	t.Helper()
	first := b.waits(t, since, "sends")
	t.Logf("taken over after %v", first.at.Sub(since).Round(10*time.Millisecond))
	if first.at.Sub(since) > within {
		t.Errorf("taken over after %v, want at most %v", first.at.Sub(since), within)
	}
	time.Sleep(50 * time.Millisecond)
	if l, ok := a.after(first.at, "sends"); ok {
		t.Errorf("the other one sends %v later", l.at.Sub(first.at))
	}
	return first
}

func TestProcess_Killed(t *testing.T) {
	t.Parallel()
	url := pgtest.Shared(t).Database(t, "", nil)
	a, b := pair(t, url)
	witness := quick(t, url, "witness")
	gone := strings.TrimPrefix(a.waits(t, time.Time{}, "joined").text, "joined ")
	killed := time.Now()
	if err := a.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for {
		dead, err := witness.Dead(t.Context(), []string{gone})
		if err != nil {
			t.Fatal(err)
		}
		if len(dead) == 1 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if free := time.Since(killed); free > time.Second {
		t.Errorf("its locks were free after %v", free)
	} else {
		t.Logf("its locks were free after %v", free)
	}
	takesOver(t, a, b, killed, 10*time.Second)
	again := start(t, url, "a") // under the same ID, as another incarnation
	if l := again.waits(t, killed, "joined"); l.text == "joined "+gone {
		t.Error(l.text)
	}
}

func TestProcess_PostgreSQLRestarts(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	a, b := pair(t, server.Database(t, "", nil))
	stopped := time.Now()
	server.Stop(t, syscall.SIGINT)
	t.Logf("noticed after %v", a.waits(t, stopped, "lost").at.Sub(stopped).Round(10*time.Millisecond))
	b.waits(t, stopped, "lost")
	again := time.Now() // they may join before Again returns
	server.Again(t)
	a.waits(t, again, "joined")
	b.waits(t, again, "joined")
	for {
		_, one := a.after(again, "sends")
		_, two := b.after(again, "sends")
		if one && two {
			t.Fatal("both send")
		}
		if one || two {
			t.Logf("goes on %v after the server", time.Since(again).Round(10*time.Millisecond))
			break
		}
		time.Sleep(10 * time.Millisecond)
		if time.Since(again) > 20*time.Second {
			t.Fatal("nobody goes on")
		}
	}
}

// A process that was stopped for longer than the bound keeps its session, since the kernel answers for it; what it does first when it goes
// on is to find that out.
func TestProcess_Stopped(t *testing.T) {
	t.Parallel()
	a, _ := pair(t, pgtest.Shared(t).Database(t, "", nil))
	signal := func(s syscall.Signal) {
		if err := a.cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	signal(syscall.SIGSTOP)
	time.Sleep(6 * time.Second)
	before := a.lastSent(time.Now())
	goesOn := time.Now()
	signal(syscall.SIGCONT)
	lost := a.waits(t, goesOn, "lost")
	t.Logf("lost %v after it went on", lost.at.Sub(goesOn).Round(time.Millisecond))
	joined := a.waits(t, goesOn, "joined")
	if sent := a.lastSent(joined.at); !sent.Equal(before) {
		t.Errorf("it sent %v after it went on", sent.Sub(goesOn))
	}
}
