-- Which job waits for a key is asked for all that waits at each start, and for each study that settles. The condition is that of the
-- statements.
CREATE INDEX river_job_key ON river_job (kind, args) WHERE state IN ('available', 'scheduled', 'retryable');
