package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"jcsnode/durable"
	"jcsnode/ledger/sqlite"
)

// markName is the file that says that a backup is complete, and of what.
const markName = "backup.json"

// ledgerName is the ledger in a data_dir, and in a backup.
const ledgerName = "ledger.db"

// Layout says what of a data_dir belongs together.
type Layout struct {
	Folders []string // of files
	Staging string   // below one of them: what has no name yet, and is nobody's
}

// Mark says what a backup is.
type Mark struct {
	Version string    `json:"version"` // of the program that made it
	At      time.Time `json:"at"`      // of the ledger in it
	Files   int       `json:"files"`
	Bytes   int64     `json:"bytes"` // of the files
}

// Write makes a backup of a data_dir in a folder that is empty or not there. The ledger comes first: what is received while the files are
// copied is then recorded from them, as after a power cut, at the start after a restore.
func Write(ctx context.Context, dataDir, to string, layout Layout, version string) (Mark, error) {
	m := Mark{Version: version, At: time.Now().UTC().Truncate(time.Second)}
	err := empty(to)
	if err == nil {
		err = durable.Folder(to)
	}
	if err == nil {
		err = sqlite.Copy(ctx, filepath.Join(dataDir, ledgerName), filepath.Join(to, ledgerName))
	}
	if err == nil {
		err = copyFiles(ctx, dataDir, to, layout, true, &m)
	}
	if err == nil {
		err = m.write(to)
	}
	if err != nil {
		return m, fmt.Errorf("back up %s to %s: %w", dataDir, to, err)
	}
	return m, nil
}

// Restore puts a complete backup into a data_dir that is empty or not there. Files are copied, never linked: a restored node and its
// backup share nothing. The ledger comes last, so that nobody works with half of a backup.
func Restore(ctx context.Context, from, dataDir string, layout Layout) (Mark, error) {
	m, err := ReadMark(from)
	if err == nil {
		err = empty(dataDir)
	}
	if err == nil {
		err = durable.Folder(dataDir)
	}
	var copied Mark
	if err == nil {
		err = copyFiles(ctx, from, dataDir, layout, false, &copied)
	}
	if err == nil {
		err = sqlite.Copy(ctx, filepath.Join(from, ledgerName), filepath.Join(dataDir, ledgerName))
	}
	if err != nil {
		return m, fmt.Errorf("restore %s to %s: %w", from, dataDir, err)
	}
	return m, nil
}

func copyFiles(ctx context.Context, from, to string, layout Layout, link bool, m *Mark) error {
	for _, folder := range layout.Folders {
		pass, err := filepath.Rel(folder, layout.Staging)
		if err != nil {
			return err
		}
		t := tree{from: filepath.Join(from, folder), to: filepath.Join(to, folder), pass: pass, link: link, done: func(bytes int64) {
			m.Files++
			m.Bytes += bytes
		}}
		if err := t.copy(ctx); err != nil {
			return err
		}
	}
	return nil
}

// empty finds a folder with something in it.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(entries) > 0:
		return fmt.Errorf("%s is not empty (%s): name a folder of its own", dir, entries[0].Name())
	}
	return nil
}

func (m Mark) write(dir string) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, markName), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	return errors.Join(err, durable.Sync(f), f.Close(), durable.SyncFolder(dir))
}

// ReadMark says what the backup in a folder is. Without a mark it is none, or one that did not come to its end.
func ReadMark(dir string) (m Mark, err error) {
	text, err := os.ReadFile(filepath.Join(dir, markName))
	if errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("%s is no complete backup: it has no %s, which is written last", dir, markName)
	}
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("read %s: %w", filepath.Join(dir, markName), err)
	}
	return m, nil
}

// LedgerPath is where the ledger of a backup lies.
func LedgerPath(dir string) string { return filepath.Join(dir, ledgerName) }
