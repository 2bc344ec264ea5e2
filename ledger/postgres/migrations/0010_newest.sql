-- Path of the instance of a study that came last: a start looks whether it is there.
ALTER TABLE study ADD COLUMN newest TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE study
    SET newest = coalesce((SELECT path FROM instance WHERE study_uid = uid ORDER BY received_at DESC LIMIT 1), '');
