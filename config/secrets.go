package config

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Secret is a file that proves who the node is, or who people are.
type Secret struct{ Key, Path string }

// Secrets are all files of secrets that the configuration names.
func (c *Config) Secrets() []Secret {
	all := []Secret{
		{"ledger.password_file", c.Ledger.PasswordFile},
		{"store.credentials", c.Store.Credentials},
		{"tls.key", c.TLS.Key},
		{"web.key", c.Web.Key},
		{"web.users_file", c.Web.UsersFile},
	}
	for i, d := range c.Destinations {
		all = append(all, Secret{fmt.Sprintf("destination[%d].key", i+1), d.Key})
	}
	for i, w := range c.Webhooks {
		all = append(all, Secret{fmt.Sprintf("webhook[%d].secret_file", i+1), w.SecretFile})
	}
	named := all[:0]
	for _, s := range all {
		if s.Path != "" {
			named = append(named, s)
		}
	}
	return named
}

// Open says whether everybody on this machine can read the file: it lets them, and so do all folders above it.
func (s Secret) Open() bool {
	file, err := filepath.Abs(s.Path)
	return err == nil && open(os.DirFS("/"), strings.TrimPrefix(file, "/"))
}

func open(root fs.FS, file string) bool {
	info, err := fs.Stat(root, file)
	if err != nil || info.Mode().Perm()&0o004 == 0 {
		return false
	}
	for name := file; name != "."; {
		name = path.Dir(name)
		if info, err := fs.Stat(root, name); err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
	}
	return true
}
