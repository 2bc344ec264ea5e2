-- What only a running node knows, as each wrote it last; there may be several now.
CREATE TABLE node (
    id          TEXT PRIMARY KEY,           -- '' = it has none: it is the only one
    incarnation TEXT NOT NULL DEFAULT '',   -- name of its present life among others, '' = it has none
    roles       TEXT NOT NULL DEFAULT '[]', -- JSON
    started_at  INTEGER NOT NULL,
    seen_at     INTEGER NOT NULL,           -- of the newest sign of life
    stopped_at  INTEGER NOT NULL,           -- 0 = it runs, or it died
    recorded_at INTEGER NOT NULL,           -- up to then every instance that it stored has its row, 0 = nobody can tell
    pid         INTEGER NOT NULL,
    version     TEXT NOT NULL,
    config_path TEXT NOT NULL,
    config_hash TEXT NOT NULL,
    device      TEXT NOT NULL,
    weights     TEXT NOT NULL,
    free        INTEGER NOT NULL,           -- bytes
    reserve     INTEGER NOT NULL,
    work        TEXT NOT NULL               -- JSON: studies that are being read
) STRICT, WITHOUT ROWID;

INSERT INTO node (id, started_at, seen_at, stopped_at, recorded_at, pid, version, config_path, config_hash, device, weights, free, reserve,
    work)
SELECT '', started_at, seen_at, stopped_at, recorded_at, pid, version, config_path, config_hash, device, weights, free, reserve, work
FROM alive;

DROP TABLE alive;
