package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"jcsnode/config"
	"jcsnode/ledger"
	"jcsnode/ledger/postgres"
	"jcsnode/ledger/sqlite"
	"jcsnode/ledger/transfer"
	"jcsnode/migrate"
	"jcsnode/scp"
	"jcsnode/store"
	"jcsnode/store/disk"
)

// Migration is the way of a node's ledger and files from a data_dir to where another configuration has them.
type Migration struct {
	From   string        // data_dir of a node that does not run
	To     config.Config // of the node that goes on
	Say    func(text string)
	Logger *slog.Logger
}

// Migrated is what was moved. Parts that are in their places already are nil.
type Migrated struct {
	Ledger *transfer.Result
	Files  *migrate.Count
	Begun  bool // something may have been copied: whoever runs it again goes on
	// Missing are files that the ledger names and data_dir does not have: they were missing before.
	Missing int
}

// progressEvery is how often Say hears of something that goes on.
const progressEvery = 5 * time.Second

// Run moves everything, the ledger last: nobody works with half of it. It may be ended and run again. Nothing of From is removed.
func (m *Migration) Run(ctx context.Context) (Migrated, error) {
	var done Migrated
	path := filepath.Join(m.From, "ledger.db")
	if _, err := os.Stat(path); err != nil {
		return done, fmt.Errorf("there is no ledger in %s: %w", m.From, err)
	}
	here, err := sameFolder(m.From, m.To.Node.DataDir)
	if err != nil {
		return done, err
	}
	rows, files := m.To.Ledger.URL != "", m.To.Store.Kind != config.StoreDisk || !here
	switch {
	case !rows && !here:
		return done, errors.New("the configuration has its ledger in a data_dir, too: `jcsnode backup` and `jcsnode restore` move that")
	case !rows && !files:
		return done, fmt.Errorf("everything is where the configuration has it: in %s", m.From)
	}
	// Both locks before anything is copied: of the node that was, and of the one that will be.
	from, err := sqlite.Open(ctx, path, sqlite.Options{Logger: m.Logger})
	if err != nil {
		return done, err
	}
	known, err := ledger.New(from, ledger.Options{Logger: m.Logger})
	if err != nil {
		return done, err
	}
	defer known.Close()
	var to *postgres.Database
	if rows {
		opt := postgres.Options{Password: m.To.Ledger.Password, Logger: m.Logger}
		if to, err = postgres.Open(ctx, m.To.Ledger.Address(), opt); err != nil {
			return done, err
		}
		defer to.Close()
		if err := transfer.Check(ctx, from, to); err != nil { // before hours of copying
			return done, err
		}
	}
	done.Begun = true
	if files {
		if err := m.files(ctx, known, &done); err != nil {
			return done, err
		}
	}
	if rows {
		m.Say("moving the ledger to " + to.Name())
		moved, err := transfer.Copy(ctx, from, to, transfer.Options{Progress: func(table string, n int) {
			m.Say(fmt.Sprintf("  %s: %d rows", table, n))
		}})
		if err != nil {
			return done, err
		}
		done.Ledger = &moved
	}
	return done, nil
}

// files copies those of studies to where they stay.
func (m *Migration) files(ctx context.Context, known *ledger.Ledger, done *Migrated) (err error) {
	from, err := disk.Open(m.From, disk.Options{Staging: scp.Staging})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := openLast(m.To, m.Logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	all := 0
	err = known.EachFile(ctx, func(name string) error {
		all++
		there, err := from.Has(ctx, name)
		if err == nil && !there {
			done.Missing++
		}
		return err
	})
	if err != nil {
		return err
	}
	where := m.To.Store.Describe()
	if where == "" {
		where = "files in " + m.To.Node.DataDir
	}
	m.Say(fmt.Sprintf("copying %d files that the ledger names; it will have its %s", all-done.Missing, where))
	said := time.Now()
	copied, err := migrate.Files(ctx, from, to, migrate.Options{
		Folders: []string{scp.InboxFolder, objectsFolder},
		Skip:    func(name string) bool { return strings.HasPrefix(name, scp.QuarantineFolder+"/") },
		Progress: func(c migrate.Count) {
			if time.Since(said) >= progressEvery {
				said = time.Now()
				m.Say(fmt.Sprintf("  %d files, %s, copied and compared", c.Files, store.Bytes(c.Bytes)))
			}
		},
	})
	done.Files = &copied
	return err
}

// openLast opens where files are in the end, without what they pass on their way.
func openLast(c config.Config, log *slog.Logger) (files, error) {
	opt := disk.Options{Reserve: int64(c.Node.Reserve), Staging: scp.Staging}
	switch c.Store.Kind {
	case config.StoreShared:
		opt.Owner = "migrate" // it has the ledger for itself
		return disk.Open(c.Store.Path, opt)
	case config.StoreDisk:
		return disk.Open(c.Node.DataDir, opt)
	}
	c.Node.DataDir = os.TempDir() // for files on their way; that of the node may not be there yet
	return openS3(c, log)
}

// sameFolder tells whether two paths lead to one folder; the second may not be there.
func sameFolder(a, b string) (bool, error) {
	first, err := os.Stat(a)
	if err != nil {
		return false, err
	}
	second, err := os.Stat(b)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(first, second), err
}

// WriteMigrated says what was moved, and what to do now.
func WriteMigrated(w io.Writer, m *Migration, d Migrated) {
	if d.Files != nil {
		fmt.Fprintf(w, "files: %d copied and compared by SHA-256, %s", d.Files.Files, store.Bytes(d.Files.Bytes))
		if d.Files.Already > 0 {
			fmt.Fprintf(w, "; %d of them were there from an earlier run", d.Files.Already)
		}
		fmt.Fprintln(w)
		if d.Files.Skipped > 0 {
			fmt.Fprintf(w, "  %d files in quarantine stay in %s: they are for people to look at\n", d.Files.Skipped,
				filepath.Join(m.From, filepath.FromSlash(scp.QuarantineFolder)))
		}
	}
	if d.Missing > 0 {
		fmt.Fprintf(w, "  %d files that the ledger names are not in %s: those that went to the bucket or folder of %s before stay there; "+
			"of which studies others are missing, `jcsnode status` says when the node runs\n", d.Missing, m.From, m.To.Path)
	}
	if d.Ledger != nil {
		text := "moved and compared"
		if d.Ledger.Already {
			text = "there from an earlier run, compared"
		}
		fmt.Fprintf(w, "ledger: %d rows in %d tables, counters among them, %s\n", d.Ledger.Rows(), len(d.Ledger.Tables), text)
	}
	fmt.Fprintf(w, "\nwhat to do now:\n  1. start the node with %s: what waits gets its job then, and goes on\n"+
		"  2. start none on %s any more: it would read and send what the other one does\n"+
		"  3. keep %s until the new place has its own backup; nothing of it was changed or removed\n", m.To.Path, m.From, m.From)
}
