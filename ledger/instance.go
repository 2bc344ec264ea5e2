package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
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

// instanceWriter adds instances within one transaction of the writer.
type instanceWriter struct {
	tx                                               *sql.Tx
	study, reopen, again, anew, back, insert, others *sql.Stmt

	seen map[string]int64 // when the newest instance that came again came from each calling AE title
}

func newInstanceWriter(ctx context.Context, tx *sql.Tx) (*instanceWriter, error) {
	w := &instanceWriter{tx: tx, seen: map[string]int64{}}
	for _, p := range []struct {
		stmt **sql.Stmt
		text string
	}{
		{&w.study, `
			INSERT INTO study (uid, state, first_at, last_at, calling_ae)
			VALUES (?1, '` + StateReceiving + `', ?2, ?2, ?3)
			ON CONFLICT DO NOTHING`},
		{&w.again, `UPDATE instance SET again = again + 1, at = CASE ?2 WHEN '' THEN at ELSE ?2 END WHERE path = ?1`},
		{&w.back, `
			UPDATE study
			SET files_removed_at = 0, files_missing = 0, thinned_at = 0,
				instances = CASE thinned_at WHEN 0 THEN instances ELSE 0 END, flagged = CASE thinned_at WHEN 0 THEN flagged ELSE 0 END
			WHERE uid = ? AND files_removed_at > 0`},
		{&w.others, `SELECT COUNT(*) FROM instance WHERE sop_uid = ?`},
		{&w.insert, `
			INSERT INTO instance (path, study_uid, series_uid, sop_uid, class_uid, syntax_uid, digest, size,
				calling_ae, called_ae, remote_addr, association, received_at, flag, at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`},
		{&w.anew, `
			UPDATE instance
			SET received_at = ?2, revision = 0
			WHERE path = ?1 AND revision > 0 AND EXISTS (
				SELECT 1
				FROM instance_reason n
				JOIN revision r ON r.id = n.revision_id
				JOIN study s ON s.uid = r.study_uid AND s.revision = r.number
				WHERE s.uid = ?3 AND n.path = ?1 AND n.code IN ('` + ReasonCorrected + `', '` + ReasonPartCorrected + `'))`},
		{&w.reopen, `
			UPDATE study
			SET state = '` + StateReceiving + `', instances = instances + ?3, last_at = MAX(last_at, ?2), first_at = MIN(first_at, ?2),
				accession = CASE ?4 WHEN '' THEN accession ELSE ?4 END, newest = ?5
			WHERE uid = ?1
			RETURNING instances, (
				SELECT COUNT(*) FROM (SELECT 1 FROM instance WHERE study_uid = ?1 AND revision = 0 LIMIT 2) i), revision`},
	} {
		var err error
		if *p.stmt, err = tx.PrepareContext(ctx, p.text); err != nil {
			w.close()
			return nil, fmt.Errorf("prepare %q: %w", p.text, err)
		}
	}
	return w, nil
}

func (w *instanceWriter) close() {
	for _, s := range []*sql.Stmt{w.study, w.again, w.back, w.others, w.insert, w.anew, w.reopen} {
		if s != nil {
			s.Close()
		}
	}
}

// begin makes sure that there is the study of an instance.
func (w *instanceWriter) begin(ctx context.Context, i *Instance) error {
	if _, err := w.study.ExecContext(ctx, i.StudyUID, ms(i.ReceivedAt), i.CallingAE); err != nil {
		return fmt.Errorf("write study %s: %w", i.StudyUID, err)
	}
	return nil
}

// addAll adds instances of a study that has begun.
func (w *instanceWriter) addAll(ctx context.Context, all []Instance, holds *holding) error {
	for n := range all {
		err := holds.hold(ctx, w.tx, &all[n])
		if err == nil {
			err = w.add(ctx, &all[n])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// add adds an instance of a study that has begun.
func (w *instanceWriter) add(ctx context.Context, i *Instance) error {
	if _, err := w.back.ExecContext(ctx, i.StudyUID); err != nil {
		return fmt.Errorf("write study %s: %w", i.StudyUID, err)
	}
	result, err := w.again.ExecContext(ctx, i.Path, i.At)
	if err != nil {
		return fmt.Errorf("look up instance %s: %w", i.Path, err)
	}
	if n, err := result.RowsAffected(); err != nil || n > 0 {
		if err == nil {
			w.seen[i.CallingAE] = max(w.seen[i.CallingAE], ms(i.ReceivedAt))
			err = w.restore(ctx, i)
		}
		return err
	}
	flag := i.Flag
	var others int
	if err := w.others.QueryRowContext(ctx, i.SOPInstanceUID).Scan(&others); err != nil {
		return fmt.Errorf("look up SOP instance %s: %w", i.SOPInstanceUID, err)
	}
	if others > 0 {
		flag = joinFlags(flag, FlagOtherBytes)
		_, err := w.tx.ExecContext(ctx, `
			UPDATE instance
			SET flag = CASE flag WHEN '' THEN ?1 ELSE flag || '; ' || ?1 END
			WHERE sop_uid = ?2 AND instr(flag, ?1) = 0`, FlagOtherBytes, i.SOPInstanceUID)
		if err != nil {
			return fmt.Errorf("flag SOP instance %s: %w", i.SOPInstanceUID, err)
		}
	}
	if _, err := w.insert.ExecContext(ctx, i.Path, i.StudyUID, i.SeriesUID, i.SOPInstanceUID, i.SOPClassUID, i.TransferSyntaxUID,
		i.Digest, i.Size, i.CallingAE, i.CalledAE, i.RemoteAddr, i.Association, ms(i.ReceivedAt), flag, i.At); err != nil {
		return fmt.Errorf("write instance %s: %w", i.Path, err)
	}
	if err := w.receiving(ctx, i, 1); err != nil {
		return err
	}
	if flag != "" {
		return insertEvent(ctx, w.tx, Event{
			At:          i.ReceivedAt,
			StudyUID:    i.StudyUID,
			Kind:        EventFlagged,
			Text:        "kept, but flagged: " + flag,
			Instance:    i.SOPInstanceUID,
			Association: i.Association,
			Attributes:  map[string]any{"path": i.Path},
		})
	}
	return nil
}

// restore takes an instance that came again for new, if a corrected copy has replaced it since: the copies that come last count.
func (w *instanceWriter) restore(ctx context.Context, i *Instance) error {
	result, err := w.anew.ExecContext(ctx, i.Path, ms(i.ReceivedAt), i.StudyUID)
	if err != nil {
		return fmt.Errorf("look up corrections of instance %s: %w", i.Path, err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return err
	}
	return w.receiving(ctx, i, 0)
}

// restoreInstance is restore in a transaction of another kind.
func restoreInstance(ctx context.Context, tx *sql.Tx, i *Instance) error {
	w, err := newInstanceWriter(ctx, tx)
	if err != nil {
		return err
	}
	defer w.close()
	return w.restore(ctx, i)
}

// receiving opens the study of an instance again, which it has for the first time or not.
func (w *instanceWriter) receiving(ctx context.Context, i *Instance, more int) error {
	var instances, unsettled, revision int
	err := w.reopen.QueryRowContext(ctx, i.StudyUID, ms(i.ReceivedAt), more, i.Accession, i.Path).Scan(&instances, &unsettled, &revision)
	if err != nil {
		return fmt.Errorf("write study %s: %w", i.StudyUID, err)
	}
	if unsettled == 1 {
		text := fmt.Sprintf("first instance from %s at %s", i.CallingAE, i.RemoteAddr)
		if revision > 0 {
			text = fmt.Sprintf("late instance from %s at %s: revision %d will supersede revision %d",
				i.CallingAE, i.RemoteAddr, revision+1, revision)
		}
		return insertEvent(ctx, w.tx, Event{
			At:          i.ReceivedAt,
			StudyUID:    i.StudyUID,
			Kind:        EventReceiving,
			Text:        text,
			Association: i.Association,
		})
	}
	return nil
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

func joinFlags(flags ...string) string {
	var set []string
	for _, f := range flags {
		if f != "" {
			set = append(set, f)
		}
	}
	return strings.Join(set, "; ")
}

const instanceColumns = `path, study_uid, series_uid, sop_uid, class_uid, syntax_uid, digest, size,
	calling_ae, called_ae, remote_addr, association, received_at, flag, again, revision, at`

func queryInstances(ctx context.Context, tx *sql.Tx, rest string, args ...any) ([]Instance, error) {
	return query(ctx, tx, `
		SELECT `+instanceColumns+`
		FROM instance `+rest,
		func(rows *sql.Rows) (i Instance, err error) {
			var received int64
			err = rows.Scan(&i.Path, &i.StudyUID, &i.SeriesUID, &i.SOPInstanceUID, &i.SOPClassUID, &i.TransferSyntaxUID, &i.Digest, &i.Size,
				&i.CallingAE, &i.CalledAE, &i.RemoteAddr, &i.Association, &received, &i.Flag, &i.ReceivedAgain, &i.Revision, &i.At)
			i.ReceivedAt = at(received)
			return i, err
		}, args...)
}
