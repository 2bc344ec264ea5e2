package backup

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"jcsnode/durable"
)

// tree copies the regular files below a folder, and the folders that hold some, save one that is passed over. Files that go meanwhile, as
// retention removes them, are left out. Names and contents are durable afterwards.
type tree struct {
	from, to string
	pass     string // folder below from, "" for none
	link     bool   // take a file that is never written again for its copy, where both lie on one disk
	done     func(bytes int64)
}

func (t *tree) copy(ctx context.Context) error {
	if _, err := os.Stat(t.from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return t.folder(ctx, ".")
}

func (t *tree) folder(ctx context.Context, at string) error {
	entries, err := os.ReadDir(filepath.Join(t.from, at))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	to := filepath.Join(t.to, at)
	made := false
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		name := filepath.Join(at, e.Name())
		switch {
		case e.IsDir() && name != t.pass:
			if err := t.folder(ctx, name); err != nil {
				return err
			}
		case e.Type().IsRegular():
			if !made {
				if err := durable.Folder(to); err != nil {
					return err
				}
				made = true
			}
			if err := t.file(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	if !made {
		return nil
	}
	return durable.SyncFolder(to)
}

func (t *tree) file(name string) error {
	from, to := filepath.Join(t.from, name), filepath.Join(t.to, name)
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if t.link {
		err := os.Link(from, to)
		switch {
		case err == nil:
			t.done(info.Size())
			return nil
		case errors.Is(err, syscall.EXDEV), errors.Is(err, syscall.EPERM), errors.Is(err, syscall.ENOTSUP):
			t.link = false // another disk, or one without links: so it is for all that follow
		case !errors.Is(err, syscall.EMLINK):
			return err
		}
	}
	if err := write(from, to, info); err != nil {
		return err
	}
	t.done(info.Size())
	return nil
}

// write copies content and time: by the time of an instance retention knows whether it came again.
func write(from, to string, info fs.FileInfo) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	if err := os.Chtimes(to, info.ModTime(), info.ModTime()); err != nil {
		return err
	}
	return durable.Sync(out)
}
