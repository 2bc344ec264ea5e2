package ledger

import "time"

// Alive is what only the running node knows of itself, as it wrote it last.
type Alive struct {
	StartedAt  time.Time // zero: no node has started on this ledger since it can tell
	SeenAt     time.Time // of the newest sign of life
	StoppedAt  time.Time // zero: it runs, or it died
	PID        int
	Version    string // of the program
	ConfigPath string
	ConfigHash string // of the file's bytes, hex SHA-256
	Device     string // that the networks run on
	Weights    string // worst status of the networks
	Free       int64  // bytes on the disk of data_dir
	Reserve    int64
	Work       []Work

	// Held says that a process works on the ledger now, whatever it wrote; nil where that cannot be seen.
	Held *bool
}

// Work is a study that is being read.
type Work struct {
	StudyUID string    `json:"study_uid"`
	Step     string    `json:"step"`
	Done     int       `json:"done"`
	Total    int       `json:"total"` // 0 = not known
	Since    time.Time `json:"since,omitzero"`
}
