package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"jcsnode/cluster"
	"jcsnode/config"
	"jcsnode/ledger/postgres"
	"jcsnode/ledger/sqlite"
	"jcsnode/models"
	"jcsnode/netfault"
	"jcsnode/status"
	"jcsnode/web/access"
)

// Trial is what came of trying what a node does before it works.
type Trial struct {
	Problems config.Problems
	Notes    []string // what is no mistake, and worth knowing
	Device   string   // that the networks run on
	running  bool     // a node works on this data_dir
}

func (t *Trial) problem(format string, a ...any) {
	t.Problems = append(t.Problems, fmt.Sprintf(format, a...))
}

func (t *Trial) note(format string, a ...any) { t.Notes = append(t.Notes, fmt.Sprintf(format, a...)) }

// Try does what a node does before it works and undoes it: it loads the networks, reads the TLS files and takes the ports. Of the data
// folder it only looks whether it could be written. What the known mistakes are about is not tried.
func Try(ctx context.Context, c config.Config, known config.Problems) Trial {
	t := Trial{Device: status.NoDevice}
	free := func(keys ...string) bool {
		return !slices.ContainsFunc(known, func(p string) bool {
			return slices.ContainsFunc(keys, func(key string) bool { return strings.HasPrefix(p, key) })
		})
	}
	if free("node.data_dir") {
		t.folder(ctx, c)
	}
	if free("node.name", "node.data_dir", "ledger.") {
		t.name(ctx, c)
	}
	if c.Store.Kind == config.StoreS3 && free("store.") {
		t.store(ctx, c)
	}
	if c.Store.Kind == config.StoreShared && free("store.", "node.data_dir", "ledger.") {
		t.sharedFolder(ctx, c)
	}
	for _, s := range c.Secrets() {
		if s.Open() {
			t.note("%s: everybody on this machine can read %s: %s", s.Key, s.Path, closeSecret)
		}
	}
	switch reads := slices.Contains(c.Node.Roles, config.RoleRead); {
	case reads && free("models."):
		t.networks(ctx, c)
	case !reads && free("ledger."):
		t.neighbours(ctx, c, status.NoDevice, shapeOf(c, nil))
	}
	n := newNode(c, "", slog.New(slog.DiscardHandler))
	if _, err := TransferSyntaxes(c.Node); err != nil {
		t.problem("%v", err)
	} else if len(known) == 0 {
		if err := n.wire(noNetworks{}); err != nil {
			t.problem("%v", err)
		}
	}
	if c.Web.Auth == config.AuthLocal && len(known) == 0 {
		if all, err := access.NewUsers(c.Web.UsersFile).List(); err == nil && len(all) == 0 {
			t.note("nobody can log in to the page: `jcsnode user add NAME --role act` makes an account")
		}
	}
	for _, p := range []struct{ key, address string }{
		{"node.listen", c.Node.Listen}, {"tls.listen", c.TLS.Listen}, {"web.listen", c.Web.Listen},
		{"metrics.listen", c.Metrics.Listen},
	} {
		isDoor := slices.Contains(c.Node.Roles, config.RoleDoor)
		if studies := p.key == "node.listen" || p.key == "tls.listen"; studies && !isDoor {
			continue
		}
		if p.address != "" && free(p.key) {
			t.port(p.key, p.address)
		}
	}
	return t
}

// noNetworks stand in where parts are wired and no study is read.
type noNetworks struct{}

func (noNetworks) Manifest() models.Manifest { return models.Manifest{} }
func (noNetworks) Workers() int              { return 1 }
func (noNetworks) Engine() string            { return "" }

// networks loads the networks, as a node does, and gives them back.
func (t *Trial) networks(ctx context.Context, c config.Config) {
	r, err := OpenNetworks(c.Models, slog.New(slog.DiscardHandler))
	if err != nil {
		t.problem("%s: %v", modelsKey(err), err)
		return
	}
	t.Device = r.Device()
	t.neighbours(ctx, c, r.Device(), shapeOf(c, r))
	if err := r.Close(); err != nil {
		t.problem("models: %v", err)
	}
}

// modelsKey is the key that decides about an error of models.Open.
func modelsKey(err error) string {
	var library *models.LibraryError
	var device *models.DeviceError
	switch {
	case errors.As(err, &library):
		return "models.library"
	case errors.As(err, &device):
		return "models.device"
	}
	return "models.dir"
}

// folder looks whether the ledger is free and every folder of data_dir can be written.
func (t *Trial) folder(ctx context.Context, c config.Config) {
	held, err := folderHeld(c.Node.DataDir)
	t.ledger(ctx, c, held || err != nil)
	switch {
	case err != nil:
		t.problem("node.data_dir: %v: give the whole of data_dir to the service's user", err)
	case held && !t.running:
		t.running = true
		t.note("a node works on this data_dir now; what is said here holds for its next start")
	}
	for _, dir := range foldersBelow(c.Node.DataDir) {
		if unix.Access(dir, unix.W_OK|unix.X_OK) != nil {
			t.problem("node.data_dir: %s cannot be written by %s; it belongs to %s: give the whole of data_dir to the service's user",
				dir, userName(os.Geteuid()), ownerOf(dir))
			break // one tells of all
		}
	}
	if owner, ok := ownerID(c.Node.DataDir); ok && os.Geteuid() == 0 && owner != 0 {
		t.note("data_dir belongs to %s and this check ran as root: run it as that user, whose rights count; "+
			"a node started as root would leave files that the user cannot write", userName(owner))
	}
}

// ledger looks whether the ledger can be had; held says that a node works on data_dir, which is this one.
func (t *Trial) ledger(ctx context.Context, c config.Config, held bool) {
	if c.Ledger.URL != "" {
		err := postgres.Check(ctx, c.Ledger.Address(), postgres.Options{Password: c.Ledger.Password, Shared: c.Several()})
		switch {
		case errors.Is(err, postgres.ErrHeld) && !held:
			t.problem("ledger.url: a node with another data_dir works on this ledger, and not all of them share it: a node whose [store] " +
				"kind is \"disk\" has its ledger for itself. Stop that one, or name another database")
		case errors.Is(err, postgres.ErrHeld):
			t.running = true
			t.note("a node works on this ledger now; what is said here holds for its next start")
		case err != nil:
			t.problem("ledger.url: %s", netfault.Words(err))
		default:
			t.note("the ledger is in %s", postgres.Redacted(c.Ledger.URL))
		}
		return
	}
	switch err := sqlite.Check(ctx, ledgerFile(c)); {
	case errors.Is(err, sqlite.ErrHeld):
		t.running = true
		t.note("a node works on this data_dir now; what is said here holds for its next start")
	case err != nil:
		t.problem("node.data_dir: %v", err)
	}
}

// name looks whether another node lives under the name. The one that works on this data_dir is this one.
func (t *Trial) name(ctx context.Context, c config.Config) {
	name, err := c.Node.OwnName()
	if err != nil {
		t.problem("node.name: %v", err)
	}
	if err != nil || t.running || !c.Several() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, nameWait)
	defer cancel()
	who, err := cluster.LivesUnder(ctx, c.Ledger.Address(), c.Ledger.Password, name)
	if err == nil && who != "" { // what is wrong with the database was told of
		t.problem("node.name: another node lives under %q (%s): give each node a name of its own, or stop the other one", name, who)
	}
}

// nameWait bounds the question who has a name.
const nameWait = 10 * time.Second

// closeSecret is what to do about a secret that everybody can read.
const closeSecret = "take that right away (chmod o=), and let the service's user own it or be in its group"

// foldersBelow lists data_dir and the folders of its two upper levels, those of studies included, as far as they are there.
func foldersBelow(dataDir string) []string {
	var all []string
	level := []string{dataDir}
	for range 3 {
		var next []string
		for _, dir := range level {
			info, err := os.Stat(dir)
			if err != nil || !info.IsDir() {
				continue
			}
			all = append(all, dir)
			entries, _ := os.ReadDir(dir) // one that cannot be read cannot be written either, and is told of
			for _, e := range entries {
				if e.IsDir() {
					next = append(next, filepath.Join(dir, e.Name()))
				}
			}
		}
		level = next
	}
	return all
}

func ownerID(path string) (int, bool) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}

func ownerOf(path string) string {
	id, ok := ownerID(path)
	if !ok {
		return "nobody known"
	}
	return userName(id)
}

func userName(id int) string {
	if u, err := user.LookupId(strconv.Itoa(id)); err == nil {
		return u.Username
	}
	return "user " + strconv.Itoa(id)
}

// port takes a port and gives it back.
func (t *Trial) port(key, address string) {
	l, err := net.Listen("tcp", address)
	if err == nil {
		l.Close()
		return
	}
	if t.running && errors.Is(err, syscall.EADDRINUSE) {
		t.note("%s: %s is taken, by that node as it seems", key, address)
		return
	}
	t.problem("%s: %v", key, portError(address, err))
}
