-- Rows of instances go when a study has been over for long, [keep] ledger_days. The counters of what came stay.
ALTER TABLE study ADD COLUMN thinned_at INTEGER NOT NULL DEFAULT 0; -- when they went; 0 = they are there, or those of what came since
ALTER TABLE study ADD COLUMN thinned INTEGER NOT NULL DEFAULT 0;    -- distinct instances whose rows went, the most at once
CREATE INDEX study_to_thin ON study (last_at) WHERE files_removed_at > 0 AND thinned_at = 0;
