-- Storage commitment that destinations are asked for.
ALTER TABLE delivery ADD COLUMN failed_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN confirmation_id INTEGER NOT NULL DEFAULT 0;  -- the request that covers it, 0 = none
ALTER TABLE delivery ADD COLUMN commitment TEXT NOT NULL DEFAULT '';         -- asked, committed, failed
ALTER TABLE delivery ADD COLUMN commitment_detail TEXT NOT NULL DEFAULT '';
ALTER TABLE delivery ADD COLUMN commitment_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN resent INTEGER NOT NULL DEFAULT 0;           -- how often it was sent again since it was not committed
CREATE INDEX delivery_confirmation ON delivery (confirmation_id) WHERE confirmation_id > 0;

CREATE TABLE confirmation (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    revision_id INTEGER NOT NULL REFERENCES revision (id),
    destination TEXT NOT NULL,
    state       TEXT NOT NULL,              -- waiting, answered, failed
    asked       INTEGER NOT NULL DEFAULT 0, -- how often the destination took the request
    attempts    INTEGER NOT NULL DEFAULT 0, -- in vain, in a row
    detail      TEXT NOT NULL DEFAULT '',   -- of the newest attempt
    created_at  INTEGER NOT NULL,
    asked_at    INTEGER NOT NULL DEFAULT 0,
    next_at     INTEGER NOT NULL DEFAULT 0,
    finished_at INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX confirmation_revision ON confirmation (revision_id);
CREATE INDEX confirmation_state ON confirmation (state);

-- A repetition has a transaction UID of its own; an answer to an earlier one counts as well.
CREATE TABLE confirmation_transaction (
    uid             TEXT PRIMARY KEY,
    confirmation_id INTEGER NOT NULL REFERENCES confirmation (id),
    at              INTEGER NOT NULL
) STRICT;
