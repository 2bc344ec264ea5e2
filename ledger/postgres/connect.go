package postgres

import (
	"context"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// IsAddress tells an address of a database from a path.
func IsAddress(place string) bool {
	return strings.HasPrefix(place, "postgres://") || strings.HasPrefix(place, "postgresql://")
}

// Redacted is an address for people: without a password and settings.
func Redacted(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "postgres://?"
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	u.RawQuery, u.Fragment = "", ""
	return u.String()
}

// A machine or a cable that is gone is noticed after keepAlive*(1+keepAliveCount); by the settings of most systems that would be 2 h.
const (
	connectTimeout = 5 * time.Second
	keepAlive      = 2 * time.Second
	keepAliveCount = 3
)

// configOf is how connections are made. The server watches them as closely as we do.
func configOf(address, password string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, err
	}
	c := config.ConnConfig
	if password != "" {
		c.Password = password
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectTimeout
	}
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: keepAlive, Interval: keepAlive, Count: keepAliveCount}}
	c.DialFunc = func(ctx context.Context, network, at string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, at)
	}
	for name, value := range map[string]string{
		"application_name":        "jcsnode",
		"tcp_keepalives_idle":     "2",
		"tcp_keepalives_interval": "2",
		"tcp_keepalives_count":    "3",
		"tcp_user_timeout":        "8000",
	} {
		if c.RuntimeParams[name] == "" {
			c.RuntimeParams[name] = value
		}
	}
	return config, nil
}
