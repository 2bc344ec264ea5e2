package access

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"jcsnode/durable"
)

// Role is what somebody may do.
type Role string

// Roles: whoever may act may look, too.
const (
	Look Role = "look"
	Act  Role = "act"
)

// ParseRole reads a role.
func ParseRole(text string) (Role, error) {
	if r := Role(text); r == Look || r == Act {
		return r, nil
	}
	return "", fmt.Errorf("role %q; look or act", text)
}

// User is somebody who is let in.
type User struct {
	Name string
	Role Role
}

// Account is a line of the users file. Without a hash a proxy alone can vouch for it.
type Account struct {
	User
	Hash string
}

// maxUsersFile is far more than any hospital has accounts.
const maxUsersFile = 1 << 20

// Users is the file with the accounts, read anew when it changes: an account that is removed is out at its next request.
type Users struct {
	path  string
	owned string // whose owner gets a file that is made anew

	mu       sync.Mutex
	stamp    fs.FileInfo // guarded by mu, as are the fields below
	accounts map[string]Account
}

// NewUsers takes the accounts in a file, which need not be there yet.
func NewUsers(path string) *Users { return &Users{path: path} }

// OwnedLike has a file that is made anew belong to the owner of a folder, as far as we may: root makes accounts for the service's user,
// who alone may read them.
func (u *Users) OwnedLike(folder string) *Users {
	u.owned = folder
	return u
}

// CheckName checks the name of an account: it stands in a line of the file, in the ledger and on the page.
func CheckName(name string) error {
	if len(name) == 0 || len(name) > 64 {
		return fmt.Errorf("name %q; 1 to 64 characters", name)
	}
	for _, r := range name {
		if !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._-@", r)) {
			return fmt.Errorf("name %q; letters, digits and . _ - @", name)
		}
	}
	return nil
}

// Find is the account of a name, as the file has it now.
func (u *Users) Find(name string) (Account, bool, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	info, err := os.Stat(u.path)
	if errors.Is(err, fs.ErrNotExist) {
		u.stamp, u.accounts = nil, nil
		return Account{}, false, nil
	}
	if err != nil {
		return Account{}, false, err
	}
	if u.stamp == nil || !os.SameFile(u.stamp, info) || !u.stamp.ModTime().Equal(info.ModTime()) || u.stamp.Size() != info.Size() {
		all, err := readUsers(u.path)
		if err != nil {
			return Account{}, false, err
		}
		u.stamp, u.accounts = info, map[string]Account{}
		for _, a := range all {
			u.accounts[a.Name] = a
		}
	}
	a, ok := u.accounts[name]
	return a, ok, nil
}

// List is all accounts, by name.
func (u *Users) List() ([]Account, error) {
	all, err := readUsers(u.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	slices.SortFunc(all, func(a, b Account) int { return strings.Compare(a.Name, b.Name) })
	return all, err
}

// Put adds an account, or gives the one of that name its role and hash.
func (u *Users) Put(a Account) error {
	if err := CheckName(a.Name); err != nil {
		return err
	}
	return u.change(func(all []Account) ([]Account, error) {
		all = slices.DeleteFunc(all, func(b Account) bool { return b.Name == a.Name })
		return append(all, a), nil
	})
}

// Remove removes an account.
func (u *Users) Remove(name string) error {
	return u.change(func(all []Account) ([]Account, error) {
		left := slices.DeleteFunc(all, func(b Account) bool { return b.Name == name })
		if len(left) == len(all) {
			return nil, fmt.Errorf("there is no account %q in %s", name, u.path)
		}
		return left, nil
	})
}

// change writes the file anew: whoever reads it meanwhile sees the old one or the new one.
func (u *Users) change(f func([]Account) ([]Account, error)) error {
	all, err := u.List()
	if err != nil {
		return err
	}
	if all, err = f(all); err != nil {
		return err
	}
	text := "# Accounts of jcsnode's page: name:role:hash. `jcsnode user` writes this file.\n"
	for _, a := range all {
		text += a.Name + ":" + string(a.Role) + ":" + a.Hash + "\n"
	}
	folder := filepath.Dir(u.path)
	file, err := os.CreateTemp(folder, ".users-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write the users file: %w", err)
	}
	defer os.Remove(file.Name()) // gone already if all went well
	_, err = file.WriteString(text)
	if err == nil {
		err = durable.Sync(file)
	}
	if err = errors.Join(err, file.Close()); err == nil {
		for _, like := range []string{u.path, u.owned} {
			if info, statErr := os.Stat(like); statErr == nil {
				giveOwner(file.Name(), info)
				break
			}
		}
		err = os.Rename(file.Name(), u.path)
	}
	if err == nil {
		err = durable.SyncFolder(folder)
	}
	if err != nil {
		return fmt.Errorf("write the users file: %w", err)
	}
	return nil
}

// readUsers reads the file, which must be closed to all but its owner: hashes are for nobody else.
func readUsers(path string) ([]Account, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be read or written by others (mode %04o): chmod 600 %s", path, info.Mode().Perm(), path)
	}
	if info.Size() > maxUsersFile {
		return nil, fmt.Errorf("%s has %d bytes; that is no file of accounts", path, info.Size())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all []Account
	for i, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		a, err := parseAccount(line)
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", path, i+1, err)
		}
		if slices.ContainsFunc(all, func(b Account) bool { return b.Name == a.Name }) {
			return nil, fmt.Errorf("%s, line %d: %q stands there twice", path, i+1, a.Name)
		}
		all = append(all, a)
	}
	return all, nil
}

func parseAccount(line string) (a Account, err error) {
	parts := strings.SplitN(line, ":", 3)
	if len(parts) != 3 {
		return a, errors.New("name:role:hash is what a line is")
	}
	a.Name, a.Hash = parts[0], parts[2]
	if err := CheckName(a.Name); err != nil {
		return a, err
	}
	if a.Role, err = ParseRole(parts[1]); err != nil {
		return a, err
	}
	if a.Hash != "" {
		_, err = parseHash(a.Hash)
	}
	return a, err
}
