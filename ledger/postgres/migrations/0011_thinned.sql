-- Rows of instances go when a study has been over for long, [keep] ledger_days. The counters of what came stay.
ALTER TABLE study ADD COLUMN thinned_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE study ADD COLUMN thinned BIGINT NOT NULL DEFAULT 0;
CREATE INDEX study_to_thin ON study (last_at) WHERE files_removed_at > 0 AND thinned_at = 0;
