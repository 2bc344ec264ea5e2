-- The node on whose disk alone the file of an instance is; '' once every node can read it.
ALTER TABLE instance ADD COLUMN at TEXT NOT NULL DEFAULT '';
CREATE INDEX instance_at ON instance (study_uid) WHERE at <> '';
-- How many files wait on the node's disk for the object store.
ALTER TABLE node ADD COLUMN waiting_files INTEGER NOT NULL DEFAULT 0;
