-- The file of an instance was removed, or is being removed, since all about its study was over, and the instance has not come again since.
-- Where study.files_removed_at is set that holds for all of the study, whatever stands here.
ALTER TABLE instance ADD COLUMN gone BIGINT NOT NULL DEFAULT 0;

-- Programs of earlier versions that work beside count what comes again, and do not know of this.
CREATE FUNCTION instance_here() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.gone = 0;
	RETURN NEW;
END $$;
CREATE TRIGGER instance_here BEFORE UPDATE OF again ON instance FOR EACH ROW WHEN (NEW.gone <> 0) EXECUTE FUNCTION instance_here();
