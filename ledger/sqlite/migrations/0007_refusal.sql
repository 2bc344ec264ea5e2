-- Instances that were refused, those of one sender for one reason together; the ledger keeps a bounded number of rows.
CREATE TABLE refusal (
    study_uid   TEXT NOT NULL,              -- '' = not known
    calling_ae  TEXT NOT NULL,
    address     TEXT NOT NULL,              -- without the port
    code        TEXT NOT NULL,
    status      TEXT NOT NULL,              -- of the C-STORE response; like what follows, of the newest one
    text        TEXT NOT NULL,
    remedy      TEXT NOT NULL,
    instance    TEXT NOT NULL,              -- SOP Instance UID
    association TEXT NOT NULL,
    count       INTEGER NOT NULL DEFAULT 1,
    first_at    INTEGER NOT NULL,
    last_at     INTEGER NOT NULL,
    PRIMARY KEY (study_uid, calling_ae, address, code)
) STRICT;
CREATE INDEX refusal_last ON refusal (last_at);
