package ledgertest

import (
	"database/sql"
	"encoding/json"
	"testing"

	"jcsnode/ledger"
	"jcsnode/ledger/sqlite"
)

// Events reads the events of a kind from the ledger's SQLite file at path, of all studies and of none, in the order in which they were
// written.
func Events(t *testing.T, path, kind string) []ledger.Event {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var all []ledger.Event
	err = db.View(t.Context(), func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(t.Context(), `
			SELECT study_uid, kind, text, instance, association, attributes
			FROM event
			WHERE kind = ?
			ORDER BY id`, kind)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var e ledger.Event
			var attributes string
			if err := rows.Scan(&e.StudyUID, &e.Kind, &e.Text, &e.Instance, &e.Association, &attributes); err != nil {
				return err
			}
			if attributes != "" {
				if err := json.Unmarshal([]byte(attributes), &e.Attributes); err != nil {
					return err
				}
			}
			all = append(all, e)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
