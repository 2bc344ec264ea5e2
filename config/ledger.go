package config

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
)

// Ledger is where the ledger is kept.
type Ledger struct {
	URL          string `toml:"url"`           // of a PostgreSQL database; empty: a file in data_dir
	PasswordFile string `toml:"password_file"` // its first line, read for each connection; empty: PGPASSWORD, or none
	Insecure     bool   `toml:"insecure"`      // another machine may be asked in the open, or without a look at its certificate
}

// Roles of a node.
const (
	RoleDoor    = "door"    // takes studies
	RoleRead    = "read"    // reads them
	RoleDeliver = "deliver" // delivers what was found
)

// Roles are all of them.
func Roles() []string { return []string{RoleDoor, RoleRead, RoleDeliver} }

// OwnName is what the node is called among others that share its ledger: the host's name unless the configuration says otherwise.
func (n Node) OwnName() (string, error) {
	if n.Name != "" {
		return n.Name, nil
	}
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("node.name is empty, and the host has no name: %w", err)
	}
	return host, nil
}

// Several says whether the node is one of several on its ledger: others can see its files, too.
func (c *Config) Several() bool { return c.Ledger.URL != "" && c.Store.Kind != StoreDisk }

// Password is what the password file says, "" without one.
func (l Ledger) Password() (string, error) {
	if l.PasswordFile == "" {
		return "", nil
	}
	text, err := os.ReadFile(l.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("ledger.password_file: %w", err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	if first = strings.TrimSuffix(first, "\r"); first == "" {
		return "", fmt.Errorf("ledger.password_file: the first line of %s is empty", l.PasswordFile)
	}
	return first, nil
}

func (l Ledger) check(add adder) {
	l.checkURL(add)
	if u, err := url.Parse(l.URL); err == nil {
		if authorities := u.Query().Get("sslrootcert"); authorities != "" && authorities != "system" {
			checkAuthorities(add, "ledger.url: sslrootcert", authorities)
		}
	}
	switch {
	case l.PasswordFile == "":
	case l.URL == "":
		add("ledger.password_file: is for a database, and ledger.url names none")
	default:
		if _, err := os.Stat(l.PasswordFile); err != nil {
			add("ledger.password_file: %v", err)
		}
	}
}

// checkSeveral checks what a node can be alone, and what only one of several can.
func (c *Config) checkSeveral(add func(format string, a ...any)) {
	why := "the ledger is in data_dir, for this node alone; name a database (ledger.url)"
	if c.Ledger.URL != "" {
		why = "the files are in data_dir, for this node alone; name an object store or a folder that the nodes share (store.kind)"
	}
	for _, r := range Roles() {
		if len(c.Node.Roles) > 0 && !c.Several() && !slices.Contains(c.Node.Roles, r) {
			add("node.roles: %q is missing, and nobody else can do that: %s", r, why)
		}
	}
	if c.Web.Try.Enabled && !slices.Contains(c.Node.Roles, RoleRead) {
		add("web.try.enabled: studies are tried with the networks of this node, and node.roles leaves %q out", RoleRead)
	}
}

// checkPart checks what a node is among others.
func (n Node) checkPart(add func(format string, a ...any)) {
	plain := func(r rune) bool {
		return r == '-' || r == '_' || r == '.' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	}
	if len(n.Name) > 60 || strings.ContainsFunc(n.Name, func(r rune) bool { return !plain(r) }) {
		add("node.name: %q; up to 60 letters, digits, dots, - and _", n.Name)
	}
	if len(n.Roles) == 0 {
		add("node.roles: empty; the node would do nothing. All: %s", strings.Join(Roles(), ", "))
	}
	for i, r := range n.Roles {
		if !slices.Contains(Roles(), r) {
			add("node.roles: %q is none of %s", r, strings.Join(Roles(), ", "))
		} else if slices.Contains(n.Roles[:i], r) {
			add("node.roles: %q is named twice", r)
		}
	}
}
