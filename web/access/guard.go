package access

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Settings of a Guard.
type Settings struct {
	Hosts    []string // names under which the page may be called, without a port
	Loopback bool     // only this machine reaches the page: its own names are good, too
	TLS      bool     // the page speaks TLS: cookies are for TLS only

	Users *Users // accounts; nil without any

	// One of these, or Login: whoever has an account and its password.
	Everybody   bool           // whoever reaches the page may do all
	ProxyHeader string         // names the user ...
	Proxies     []netip.Prefix // ... if it comes from here

	Now  func() time.Time
	Cost Cost // of a try for somebody who has no account: that of accounts
}

// Guard stands before the page.
type Guard struct {
	settings Settings
	sessions sessions
	attempts attempts
	trying   chan struct{} // each try of a password takes memory and a processor
}

// passwordsAtOnce is how many passwords are tried at a time.
const passwordsAtOnce = 2

// NewGuard makes a guard.
func NewGuard(s Settings) *Guard {
	return &Guard{
		settings: s,
		sessions: sessions{now: s.Now, open: map[[32]byte]*session{}},
		attempts: attempts{now: s.Now, seen: map[string]*tries{}},
		trying:   make(chan struct{}, passwordsAtOnce),
	}
}

// ErrLogin is the answer to whoever has to log in first.
var ErrLogin = errors.New("log in first")

// Refusal is the answer to a request that is not to be served.
type Refusal struct {
	Status int // of HTTP
	Text   string
}

func (r *Refusal) Error() string { return r.Text }

func refuse(status int, format string, a ...any) error {
	return &Refusal{status, fmt.Sprintf(format, a...)}
}

// loopbackNames are this machine's own.
var loopbackNames = []string{"localhost", "127.0.0.1", "::1"}

// CheckHost refuses requests for a name that is not ours: another site's page may have its name lead to this machine (DNS rebinding).
func (g *Guard) CheckHost(r *http.Request) error {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	ours := func(name string) bool { return strings.ToLower(name) == host }
	if slices.ContainsFunc(g.settings.Hosts, ours) || g.settings.Loopback && slices.ContainsFunc(loopbackNames, ours) {
		return nil
	}
	return refuse(http.StatusMisdirectedRequest,
		"This page is not served under that name. Use one that [web] hosts of the configuration lists, or have this one added there.")
}

// Who says who asks. It is ErrLogin for somebody who has to log in, and a *Refusal for somebody who cannot.
func (g *Guard) Who(r *http.Request) (User, error) {
	switch {
	case g.settings.Everybody:
		if r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != "" {
			return User{}, refuse(http.StatusForbidden,
				"A proxy passes this page on to others, and nobody logs in. Set [web] auth to \"proxy\" or \"local\".")
		}
		return User{Name: "this machine", Role: Act}, nil
	case g.settings.ProxyHeader != "":
		return g.vouched(r)
	}
	cookie, err := r.Cookie(g.cookieName())
	if err != nil {
		return User{}, ErrLogin
	}
	name, hash := g.sessions.find(cookie.Value)
	if name == "" {
		return User{}, ErrLogin
	}
	a, ok, err := g.settings.Users.Find(name)
	if err != nil {
		return User{}, err
	}
	if !ok || a.Hash == "" || a.Hash != hash {
		return User{}, ErrLogin
	}
	return a.User, nil
}

// vouched is the user whom a trusted proxy names. Who has no account may look.
func (g *Guard) vouched(r *http.Request) (User, error) {
	from := remote(r)
	if !slices.ContainsFunc(g.settings.Proxies, func(p netip.Prefix) bool { return p.Contains(from) }) {
		return User{}, refuse(http.StatusForbidden, "This page is reached through its proxy only.")
	}
	names := r.Header.Values(g.settings.ProxyHeader)
	if len(names) != 1 || CheckName(names[0]) != nil {
		return User{}, refuse(http.StatusForbidden, "The proxy names no user in %s, or more than one.", g.settings.ProxyHeader)
	}
	if g.settings.Users != nil {
		if a, ok, err := g.settings.Users.Find(names[0]); err != nil || ok {
			return a.User, err
		}
	}
	return User{Name: names[0], Role: Look}, nil
}

// LogsIn says whether there is anything to log in to.
func (g *Guard) LogsIn() bool { return !g.settings.Everybody && g.settings.ProxyHeader == "" }

// Login tries a password and gives the cookie of a new session, or a *Refusal that does not say what was wrong.
func (g *Guard) Login(r *http.Request, name, password string) (*http.Cookie, error) {
	keys := []string{"from " + neighbourhood(remote(r))}
	if CheckName(name) == nil { // what is no name is nobody's, and is not remembered
		keys = append(keys, "user "+name)
	}
	if wait := g.attempts.take(keys...); wait > 0 {
		return nil, refuse(http.StatusTooManyRequests, "Too many tries. Wait %d minutes.", int(wait.Minutes())+1)
	}
	a, good, err := g.try(r.Context(), name, password)
	if err != nil {
		return nil, err
	}
	if !good {
		return nil, refuse(http.StatusUnauthorized, "Name or password is wrong.")
	}
	g.attempts.forgive(keys...)
	if old, err := r.Cookie(g.cookieName()); err == nil {
		g.sessions.end(old.Value)
	}
	return g.cookie(g.sessions.begin(a), int(sessionMost.Seconds())), nil
}

// try compares the password of an account. Somebody without one waits as long as others.
func (g *Guard) try(ctx context.Context, name, password string) (Account, bool, error) {
	select {
	case g.trying <- struct{}{}:
		defer func() { <-g.trying }()
	case <-ctx.Done():
		return Account{}, false, ctx.Err()
	}
	a, ok, err := g.settings.Users.Find(name)
	if err != nil {
		return a, false, err
	}
	k := kept{cost: g.settings.Cost, salt: make([]byte, saltBytes), key: make([]byte, keyBytes)}
	known := ok && a.Hash != ""
	if known {
		if k, err = parseHash(a.Hash); err != nil {
			return a, false, err
		}
	}
	return a, k.matches(password) && known, nil
}

// Logout ends the session of a request; the cookie takes the browser's away.
func (g *Guard) Logout(r *http.Request) *http.Cookie {
	if cookie, err := r.Cookie(g.cookieName()); err == nil {
		g.sessions.end(cookie.Value)
	}
	return g.cookie("", -1)
}

// cookieName says more under TLS: a browser takes a __Host- cookie from this very host only, and by TLS.
func (g *Guard) cookieName() string {
	if g.settings.TLS {
		return "__Host-jcsnode"
	}
	return "jcsnode"
}

func (g *Guard) cookie(value string, age int) *http.Cookie {
	return &http.Cookie{Name: g.cookieName(), Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: g.settings.TLS,
		SameSite: http.SameSiteLaxMode} // a link from the PACS comes with it; a form of another site does not
}

// remote is the address that a request came from.
func remote(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap()
}
