package access

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// cheap makes tests fast; what a hash costs stands in it.
var cheap = Cost{KiB: 64, Passes: 1, Lanes: 1}

const password = "correct horse"

// clock is a time that tests move.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

// desk is a guard with one account that may look, Ann's, and one that a proxy vouches for, Bob's.
func desk(t *testing.T, change func(*Settings)) (*Guard, *Users, *clock) {
	t.Helper()
	users := NewUsers(filepath.Join(t.TempDir(), "users"))
	put(t, users, "ann", Look, password)
	put(t, users, "bob", Act, "")
	c := &clock{time.Unix(1e9, 0)}
	s := Settings{Users: users, Now: c.now, Cost: cheap}
	if change != nil {
		change(&s)
	}
	return NewGuard(s), users, c
}

func put(t *testing.T, users *Users, name string, role Role, password string) {
	t.Helper()
	a := Account{User: User{name, role}}
	if password != "" {
		var err error
		if a.Hash, err = Hash(password, cheap); err != nil {
			t.Fatal(err)
		}
	}
	if err := users.Put(a); err != nil {
		t.Fatal(err)
	}
}

func request(from string, header http.Header) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://localhost/", nil)
	r.RemoteAddr = from
	if header != nil {
		r.Header = header
	}
	return r
}

func status(err error) int {
	var refusal *Refusal
	switch {
	case err == nil:
		return http.StatusOK
	case errors.Is(err, ErrLogin):
		return http.StatusUnauthorized
	case errors.As(err, &refusal):
		return refusal.Status
	}
	return http.StatusInternalServerError
}

func TestHash(t *testing.T) {
	a, err := Hash(password, cheap)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := Hash(password, cheap)
	if a == b || !strings.HasPrefix(a, "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Errorf("%s and %s: each has a salt of its own", a, b)
	}
	k, err := parseHash(a)
	if err != nil || !k.matches(password) || k.matches(password+" ") || k.matches("") || k.matches(strings.Repeat("x", maxPassword+1)) {
		t.Errorf("%+v, %v", k, err)
	}
	for _, bad := range []string{"", "x", "$argon2i$v=19$m=64,t=1,p=1$AAAA$AAAA", "$argon2id$v=16$m=64,t=1,p=1$AAAA$AAAA",
		"$argon2id$v=19$m=99999999,t=1,p=1$AAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=64,t=1,p=1$AAAA$AAAA",
		"$argon2id$v=19$m=64,t=0,p=1$AAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=64,t=1,p=1$*$*"} {
		if _, err := parseHash(bad); err == nil {
			t.Errorf("%q is taken for a hash", bad)
		}
	}
	for _, short := range []string{"", "123456789"} {
		if _, err := Hash(short, cheap); err == nil {
			t.Errorf("%q is taken for a password", short)
		}
	}
}

func TestUsers(t *testing.T) {
	_, users, _ := desk(t, nil)
	put(t, users, "ann", Act, password)
	all, err := users.List()
	if err != nil || len(all) != 2 || all[0].User != (User{"ann", Act}) {
		t.Errorf("%+v, %v", all, err)
	}
	if info, err := os.Stat(users.path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := users.Remove("ann"); err != nil {
		t.Error(err)
	}
	if _, ok, err := users.Find("ann"); ok || err != nil {
		t.Errorf("ann is still there, %v", err)
	}
	if err := users.Remove("ann"); err == nil {
		t.Error("no error for an account that is not there")
	}
	if err := users.Put(Account{User: User{"a:b", Act}}); err == nil {
		t.Error("a name with a colon is taken")
	}
	for _, text := range []string{"ann:look", "ann:root:", "a b:look:", "ann:look:plain", "ann:look:\nann:act:\n"} {
		if err := os.WriteFile(users.path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := users.List(); err == nil || !strings.Contains(err.Error(), "line ") {
			t.Errorf("%q: %v", text, err)
		}
	}
	os.Chmod(users.path, 0o640)
	if _, err := users.List(); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that a group reads: %v", err)
	}
	none := NewUsers(filepath.Join(t.TempDir(), "none"))
	if all, err := none.List(); len(all) > 0 || err != nil {
		t.Errorf("%v, %v", all, err)
	}
}

// Root makes accounts for a service that runs as a user of its own.
func TestUsers_BelongToTheService(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root gives files away")
	}
	const service = 4711
	data, folder := t.TempDir(), t.TempDir()
	if err := os.Chown(data, service, service); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "users")
	for _, users := range []*Users{NewUsers(path).OwnedLike(data), NewUsers(path)} { // made, and changed
		put(t, users, "ann", Look, password)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if owner := info.Sys().(*syscall.Stat_t); owner.Uid != service || owner.Gid != service || info.Mode().Perm() != 0o600 {
			t.Errorf("the file belongs to %d:%d, mode %v", owner.Uid, owner.Gid, info.Mode())
		}
	}
}

func TestGuard_CheckHost(t *testing.T) {
	away, _, _ := desk(t, func(s *Settings) { s.Hosts = []string{"jcsnode.hospital", "10.0.0.1", "2001:db8::1"} })
	here, _, _ := desk(t, func(s *Settings) { s.Loopback = true })
	for _, c := range []struct {
		host       string
		away, here bool
	}{
		{"jcsnode.hospital", true, false}, {"JCSNODE.hospital.:8443", true, false}, {"10.0.0.1:8443", true, false},
		{"[2001:db8::1]:8443", true, false}, {"localhost:8080", false, true}, {"127.0.0.1", false, true}, {"[::1]:8080", false, true},
		{"evil.example", false, false}, {"jcsnode.hospital.evil.example", false, false}, {"", false, false},
		{"127.0.0.1.evil.example", false, false},
	} {
		r := request("10.0.0.9:1", nil)
		r.Host = c.host
		for guard, want := range map[*Guard]bool{away: c.away, here: c.here} {
			if err := guard.CheckHost(r); (err == nil) != want || err != nil && status(err) != http.StatusMisdirectedRequest {
				t.Errorf("%q: %v, want %v", c.host, err, want)
			}
		}
	}
}

func TestGuard_Everybody(t *testing.T) {
	g, _, _ := desk(t, func(s *Settings) { s.Everybody = true })
	if u, err := g.Who(request("127.0.0.1:1", nil)); err != nil || u.Role != Act {
		t.Errorf("%+v, %v", u, err)
	}
	if _, err := g.Who(request("127.0.0.1:1", http.Header{"X-Forwarded-For": {"10.0.0.1"}})); status(err) != http.StatusForbidden {
		t.Errorf("passed on by a proxy: %v", err)
	}
}

func TestGuard_Proxy(t *testing.T) {
	g, _, _ := desk(t, func(s *Settings) {
		s.ProxyHeader, s.Proxies = "X-Remote-User", []netip.Prefix{netip.MustParsePrefix("10.0.0.9/32")}
	})
	for name, c := range map[string]struct {
		from  string
		names []string
		want  User
	}{
		"somebody":             {"10.0.0.9:1", []string{"eve"}, User{"eve", Look}},
		"an account":           {"10.0.0.9:1", []string{"bob"}, User{"bob", Act}},
		"by IPv4 in IPv6":      {"[::ffff:10.0.0.9]:1", []string{"bob"}, User{"bob", Act}},
		"from elsewhere":       {"10.0.0.8:1", []string{"bob"}, User{}},
		"nobody":               {"10.0.0.9:1", nil, User{}},
		"an empty name":        {"10.0.0.9:1", []string{""}, User{}},
		"two":                  {"10.0.0.9:1", []string{"eve", "bob"}, User{}},
		"what is no name":      {"10.0.0.9:1", []string{`"><script>`}, User{}},
		"an address of no use": {"@", []string{"bob"}, User{}},
	} {
		t.Run(name, func(t *testing.T) {
			u, err := g.Who(request(c.from, http.Header{"X-Remote-User": c.names}))
			if u != c.want || (c.want == User{}) != (status(err) == http.StatusForbidden) {
				t.Errorf("%+v, %v", u, err)
			}
		})
	}
}

func TestGuard_Login(t *testing.T) {
	g, users, clock := desk(t, nil)
	from := func(cookie *http.Cookie) (User, error) {
		r := request("10.0.0.1:1", nil)
		r.AddCookie(cookie)
		return g.Who(r)
	}
	if _, err := g.Who(request("10.0.0.1:1", nil)); !errors.Is(err, ErrLogin) {
		t.Error(err)
	}
	for _, c := range [][2]string{{"ann", "wrong"}, {"ann", ""}, {"bob", ""}, {"eve", password}, {"", ""}, {"root", "root"}} {
		if _, err := g.Login(request("10.0.0.1:1", nil), c[0], c[1]); status(err) != http.StatusUnauthorized {
			t.Errorf("%q: %v", c, err)
		}
	}
	login := func() *http.Cookie {
		t.Helper()
		cookie, err := g.Login(request("10.0.0.1:1", nil), "ann", password)
		if err != nil {
			t.Fatal(err)
		}
		return cookie
	}
	cookie := login()
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Secure {
		t.Errorf("cookie %v", cookie)
	}
	if u, err := from(cookie); err != nil || u != (User{"ann", Look}) {
		t.Errorf("%+v, %v", u, err)
	}
	other := *cookie
	other.Value += "A"
	if _, err := from(&other); !errors.Is(err, ErrLogin) {
		t.Errorf("another cookie: %v", err)
	}
	put(t, users, "ann", Act, password+"!")
	if _, err := from(cookie); !errors.Is(err, ErrLogin) {
		t.Errorf("after a new password: %v", err)
	}
	put(t, users, "ann", Act, password)
	cookie = login()
	clock.t = clock.t.Add(sessionIdle + time.Second)
	if _, err := from(cookie); !errors.Is(err, ErrLogin) {
		t.Errorf("after an hour: %v", err)
	}
	cookie = login()
	for range 2 * int(sessionMost/sessionIdle) {
		clock.t = clock.t.Add(sessionIdle * 9 / 10)
		from(cookie)
	}
	if _, err := from(cookie); !errors.Is(err, ErrLogin) {
		t.Errorf("after two shifts: %v", err)
	}
	cookie = login()
	r := request("10.0.0.1:1", nil)
	r.AddCookie(cookie)
	if gone := g.Logout(r); gone.MaxAge >= 0 {
		t.Errorf("%v", gone)
	}
	if _, err := from(cookie); !errors.Is(err, ErrLogin) {
		t.Errorf("after the logout: %v", err)
	}
	cookie = login()
	if err := users.Remove("ann"); err != nil {
		t.Fatal(err)
	}
	if _, err := from(cookie); !errors.Is(err, ErrLogin) {
		t.Errorf("without an account: %v", err)
	}
}

func TestGuard_LoginByTLS(t *testing.T) {
	g, _, _ := desk(t, func(s *Settings) { s.TLS = true })
	cookie, err := g.Login(request("10.0.0.1:1", nil), "ann", password)
	if err != nil || !cookie.Secure || cookie.Name != "__Host-jcsnode" || cookie.Path != "/" || cookie.Domain != "" {
		t.Errorf("%v, %v", cookie, err)
	}
}

// Guesses are counted for the account wherever they come from, and for the address whoever they are for.
func TestGuard_TriesAreLimited(t *testing.T) {
	for name, c := range map[string]struct {
		from func(i int) string
		user func(i int) string
		last string // where somebody with the right password is refused, too
	}{
		"one account": {func(i int) string { return netip.AddrFrom4([4]byte{10, 0, 1, byte(i)}).String() + ":1" },
			func(int) string { return "ann" }, "10.9.9.9:1"},
		"one address": {func(int) string { return "10.0.0.1:1" }, func(i int) string { return "x" + string(rune('a'+i)) }, "10.0.0.1:2"},
		"one network": {func(i int) string { return "[2001:db8::" + string(rune('a'+i%6)) + "]:1" },
			func(i int) string { return "x" + string(rune('a'+i)) }, "[2001:db8::9]:2"},
	} {
		t.Run(name, func(t *testing.T) {
			g, _, clock := desk(t, nil)
			for i := range attemptsMost {
				if _, err := g.Login(request(c.from(i), nil), c.user(i), "wrong"); status(err) != http.StatusUnauthorized {
					t.Fatalf("try %d: %v", i, err)
				}
			}
			if _, err := g.Login(request(c.last, nil), "ann", password); status(err) != http.StatusTooManyRequests {
				t.Errorf("%v", err)
			}
			clock.t = clock.t.Add(attemptWindow)
			if _, err := g.Login(request(c.last, nil), "ann", password); err != nil {
				t.Errorf("later: %v", err)
			}
		})
	}
	g, _, _ := desk(t, nil)
	for range 2 * attemptsMost {
		if _, err := g.Login(request("10.0.0.1:1", nil), "ann", password); err != nil {
			t.Fatalf("who knows the password: %v", err)
		}
	}
}

func TestBoundedMemory(t *testing.T) {
	c := &clock{time.Unix(1e9, 0)}
	a := attempts{now: c.now, seen: map[string]*tries{}}
	for i := range attemptsKept + 10 {
		a.take(time.Duration(i).String())
		c.t = c.t.Add(time.Millisecond)
	}
	s := sessions{now: c.now, open: map[[32]byte]*session{}}
	for range sessionKept + 10 {
		s.begin(Account{User: User{"ann", Look}})
	}
	if len(a.seen) > attemptsKept || len(s.open) > sessionKept {
		t.Errorf("%d tries, %d sessions", len(a.seen), len(s.open))
	}
}
