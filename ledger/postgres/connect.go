package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sys/unix"
)

// IsAddress tells an address of a database from a path.
func IsAddress(place string) bool {
	return strings.HasPrefix(place, "postgres://") || strings.HasPrefix(place, "postgresql://")
}

// Redacted is an address for people: without a password and settings. Of what is not plainly an address nothing is shown: where a password
// has a slash, a question mark or a hash in it, any part may be of it.
func Redacted(address string) string {
	u, err := url.Parse(address)
	if err != nil || !IsAddress(address) || strings.Contains(address, "#") || strings.Contains(u.Path+u.RawQuery, "@") ||
		strings.Count(u.Path, "/") > 1 {
		return "postgres://?"
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	u.RawQuery = ""
	return u.String()
}

// A machine or a cable that is gone is noticed after keepAlive*(1+keepAliveCount) on a connection that rests, and after lostAfter on one
// that waits for an answer. By the settings of most systems that would be 2 h and 15 min. A process that stands still while its machine
// goes on, in the middle of a transaction, is given up after lostAfter, too: others wait for what it has locked.
const (
	connectTimeout = 5 * time.Second
	keepAlive      = 2 * time.Second
	keepAliveCount = 3
	lostAfter      = 8 * time.Second
)

// configOf is how connections are made. The server watches them as closely as we do.
func configOf(address string, password func() (string, error)) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, unreadable(err)
	}
	c := config.ConnConfig
	// Statements are planned each time: a plan that was made while the tables were empty reads them whole until the server looks again.
	c.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectTimeout
	}
	dialer := net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: keepAlive, Interval: keepAlive, Count: keepAliveCount},
		Control:         giveUpLost,
	}
	c.DialFunc = func(ctx context.Context, network, at string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, at)
	}
	for name, value := range map[string]string{
		"application_name":        "jcsnode",
		"tcp_keepalives_idle":     strconv.Itoa(int(keepAlive / time.Second)),
		"tcp_keepalives_interval": strconv.Itoa(int(keepAlive / time.Second)),
		"tcp_keepalives_count":    strconv.Itoa(keepAliveCount),
		"tcp_user_timeout":        strconv.Itoa(int(lostAfter / time.Millisecond)),

		"idle_in_transaction_session_timeout": strconv.Itoa(int(lostAfter / time.Millisecond)),
	} {
		if c.RuntimeParams[name] == "" {
			c.RuntimeParams[name] = value
		}
	}
	config.BeforeConnect = beforeConnect(password)
	return config, nil
}

// unreadable is why an address cannot be used. Other causes than a file may quote a password.
func unreadable(err error) error {
	var file *fs.PathError
	if errors.As(err, &file) {
		return &wordedError{remedy: "see that the node can read it", err: fmt.Errorf("read a file that its address names: %w", file)}
	}
	return errors.New("its address cannot be read: want postgres://USER@HOST:PORT/DATABASE, and settings as in the manual of PostgreSQL")
}

// beforeConnect asks for the password anew: it may have been changed, at the server first.
func beforeConnect(password func() (string, error)) func(context.Context, *pgx.ConnConfig) error {
	return func(_ context.Context, c *pgx.ConnConfig) error {
		if password == nil {
			return nil
		}
		text, err := password()
		if err != nil {
			return &wordedError{remedy: "see that the node can read it", passing: true, err: err}
		}
		if text != "" {
			c.Password = text
		}
		return nil
	}
}

// giveUpLost has a TCP connection end when what was sent is not acknowledged for too long.
func giveUpLost(network, _ string, c syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var set error
	err := c.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(lostAfter/time.Millisecond))
	})
	return errors.Join(err, set)
}
