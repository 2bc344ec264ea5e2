package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"jcsnode/durable"
	"jcsnode/ledger"
)

// objectStore is the folder of the objects of one revision of a study, below data_dir. Names are hashes of UIDs: no byte of a study becomes a path.
type objectStore struct {
	dataDir, folder string
}

func newObjectStore(dataDir, studyUID string, revision int) (*objectStore, error) {
	s := &objectStore{dataDir: dataDir, folder: filepath.Join("objects", hashed(studyUID), strconv.Itoa(revision))}
	if err := os.MkdirAll(filepath.Join(dataDir, s.folder), 0o750); err != nil {
		return nil, fmt.Errorf("make the folder of the objects: %w", err)
	}
	return s, nil
}

// put writes one object and syncs its content. The name is durable after sync.
func (s *objectStore) put(m Made) (ledger.Outgoing, error) {
	o := m.Outgoing
	sum := sha256.Sum256(m.File)
	o.Path = filepath.Join(s.folder, hashed(o.SOPInstanceUID)+".dcm")
	o.SHA256, o.Size = hex.EncodeToString(sum[:]), int64(len(m.File))
	if err := durable.WriteFile(filepath.Join(s.dataDir, o.Path), m.File); err != nil {
		return o, fmt.Errorf("write object %s: %w", o.SOPInstanceUID, err)
	}
	return o, nil
}

// sync makes the names durable, those of the folders included.
func (s *objectStore) sync() error {
	folder := filepath.Join(s.dataDir, s.folder)
	for _, dir := range []string{folder, filepath.Dir(folder), filepath.Join(s.dataDir, "objects"), s.dataDir} {
		if err := durable.SyncFolder(dir); err != nil {
			return fmt.Errorf("make the objects durable: %w", err)
		}
	}
	return nil
}

func hashed(uid string) string {
	sum := sha256.Sum256([]byte(uid))
	return hex.EncodeToString(sum[:16])
}
