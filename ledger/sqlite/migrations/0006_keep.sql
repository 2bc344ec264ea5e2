-- When the files of a study were removed, since all about it is over; 0 = they are there, or nobody but an operator removed them.
ALTER TABLE study ADD COLUMN files_removed_at INTEGER NOT NULL DEFAULT 0;
