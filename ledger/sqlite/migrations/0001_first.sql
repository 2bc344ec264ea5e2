CREATE TABLE study (
    uid         TEXT PRIMARY KEY,
    state       TEXT NOT NULL,              -- receiving, settled, processing, reported, not processed
    first_at    INTEGER NOT NULL,           -- ms since 1970, UTC, as everywhere
    last_at     INTEGER NOT NULL,
    instances   INTEGER NOT NULL DEFAULT 0,
    revision    INTEGER NOT NULL DEFAULT 0  -- number of the newest revision, 0 = none yet
) STRICT;
CREATE INDEX study_last_at ON study (last_at);
CREATE INDEX study_state ON study (state);

CREATE TABLE instance (
    path        TEXT PRIMARY KEY,           -- relative to data_dir
    study_uid   TEXT NOT NULL REFERENCES study (uid),
    series_uid  TEXT NOT NULL,
    sop_uid     TEXT NOT NULL,
    class_uid   TEXT NOT NULL,
    syntax_uid  TEXT NOT NULL,
    digest      TEXT NOT NULL,
    size        INTEGER NOT NULL,
    calling_ae  TEXT NOT NULL,
    called_ae   TEXT NOT NULL,
    remote_addr TEXT NOT NULL,
    association TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    again       INTEGER NOT NULL DEFAULT 0, -- how often the same bytes came again
    flag        TEXT NOT NULL DEFAULT '',
    revision    INTEGER NOT NULL DEFAULT 0  -- number of the first revision that has it, 0 = not settled
) STRICT;
CREATE INDEX instance_study ON instance (study_uid, received_at);
CREATE INDEX instance_sop ON instance (sop_uid);
CREATE INDEX instance_unsettled ON instance (study_uid) WHERE revision = 0;

CREATE TABLE revision (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    study_uid     TEXT NOT NULL REFERENCES study (uid),
    number        INTEGER NOT NULL,
    state         TEXT NOT NULL,
    reason_code   TEXT NOT NULL DEFAULT '',
    reason_text   TEXT NOT NULL DEFAULT '',
    reason_remedy TEXT NOT NULL DEFAULT '',
    input_digest  TEXT NOT NULL DEFAULT '',
    findings      TEXT NOT NULL DEFAULT '', -- JSON
    findings_at   INTEGER NOT NULL DEFAULT 0,
    settled_why   TEXT NOT NULL,
    settled_at    INTEGER NOT NULL,
    started_at    INTEGER NOT NULL DEFAULT 0,
    finished_at   INTEGER NOT NULL DEFAULT 0,
    superseded_by INTEGER NOT NULL DEFAULT 0, -- number of the revision that replaces it
    UNIQUE (study_uid, number)
) STRICT;

CREATE TABLE instance_reason (
    revision_id INTEGER NOT NULL REFERENCES revision (id),
    path        TEXT NOT NULL,
    sop_uid     TEXT NOT NULL,
    code        TEXT NOT NULL,
    text        TEXT NOT NULL
) STRICT;
CREATE INDEX instance_reason_revision ON instance_reason (revision_id);

CREATE TABLE series_reason (
    revision_id INTEGER NOT NULL REFERENCES revision (id),
    series_uid  TEXT NOT NULL,
    chosen      INTEGER NOT NULL,
    code        TEXT NOT NULL,
    text        TEXT NOT NULL,
    remedy      TEXT NOT NULL
) STRICT;
CREATE INDEX series_reason_revision ON series_reason (revision_id);

CREATE TABLE object (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    revision_id INTEGER NOT NULL REFERENCES revision (id),
    sop_uid     TEXT NOT NULL UNIQUE,
    class_uid   TEXT NOT NULL,
    series_uid  TEXT NOT NULL,
    kind        TEXT NOT NULL,
    title       TEXT NOT NULL,
    syntax_uid  TEXT NOT NULL,
    path        TEXT NOT NULL,
    sha256      TEXT NOT NULL,
    size        INTEGER NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX object_revision ON object (revision_id);

CREATE TABLE delivery (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    object_id   INTEGER NOT NULL REFERENCES object (id),
    destination TEXT NOT NULL,
    state       TEXT NOT NULL,              -- waiting, sent, failed
    attempts    INTEGER NOT NULL DEFAULT 0,
    status      TEXT NOT NULL DEFAULT '',
    detail      TEXT NOT NULL DEFAULT '',
    trouble     TEXT NOT NULL DEFAULT '',   -- kind of the newest failures, the caller's word
    troubles    INTEGER NOT NULL DEFAULT 0, -- failures of that kind in a row
    since       INTEGER NOT NULL DEFAULT 0, -- time of the first of them
    created_at  INTEGER NOT NULL,
    sent_at     INTEGER NOT NULL DEFAULT 0,
    next_at     INTEGER NOT NULL DEFAULT 0,
    UNIQUE (object_id, destination)
) STRICT;
CREATE INDEX delivery_state ON delivery (state, created_at);

CREATE TABLE event (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    at          INTEGER NOT NULL,
    study_uid   TEXT NOT NULL,              -- '' when it is about no study
    kind        TEXT NOT NULL,
    text        TEXT NOT NULL,
    instance    TEXT NOT NULL,
    association TEXT NOT NULL,
    attributes  TEXT NOT NULL               -- JSON object or ''
) STRICT;
CREATE INDEX event_study ON event (study_uid, id);
