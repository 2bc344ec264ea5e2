CREATE TABLE commitment (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    transaction_uid TEXT NOT NULL,
    calling_ae      TEXT NOT NULL,
    called_ae       TEXT NOT NULL,
    remote_addr     TEXT NOT NULL,
    association     TEXT NOT NULL,
    duplicate       INTEGER NOT NULL,           -- the transaction UID is that of another request
    state           TEXT NOT NULL,              -- waiting, reported, failed, replaced
    attempts        INTEGER NOT NULL DEFAULT 0, -- of the report on an association of ours
    detail          TEXT NOT NULL DEFAULT '',
    created_at      INTEGER NOT NULL,
    finished_at     INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX commitment_transaction ON commitment (transaction_uid);
CREATE INDEX commitment_state ON commitment (state);

CREATE TABLE commitment_reference (
    commitment_id INTEGER NOT NULL REFERENCES commitment (id),
    class_uid     TEXT NOT NULL,
    sop_uid       TEXT NOT NULL
) STRICT;
CREATE INDEX commitment_reference_commitment ON commitment_reference (commitment_id);
