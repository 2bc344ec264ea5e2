-- The file of an instance was removed, or is being removed, since all about its study was over, and the instance has not come again since.
-- Where study.files_removed_at is set that holds for all of the study, whatever stands here.
ALTER TABLE instance ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;
