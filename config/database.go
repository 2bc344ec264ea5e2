package config

import (
	"net/url"
	"slices"
	"strings"
)

// Ways to connect, as sslmode names them. The last two ask who the server is.
var sslModes = []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}

// Address is the URL as it is used: another machine is asked by TLS and has to prove who it is, unless the URL says otherwise.
func (l Ledger) Address() string {
	u, err := url.Parse(l.URL)
	if err != nil || l.URL == "" || u.Query().Has("sslmode") || !elsewhere(databaseHosts(u)) {
		return l.URL
	}
	if u.RawQuery == "" {
		return strings.TrimSuffix(l.URL, "?") + "?sslmode=verify-full"
	}
	return l.URL + "&sslmode=verify-full"
}

// databaseHosts are those that a URL names, one after the other tried; "" where it leaves that to the environment.
func databaseHosts(u *url.URL) []string {
	if q := u.Query(); q.Has("host") { // it goes before the other
		return strings.Split(q.Get("host"), ",")
	}
	var hosts []string
	for _, host := range strings.Split(u.Host, ",") {
		hosts = append(hosts, (&url.URL{Host: host}).Hostname())
	}
	return hosts
}

// elsewhere says whether one of the hosts is not this machine by its name alone, nor a folder with a socket.
func elsewhere(hosts []string) bool {
	return slices.ContainsFunc(hosts, func(host string) bool { return !loopback(host) && !strings.HasPrefix(host, "/") })
}

// checkURL never repeats the URL: somebody may have put a password into it, and what is no URL may be all of one.
func (l Ledger) checkURL(add adder) {
	if l.URL == "" {
		return
	}
	const such = `such as "postgres://jcsnode@db.example.org:5432/jcsnode"`
	if !strings.HasPrefix(l.URL, "postgres://") && !strings.HasPrefix(l.URL, "postgresql://") {
		add("ledger.url: begins with neither postgres:// nor postgresql://; a URL with host and database, %s", such)
		return
	}
	u, err := url.Parse(l.URL)
	var settings url.Values
	if err == nil {
		settings, err = url.ParseQuery(u.RawQuery)
	}
	if err != nil || strings.Contains(l.URL, "#") {
		add("ledger.url: is no URL, %s", such)
		return
	}
	if database := strings.TrimPrefix(u.Path, "/"); database == "" || strings.ContainsAny(database, "/@") ||
		slices.Contains(databaseHosts(u), "") {
		add("ledger.url: a URL with host and database, %s", such)
	}
	if _, password := u.User.Password(); password || settings.Has("password") || settings.Has("sslpassword") {
		add("ledger.url: has a password in it; put it into ledger.password_file, or into the environment as PGPASSWORD " +
			"(that of a key: PGSSLPASSWORD)")
	}
	for _, values := range settings {
		if len(values) > 1 {
			add("ledger.url: one of its settings stands there twice")
		}
	}
	l.checkTLS(add, u)
}

// checkTLS asks of a connection to another machine what other connections of the node give.
func (l Ledger) checkTLS(add adder, u *url.URL) {
	settings := u.Query()
	mode := settings.Get("sslmode")
	const instead = "use sslmode=verify-full (sslrootcert names the file of the authority), or say ledger.insecure = true"
	switch {
	case settings.Has("ssl"):
		add("ledger.url: ssl does not say whether the server has to prove who it is; sslmode does")
	case settings.Has("sslmode") && !slices.Contains(sslModes, mode):
		add("ledger.url: sslmode is none of %s", strings.Join(sslModes, ", "))
	case l.Insecure || !elsewhere(databaseHosts(u)) || mode == "" || mode == "verify-full":
	case mode == "verify-ca" && !settings.Has("sslrootcert"):
		add("ledger.url: sslmode=verify-ca without sslrootcert takes any server with a certificate that anybody can buy; %s", instead)
	case mode != "verify-ca":
		add("ledger.url: sslmode=%s to another machine lets others on the way read and change the ledger; %s", mode, instead)
	}
}
