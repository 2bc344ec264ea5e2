// Package pgtest gives tests a PostgreSQL server of their own: made when the first test asks, stopped when the test binary ends, however it
// ends. Where Debian's package postgresql-15 is not installed the test is skipped, and fails with CI=true.
//
// For tests only; it knows nothing of the program.
package pgtest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
)

// Cluster is a running server with trusting authentication, without fsync.
type Cluster struct {
	dir    string
	port   int
	server *server

	mu        sync.Mutex
	templates map[string]string // by the name that the caller gave
	databases atomic.Int64
}

var shared = sync.OnceValues(func() (*Cluster, error) { return newCluster(nil) })

// Shared gives the server of this test binary, for tests that do not stop it.
func Shared(t testing.TB) *Cluster {
	t.Helper()
	installed(t)
	c, err := shared()
	if err != nil {
		t.Fatalf("starting PostgreSQL: %v", err)
	}
	return c
}

// Start gives a test a server for itself, with lines for postgresql.conf, such as "tcp_keepalives_idle = 2".
func Start(t testing.TB, settings ...string) *Cluster {
	t.Helper()
	installed(t)
	c, err := newCluster(settings)
	if err != nil {
		t.Fatalf("starting PostgreSQL: %v", err)
	}
	t.Cleanup(func() {
		c.Stop(t, syscall.SIGQUIT)
		os.RemoveAll(c.dir)
	})
	return c
}

// Database makes a database and gives its address; it goes when the test ends. prepare fills the template of that name, once for each
// server: migrations, say. Without prepare the database is empty.
func (c *Cluster) Database(t testing.TB, name string, prepare func(address string) error) string {
	t.Helper()
	template, err := c.template(t.Context(), name, prepare)
	if err != nil {
		t.Fatalf("preparing a database: %v", err)
	}
	database := fmt.Sprintf("test%d", c.databases.Add(1))
	if err := c.execute(t.Context(), "CREATE DATABASE "+database+" TEMPLATE "+template+" STRATEGY FILE_COPY"); err != nil {
		t.Fatalf("making a database: %v", err)
	}
	t.Cleanup(func() { // a test may have stopped the server
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := c.execute(ctx, "DROP DATABASE IF EXISTS "+database+" WITH (FORCE)"); err != nil {
			t.Logf("removing a database: %v", err)
		}
	})
	return c.Address(database)
}

// Address is the URL of a database; the socket of the server is in Folder.
func (c *Cluster) Address(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User("postgres"), Host: "127.0.0.1:" + strconv.Itoa(c.port), Path: "/" + database,
		RawQuery: "sslmode=disable"}
	return u.String()
}

// Port is the TCP port on 127.0.0.1.
func (c *Cluster) Port() int { return c.port }

// Folder holds the socket, and in log what the server wrote.
func (c *Cluster) Folder() string { return c.dir }

// Stop ends the server: SIGINT at once but orderly, SIGQUIT as a crash, SIGKILL as a crash without a word to its children.
func (c *Cluster) Stop(t testing.TB, signal os.Signal) {
	t.Helper()
	if err := c.server.stop(signal); err != nil {
		t.Fatalf("stopping PostgreSQL: %v", err)
	}
}

// Again starts a server that was stopped, with the same port and data.
func (c *Cluster) Again(t testing.TB) {
	t.Helper()
	if err := c.start(); err != nil {
		t.Fatalf("starting PostgreSQL again: %v", err)
	}
}

func (c *Cluster) template(ctx context.Context, name string, prepare func(string) error) (string, error) {
	if prepare == nil {
		return "template0", nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if made, ok := c.templates[name]; ok {
		return made, nil
	}
	template := fmt.Sprintf("prepared%d", len(c.templates)+1)
	if err := c.execute(ctx, "CREATE DATABASE "+template+" TEMPLATE template0"); err != nil {
		return "", err
	}
	if err := prepare(c.Address(template)); err != nil {
		return "", err
	}
	c.templates[name] = template
	return template, nil
}

func (c *Cluster) execute(ctx context.Context, statement string) error {
	db, err := sql.Open("pgx", c.Address("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// memory is a file system in memory: a database is some 300 files, whose making is most of what a short test costs on a disk.
const (
	memory = "/dev/shm"
	enough = 2 << 30
)

// home is where servers have their folders: in memory if there is enough, else where temporary files are.
func home() string {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(memory, &fs); err != nil || fs.Bavail*uint64(fs.Bsize) < enough {
		return ""
	}
	return memory
}

func newCluster(settings []string) (*Cluster, error) {
	dir, err := os.MkdirTemp(home(), "pgtest")
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir, templates: map[string]string{}}
	if err := c.initialise(settings); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	if err := c.start(); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return c, nil
}

func (c *Cluster) initialise(settings []string) error {
	if err := give(c.dir); err != nil {
		return err
	}
	cmd, err := command("initdb", "-A", "trust", "-U", "postgres", "--locale=C", "--encoding=UTF8", "--no-sync",
		"-D", filepath.Join(c.dir, "data"))
	if err != nil {
		return err
	}
	cmd.Dir = c.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	f, err := os.OpenFile(filepath.Join(c.dir, "data", "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	lines := append([]string{"", "fsync = off", "full_page_writes = off", "synchronous_commit = off", "listen_addresses = '127.0.0.1'",
		"unix_socket_directories = '" + c.dir + "'", "max_connections = 1000", "shared_buffers = 64MB"}, settings...)
	_, err = f.WriteString(strings.Join(lines, "\n") + "\n")
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// start takes a free port at the first start; another program may take it first.
func (c *Cluster) start() error {
	first := c.port == 0
	for try := 1; ; try++ {
		if first {
			port, err := freePort()
			if err != nil {
				return err
			}
			c.port = port
		}
		s, err := serve(c.dir, c.port)
		if err != nil {
			return err
		}
		if err = c.answers(s); err == nil {
			c.server = s
			return nil
		}
		if e := s.stop(syscall.SIGQUIT); e != nil {
			return e
		}
		if !first || try == 5 {
			log, _ := os.ReadFile(filepath.Join(c.dir, "log"))
			return fmt.Errorf("%w\n%s", err, log)
		}
	}
}

// answers waits until the server takes connections.
func (c *Cluster) answers(s *server) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		err := c.execute(ctx, "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("the server ended: %w", err)
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}
