-- Studies that wait for an open association that stored into them, at whichever door. The incarnation is that of the door's node; '' for
-- a node that has the ledger for itself.
CREATE TABLE hold (
    study_uid   TEXT COLLATE "C" NOT NULL,
    association TEXT COLLATE "C" NOT NULL,
    incarnation TEXT COLLATE "C" NOT NULL,
    since       BIGINT NOT NULL,
    PRIMARY KEY (study_uid, association)
);
CREATE INDEX hold_association ON hold (association);
