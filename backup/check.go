package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Ledger is what a comparison asks of the ledger.
type Ledger interface {
	// EachFile names every file that should be there, relative to data_dir with slashes.
	EachFile(ctx context.Context, f func(name string) error) error
}

// Difference is what a ledger and the files beside it do not agree about.
type Difference struct {
	Missing []string // the ledger names them, and they are not there
	Unknown []string // they are there, and the ledger does not name them
}

// Compare compares the files below a folder with the ledger, by name.
func Compare(ctx context.Context, l Ledger, dir string, layout Layout) (Difference, error) {
	var d Difference
	named := map[string]bool{}
	err := l.EachFile(ctx, func(name string) error {
		named[name] = true
		info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
			d.Missing = append(d.Missing, name)
			return ctx.Err()
		}
		return err
	})
	if err != nil {
		return d, fmt.Errorf("compare %s with its ledger: %w", dir, err)
	}
	for _, folder := range layout.Folders {
		root := filepath.Join(dir, folder)
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			name, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			name = filepath.ToSlash(name)
			if e.IsDir() && name == layout.Staging {
				return fs.SkipDir
			}
			if e.Type().IsRegular() && !named[name] {
				d.Unknown = append(d.Unknown, name)
			}
			return ctx.Err()
		})
		if err != nil {
			return d, fmt.Errorf("compare %s with its ledger: %w", dir, err)
		}
	}
	return d, nil
}
