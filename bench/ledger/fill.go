package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"jcsnode/ledger/sqlite"
)

// What a study of the filled ledger is like. Every tenth is positive, and has an outline and a map for each of many slices.
const (
	perStudy        = 250 // instances
	positiveEvery   = 10
	objectsPositive = 300
	objectsNegative = 2
	studiesPerDay   = 40
	perCommit       = 50 // studies
)

var scanners = []string{"CT_A", "CT_B", "CT_C", "CT_D", "CT_E"}

// fill writes studies into a new ledger at a path, by statements of its own: a hundred times as fast as receiving them, through the same
// tables and triggers.
func fill(ctx context.Context, path string, studies int, now time.Time, progress func(done int)) (err error) {
	db, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := db.Close(); err == nil {
			err = closeErr
		}
	}()
	first := now.Add(-time.Duration(studies) * 24 * time.Hour / studiesPerDay)
	for from := 0; from < studies; from += perCommit {
		to := min(from+perCommit, studies)
		if err := db.Update(ctx, func(tx *sql.Tx) error {
			for n := from; n < to; n++ {
				at := first.Add(time.Duration(n) * 24 * time.Hour / studiesPerDay)
				if err := fillStudy(ctx, tx, n, at.UnixMilli()); err != nil {
					return fmt.Errorf("study %d: %w", n, err)
				}
			}
			return nil
		}); err != nil {
			return fmt.Errorf("fill %s: %w", path, err)
		}
		progress(to)
	}
	return nil
}

// studyUID is that of study n.
func studyUID(n int) string { return fmt.Sprintf("1.2.826.0.1.3680043.9.7433.%d.%d", n%97, 100000+n) }

// folderOf is where the instances of study n are, below data_dir.
func folderOf(n int) string { return fmt.Sprintf("inbox/%032x", uint64(n)*0x9E3779B97F4A7C15) } // spread, as hashes are

// newestPath is the file of its instance that came last.
func newestPath(n int) string { return fmt.Sprintf("%s/%040x.dcm", folderOf(n), perStudy*2654435761) }

// numbers is a table of the numbers from 1 to its parameter.
const numbers = `WITH RECURSIVE number (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number WHERE i < ?) `

func fillStudy(ctx context.Context, tx *sql.Tx, n int, at int64) error {
	uid, positive := studyUID(n), n%positiveEvery == 0
	objects := objectsNegative
	if positive {
		objects = objectsPositive
	}
	findings := findingsOf(positive)
	scanner := scanners[n%len(scanners)]
	folder := folderOf(n)
	id := n + 1
	for _, step := range []struct {
		text string
		args []any
	}{
		{`INSERT INTO study (uid, state, first_at, last_at, instances, revision, calling_ae, accession, newest)
			VALUES (?, 'receiving', ?, ?, ?, 1, ?, ?, ?)`,
			[]any{uid, at, at + 60000, perStudy, scanner, fmt.Sprintf("A%07d", n), newestPath(n)}},
		{numbers + `INSERT INTO instance (path, study_uid, series_uid, sop_uid, class_uid, syntax_uid, digest, size, calling_ae, called_ae,
				remote_addr, association, received_at, flag, revision)
			SELECT ? || '/' || printf('%040x', i * 2654435761) || '.dcm', ?, ? || '.1', ? || '.1.' || i, '1.2.840.10008.5.1.4.1.1.2',
				'1.2.840.10008.1.2.1', printf('%064x', i * 2654435761), 526000, ?, 'JCSNODE', '10.20.30.40:50000', 'a-1', ? + i * 200, '', 1
			FROM number`, []any{perStudy, folder, uid, uid, uid, scanner, at}},
		{`INSERT INTO revision (id, study_uid, number, state, settled_why, settled_at) VALUES (?, ?, 1, 'settled', 'quiet for 60 s', ?)`,
			[]any{id, uid, at + 120000}},
		{`UPDATE revision SET findings = ?, findings_at = ?, input_digest = 'x' WHERE id = ?`, []any{findings, at + 150000, id}},
		{numbers + `INSERT INTO object (id, revision_id, sop_uid, class_uid, series_uid, kind, title, syntax_uid, path, sha256, size,
				created_at)
			SELECT ? * 1000 + i, ?, '2.25.' || (? * 1000 + i), '1.2.840.10008.5.1.4.1.1.7', '2.25.1', 'outline', 'Outline',
				'1.2.840.10008.1.2.1', 'objects/' || ? || '/' || i, 'x', 400000, ?
			FROM number`, []any{objects, id, id, id, id, at + 160000}},
		{`UPDATE revision SET state = 'reported', reason_text = 'negative', finished_at = ? WHERE id = ?`, []any{at + 160000, id}},
		{`UPDATE study SET state = 'reported' WHERE uid = ?`, []any{uid}},
		{`INSERT INTO delivery (object_id, destination, state, created_at) SELECT id, 'pacs', 'waiting', created_at FROM object
			WHERE revision_id = ?`, []any{id}},
		{`UPDATE delivery SET state = 'sent', attempts = 1, status = '0000H', detail = 'stored', sent_at = created_at + 1000
			WHERE object_id IN (SELECT id FROM object WHERE revision_id = ?)`, []any{id}},
		{numbers + `INSERT INTO event (at, study_uid, kind, text, instance, association, attributes)
			SELECT ? + i, ?, 'object sent', 'pacs: 0000H: stored', '2.25.' || (? * 1000 + i), '', '{"destination":"pacs"}'
			FROM number`, []any{objects, at + 161000, uid, id}},
		{`INSERT INTO destination (name, sent_at) VALUES ('pacs', ?1) ON CONFLICT DO UPDATE SET sent_at = ?1`, []any{at + 161000}},
	} {
		if _, err := tx.ExecContext(ctx, step.text, step.args...); err != nil {
			return fmt.Errorf("%.60s: %w", strings.TrimSpace(step.text), err)
		}
	}
	return nil
}

// findingsOf are findings as long as those of a study are.
func findingsOf(positive bool) string {
	slice := `{"sop_instance_uid":"1.2.826.0.1.3680043.9.7433.1.100000.1.1","instance_number":1,"z":-120.5,"position":120.5,"extent":1,` +
		`"probability":0.0123,"positive":false,"segmented":false,"lesion_area_mm2":0,"lesion_volume_ml":0}`
	slices := strings.TrimSuffix(strings.Repeat(slice+",", perStudy), ",")
	return fmt.Sprintf(`{"state":"reported","decision":{"positive":%t,"text":"decided","slices":%d},`+
		`"limits":["Only 100 mm of the chest was read."],"slices":[%s],"models":[],"notice":""}`, positive, perStudy, slices)
}
