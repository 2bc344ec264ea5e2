-- What a node owns of the work and what it delivers now, as one text that names the incarnation it holds for, since an older program leaves
-- it as it is.
ALTER TABLE node ADD COLUMN owns TEXT NOT NULL DEFAULT '{}';
-- When the inbox was last looked through for what a node that died had taken and not recorded.
ALTER TABLE node ADD COLUMN looked_at INTEGER NOT NULL DEFAULT 0;
