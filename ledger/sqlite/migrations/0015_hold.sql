-- Studies that wait for an open association that stored into them, at whichever door. The incarnation is that of the door's node; '' for
-- a node that has the ledger for itself.
CREATE TABLE hold (
    study_uid   TEXT NOT NULL,
    association TEXT NOT NULL,
    incarnation TEXT NOT NULL,
    since       INTEGER NOT NULL,
    PRIMARY KEY (study_uid, association)
) WITHOUT ROWID;
CREATE INDEX hold_association ON hold (association);
