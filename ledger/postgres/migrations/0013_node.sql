-- What only a running node knows, as each wrote it last; there may be several now.
CREATE TABLE node (
    id          TEXT COLLATE "C" PRIMARY KEY,
    incarnation TEXT COLLATE "C" NOT NULL DEFAULT '',
    roles       TEXT COLLATE "C" NOT NULL DEFAULT '[]',
    started_at  BIGINT NOT NULL,
    seen_at     BIGINT NOT NULL,
    stopped_at  BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    pid         BIGINT NOT NULL,
    version     TEXT COLLATE "C" NOT NULL,
    config_path TEXT COLLATE "C" NOT NULL,
    config_hash TEXT COLLATE "C" NOT NULL,
    device      TEXT COLLATE "C" NOT NULL,
    weights     TEXT COLLATE "C" NOT NULL,
    free        BIGINT NOT NULL,
    reserve     BIGINT NOT NULL,
    work        TEXT COLLATE "C" NOT NULL
);

INSERT INTO node (id, started_at, seen_at, stopped_at, recorded_at, pid, version, config_path, config_hash, device, weights, free, reserve,
    work)
SELECT '', started_at, seen_at, stopped_at, recorded_at, pid, version, config_path, config_hash, device, weights, free, reserve, work
FROM alive;

DROP TABLE alive;
