-- Path of the instance of a study that came last: a start looks whether it is there, and would read the whole file of a large ledger to
-- find it among the rows of the instances.
ALTER TABLE study ADD COLUMN newest TEXT NOT NULL DEFAULT '';
UPDATE study
    SET newest = coalesce((SELECT path FROM instance WHERE study_uid = uid ORDER BY received_at DESC LIMIT 1), '');
