CREATE TABLE notification (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    receiver    TEXT NOT NULL,
    event_id    TEXT NOT NULL,              -- derived from the fact: the same fact is told once
    kind        TEXT NOT NULL,              -- result, failure, stuck
    study_uid   TEXT NOT NULL,
    revision_id INTEGER NOT NULL,           -- 0 = the study has none yet
    destination TEXT NOT NULL,              -- '' when it is about the study
    fact        TEXT NOT NULL,              -- JSON
    body        TEXT NOT NULL DEFAULT '',   -- what is sent, from the first attempt until it has arrived
    state       TEXT NOT NULL,              -- waiting, sent, failed
    attempts    INTEGER NOT NULL DEFAULT 0,
    detail      TEXT NOT NULL DEFAULT '',   -- of the newest attempt
    created_at  INTEGER NOT NULL,
    sent_at     INTEGER NOT NULL DEFAULT 0,
    next_at     INTEGER NOT NULL DEFAULT 0,
    UNIQUE (receiver, event_id)
) STRICT;
CREATE INDEX notification_study ON notification (study_uid);
CREATE INDEX notification_revision ON notification (revision_id);
CREATE INDEX notification_state ON notification (state);
