-- When an instance of a study came last that was there already, at whichever node: its files are not to be removed yet. 0 = none did, as
-- far as is known.
ALTER TABLE study ADD COLUMN again_at INTEGER NOT NULL DEFAULT 0;
