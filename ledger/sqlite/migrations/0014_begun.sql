-- When a visit began with a delivery of which nobody knows yet what came: the destination may have the object. 0 = nobody has begun, or
-- what came of it is known.
ALTER TABLE delivery ADD COLUMN begun_at INTEGER NOT NULL DEFAULT 0;
