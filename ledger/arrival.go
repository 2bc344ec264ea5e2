package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// beginStudy makes sure that there is the study of an instance, and keeps others from changing it.
func (l *Ledger) beginStudy(ctx context.Context, tx *sql.Tx, i *Instance) error {
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO study (uid, state, first_at, last_at, calling_ae)
		VALUES (?1, '`+StateReceiving+`', ?2, ?2, ?3)
		ON CONFLICT DO NOTHING`, i.StudyUID, ms(i.ReceivedAt), i.CallingAE); err != nil {
		return fmt.Errorf("write study %s: %w", i.StudyUID, err)
	}
	_, err := l.db.Lock(ctx, tx, i.StudyUID)
	return err
}

// addInstances adds instances of one study that has begun, in the order in which they came. In seen it keeps when the newest that came
// again came from whom.
func addInstances(ctx context.Context, tx *sql.Tx, instances []*Instance, holds *holding, seen map[string]int64) error {
	for _, i := range instances {
		if err := holds.hold(ctx, tx, i); err != nil {
			return err
		}
	}
	study := instances[0].StudyUID
	if err := filesAgain(ctx, tx, study); err != nil {
		return fmt.Errorf("write study %s: %w", study, err)
	}
	known, err := values(ctx, tx, `SELECT path FROM instance WHERE path IN`, instances, func(i *Instance) string { return i.Path })
	if err != nil {
		return fmt.Errorf("look up instances of study %s: %w", study, err)
	}
	var fresh, again []*Instance
	for _, i := range instances {
		if known[i.Path] {
			again = append(again, i)
			seen[i.CallingAE] = max(seen[i.CallingAE], ms(i.ReceivedAt))
			continue
		}
		known[i.Path] = true
		fresh = append(fresh, i)
	}
	flagged, err := insertInstances(ctx, tx, fresh)
	if err != nil {
		return err
	}
	if err := countAgain(ctx, tx, study, again); err != nil {
		return err
	}
	restored, err := restore(ctx, tx, study, again)
	if err != nil {
		return err
	}
	came := fresh
	if len(restored) > 0 {
		came = slices.DeleteFunc(slices.Clone(instances), func(i *Instance) bool {
			return !slices.Contains(fresh, i) && !slices.Contains(restored, i)
		})
	}
	if err := receiving(ctx, tx, came, len(fresh)); err != nil {
		return err
	}
	return insertEvents(ctx, tx, flagged)
}

// filesAgain is for a study of which something comes: it is none without files any more, but of what came before each instance is.
func filesAgain(ctx context.Context, tx *sql.Tx, studyUID string) error {
	const removed = ` WHERE uid = ? AND files_removed_at > 0`
	found, err := query(ctx, tx, `SELECT files_missing FROM study`+removed, oneValue[bool], studyUID)
	if err != nil || len(found) == 0 {
		return err
	}
	if missing := found[0]; !missing { // else some may be there
		if err := allGone(ctx, tx, studyUID); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE study
		SET files_removed_at = 0, files_missing = 0, thinned_at = 0,
			instances = CASE thinned_at WHEN 0 THEN instances ELSE 0 END, flagged = CASE thinned_at WHEN 0 THEN flagged ELSE 0 END`+removed,
		studyUID)
	return err
}

// values asks for those of instances that a query which ends with IN finds.
func values(ctx context.Context, tx *sql.Tx, text string, of []*Instance, value func(*Instance) string) (map[string]bool, error) {
	wanted := make([]string, len(of))
	for n, i := range of {
		wanted[n] = value(i)
	}
	found, err := queryIn(ctx, tx, text, oneValue[string], wanted)
	set := map[string]bool{}
	for _, v := range found {
		set[v] = true
	}
	return set, err
}

// insertInstances adds those whose paths are new, and returns what is to be told of those that are flagged.
func insertInstances(ctx context.Context, tx *sql.Tx, fresh []*Instance) (flagged []Event, err error) {
	others, err := values(ctx, tx, `SELECT sop_uid FROM instance WHERE sop_uid IN`, fresh,
		func(i *Instance) string { return i.SOPInstanceUID })
	if err != nil {
		return nil, fmt.Errorf("look up SOP instances: %w", err)
	}
	var rows [][]any
	var double []string
	for _, i := range fresh {
		flag := i.Flag
		if others[i.SOPInstanceUID] {
			flag = joinFlags(flag, FlagOtherBytes)
			double = append(double, i.SOPInstanceUID)
		}
		others[i.SOPInstanceUID] = true
		rows = append(rows, []any{i.Path, i.StudyUID, i.SeriesUID, i.SOPInstanceUID, i.SOPClassUID, i.TransferSyntaxUID, i.Digest, i.Size,
			i.CallingAE, i.CalledAE, i.RemoteAddr, i.Association, ms(i.ReceivedAt), flag, i.At})
		if flag != "" {
			flagged = append(flagged, Event{
				At:          i.ReceivedAt,
				StudyUID:    i.StudyUID,
				Kind:        EventFlagged,
				Text:        "kept, but flagged: " + flag,
				Instance:    i.SOPInstanceUID,
				Association: i.Association,
				Attributes:  map[string]any{"path": i.Path},
			})
		}
	}
	if err := insertRows(ctx, tx, `
		INSERT INTO instance (path, study_uid, series_uid, sop_uid, class_uid, syntax_uid, digest, size,
			calling_ae, called_ae, remote_addr, association, received_at, flag, at)`, rows); err != nil {
		return nil, fmt.Errorf("write instances: %w", err)
	}
	for _, uid := range double {
		if _, err := tx.ExecContext(ctx, `
			UPDATE instance
			SET flag = CASE flag WHEN '' THEN ?1 ELSE flag || '; ' || ?1 END
			WHERE sop_uid = ?2 AND instr(flag, ?1) = 0`, FlagOtherBytes, uid); err != nil {
			return nil, fmt.Errorf("flag SOP instance %s: %w", uid, err)
		}
	}
	return flagged, nil
}

// countAgain counts instances that came again, each as often as it did, and notes when: who removes the files of studies that are over
// asks, at whichever node the instances came.
func countAgain(ctx context.Context, tx *sql.Tx, studyUID string, again []*Instance) error {
	var last int64
	for _, i := range again {
		last = max(last, ms(i.ReceivedAt))
	}
	if last > 0 {
		if _, err := tx.ExecContext(ctx, `UPDATE study SET again_at = max(again_at, ?) WHERE uid = ?`, last, studyUID); err != nil {
			return fmt.Errorf("write study %s: %w", studyUID, err)
		}
	}
	for len(again) > 0 {
		at := again[0].At
		var paths []string
		rest := slices.DeleteFunc(slices.Clone(again), func(i *Instance) bool {
			now := i.At == at && !slices.Contains(paths, i.Path)
			if now {
				paths = append(paths, i.Path)
			}
			return now
		})
		if err := execIn(ctx, tx, `
			UPDATE instance
			SET again = again + 1, gone = 0, at = CASE CAST(? AS TEXT) WHEN '' THEN at ELSE ? END
			WHERE path IN`, paths, at, at); err != nil {
			return fmt.Errorf("count instances that came again: %w", err)
		}
		again = rest
	}
	return nil
}

// restore takes instances that came again for new, if a corrected copy has replaced them since: the copies that come last count. It
// returns these.
func restore(ctx context.Context, tx *sql.Tx, studyUID string, again []*Instance) (restored []*Instance, err error) {
	if len(again) == 0 {
		return nil, nil
	}
	paths, err := query(ctx, tx, `
		SELECT DISTINCT n.path
		FROM study s
		JOIN revision r ON r.study_uid = s.uid AND r.number = s.revision
		JOIN instance_reason n ON n.revision_id = r.id
		JOIN instance i ON i.path = n.path
		WHERE s.uid = ? AND n.code IN ('`+ReasonCorrected+`', '`+ReasonPartCorrected+`') AND i.revision > 0`, oneValue[string], studyUID)
	if err != nil {
		return nil, fmt.Errorf("look up corrections of study %s: %w", studyUID, err)
	}
	corrected := map[string]bool{}
	for _, path := range paths {
		corrected[path] = true
	}
	for _, i := range again {
		if !corrected[i.Path] {
			continue
		}
		delete(corrected, i.Path)
		restored = append(restored, i)
		if _, err := tx.ExecContext(ctx, `UPDATE instance SET received_at = ?, revision = 0 WHERE path = ?`,
			ms(i.ReceivedAt), i.Path); err != nil {
			return nil, fmt.Errorf("take instance %s for new: %w", i.Path, err)
		}
	}
	return restored, nil
}

// receiving opens the study of instances again, which it has for the first time or, but for so many, had before.
func receiving(ctx context.Context, tx *sql.Tx, came []*Instance, fresh int) error {
	if len(came) == 0 {
		return nil
	}
	first, last, accession := ms(came[0].ReceivedAt), ms(came[0].ReceivedAt), ""
	for _, i := range came {
		first, last = min(first, ms(i.ReceivedAt)), max(last, ms(i.ReceivedAt))
		if i.Accession != "" {
			accession = i.Accession
		}
	}
	study := came[0].StudyUID
	var unsettled, revision int
	err := tx.QueryRowContext(ctx, `
		UPDATE study
		SET state = '`+StateReceiving+`', instances = instances + ?3, last_at = MAX(last_at, ?2), first_at = MIN(first_at, ?6),
			accession = CASE ?4 WHEN '' THEN accession ELSE ?4 END, newest = ?5
		WHERE uid = ?1
		RETURNING (SELECT COUNT(*) FROM (SELECT 1 FROM instance WHERE study_uid = ?1 AND revision = 0 LIMIT ?7) i), revision`,
		study, last, fresh, accession, came[len(came)-1].Path, first, len(came)+1).Scan(&unsettled, &revision)
	if err != nil {
		return fmt.Errorf("write study %s: %w", study, err)
	}
	if unsettled > len(came) {
		return nil // more were there
	}
	i := came[0]
	text := fmt.Sprintf("first instance from %s at %s", i.CallingAE, i.RemoteAddr)
	if revision > 0 {
		text = fmt.Sprintf("late instance from %s at %s: revision %d will supersede revision %d",
			i.CallingAE, i.RemoteAddr, revision+1, revision)
	}
	return insertEvent(ctx, tx, Event{
		At:          i.ReceivedAt,
		StudyUID:    study,
		Kind:        EventReceiving,
		Text:        text,
		Association: i.Association,
	})
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
