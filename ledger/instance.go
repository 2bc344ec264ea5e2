package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Instance is one stored file.
type Instance struct {
	StudyUID          string    `json:"study_uid"`
	SeriesUID         string    `json:"series_uid"`
	SOPInstanceUID    string    `json:"sop_instance_uid"`
	SOPClassUID       string    `json:"sop_class_uid"`
	TransferSyntaxUID string    `json:"transfer_syntax_uid"`
	Path              string    `json:"path"`   // relative to data_dir; identifies the instance
	Digest            string    `json:"digest"` // of the bytes as received, see scp.Inbox
	Size              int64     `json:"size"`   // of the file, bytes
	CallingAE         string    `json:"calling_ae"`
	CalledAE          string    `json:"called_ae"`
	RemoteAddr        string    `json:"remote_addr"`
	Association       string    `json:"association"`
	Accession         string    `json:"-"` // of its study; Record keeps it there
	ReceivedAt        time.Time `json:"received_at,omitzero"`
	Flag              string    `json:"flag,omitempty"` // "" or what is odd, several joined by "; "
	At                string    `json:"at,omitempty"`   // node whose disk alone has the file; "" = every node can read it
	Holds             bool      `json:"-"`              // the study waits for the association until that is released (Release)

	// What the ledger adds when it is asked.
	ReceivedAgain int              `json:"received_again,omitempty"` // times the same bytes came again
	Gone          bool             `json:"file_removed,omitempty"`   // its file was removed, and it has not come again since
	Revision      int              `json:"revision,omitempty"`       // first revision that has it, 0 = not settled yet
	Reasons       []InstanceReason `json:"reasons,omitempty"`        // why it is not part of the volume, newest revision
}

// FlagOtherBytes marks instances that share a SOP Instance UID but not their bytes.
const FlagOtherBytes = "duplicate-uid: other bytes"

// Record queues an instance for the writer. The same Path again is only counted, so
// Record may be called any number of times. A new instance of a study that was settled opens it again. It blocks
// only while the queue is full, that is while the disk is slower than reception.
func (l *Ledger) Record(ctx context.Context, i Instance) error {
	return l.RecordTogether(ctx, []Instance{i})
}

// RecordTogether is Record for instances of one study that nobody may find a part of, since they came long ago: whoever did would take
// that for the whole study. They are the ledger's from now on.
func (l *Ledger) RecordTogether(ctx context.Context, all []Instance) error {
	for n := range all {
		i := &all[n]
		if i.Path == "" || i.StudyUID == "" || i.StudyUID != all[0].StudyUID {
			return errors.New("record instance: no path or no study, or not that of the others")
		}
		if i.ReceivedAt.IsZero() {
			i.ReceivedAt = l.now()
		}
	}
	return l.enqueue(ctx, entry{instances: all})
}

// HasInstance says whether the file at path is in the ledger. What waits in the queue is not.
func (l *Ledger) HasInstance(ctx context.Context, path string) (bool, error) {
	var has bool
	err := l.view(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM instance WHERE path = ?)`, path).Scan(&has)
	})
	if err != nil {
		return false, fmt.Errorf("look up instance %s: %w", path, err)
	}
	return has, nil
}

// NewestInstance is the one that came last of a series of a study, or of the study if no such series came, or ErrNotFound: who corrects
// a patient sends again.
func (l *Ledger) NewestInstance(ctx context.Context, studyUID, seriesUID string) (newest Instance, err error) {
	err = l.view(ctx, func(tx *sql.Tx) error {
		found, err := queryInstances(ctx, tx, `
			WHERE study_uid = ?
			ORDER BY series_uid = ? DESC, received_at DESC, path DESC
			LIMIT 1`, studyUID, seriesUID)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return ErrNotFound
		}
		newest = found[0]
		return nil
	})
	if err != nil {
		return newest, fmt.Errorf("look up the newest instance of study %s: %w", studyUID, err)
	}
	return newest, nil
}

const instanceColumns = `path, study_uid, series_uid, sop_uid, class_uid, syntax_uid, digest, size,
	calling_ae, called_ae, remote_addr, association, received_at, flag, again, revision, at, gone`

func queryInstances(ctx context.Context, tx *sql.Tx, rest string, args ...any) ([]Instance, error) {
	return query(ctx, tx, `
		SELECT `+instanceColumns+`
		FROM instance `+rest,
		func(rows *sql.Rows) (i Instance, err error) {
			var received int64
			err = rows.Scan(&i.Path, &i.StudyUID, &i.SeriesUID, &i.SOPInstanceUID, &i.SOPClassUID, &i.TransferSyntaxUID, &i.Digest, &i.Size,
				&i.CallingAE, &i.CalledAE, &i.RemoteAddr, &i.Association, &received, &i.Flag, &i.ReceivedAgain, &i.Revision, &i.At, &i.Gone)
			i.ReceivedAt = at(received)
			return i, err
		}, args...)
}
