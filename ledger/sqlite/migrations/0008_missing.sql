-- 1 = files of the study were not there when the node looked, though nobody removed them: data_dir was restored without them.
ALTER TABLE study ADD COLUMN files_missing INTEGER NOT NULL DEFAULT 0;
