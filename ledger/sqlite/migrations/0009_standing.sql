-- What only the running node knows, as it wrote it last.
CREATE TABLE alive (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    started_at  INTEGER NOT NULL,
    seen_at     INTEGER NOT NULL,           -- of the newest sign of life
    stopped_at  INTEGER NOT NULL,           -- 0 = it runs, or it died
    recorded_at INTEGER NOT NULL,           -- up to then every instance that was stored has its row, 0 = nobody can tell
    pid         INTEGER NOT NULL,
    version     TEXT NOT NULL,
    config_path TEXT NOT NULL,
    config_hash TEXT NOT NULL,
    device      TEXT NOT NULL,
    weights     TEXT NOT NULL,
    free        INTEGER NOT NULL,           -- bytes
    reserve     INTEGER NOT NULL,
    work        TEXT NOT NULL               -- JSON: studies that are being read
) STRICT;

-- Who called, by calling AE title; of those from whom nothing came the ledger keeps a bounded number.
CREATE TABLE peer (
    calling_ae       TEXT PRIMARY KEY,
    address          TEXT NOT NULL DEFAULT '', -- without the port; of the newest association or rejection
    association_at   INTEGER NOT NULL DEFAULT 0,
    instance_at      INTEGER NOT NULL DEFAULT 0,
    rejected_at      INTEGER NOT NULL DEFAULT 0,
    rejected_because TEXT NOT NULL DEFAULT '',
    instances        INTEGER NOT NULL DEFAULT 0,
    bytes            INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- What each destination did last.
CREATE TABLE destination (
    name          TEXT PRIMARY KEY,
    sent_at       INTEGER NOT NULL DEFAULT 0,
    failed_at     INTEGER NOT NULL DEFAULT 0,
    answer        TEXT NOT NULL DEFAULT '',  -- newest, or what came instead of one
    trouble_since INTEGER NOT NULL DEFAULT 0 -- first failure since sent_at, 0 = none
) STRICT, WITHOUT ROWID;

-- Counters. The triggers below keep them in the transactions that change what is counted, whoever changes it.
CREATE TABLE received (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    instances INTEGER NOT NULL,
    bytes     INTEGER NOT NULL,
    flagged   INTEGER NOT NULL
) STRICT;

CREATE TABLE day (
    day       INTEGER PRIMARY KEY,          -- since 1970, UTC
    instances INTEGER NOT NULL,
    bytes     INTEGER NOT NULL              -- of instances that came and of objects that were made
) STRICT;

CREATE TABLE counter (
    kind  TEXT NOT NULL,                    -- delivery, commitment, notification, finished
    name  TEXT NOT NULL,                    -- of the destination or the webhook
    state TEXT NOT NULL,
    n     INTEGER NOT NULL,
    PRIMARY KEY (kind, name, state)
) STRICT, WITHOUT ROWID;

CREATE TABLE study_count (
    state      TEXT NOT NULL,
    calling_ae TEXT NOT NULL,
    result     TEXT NOT NULL,
    n          INTEGER NOT NULL,
    PRIMARY KEY (state, calling_ae, result)
) STRICT, WITHOUT ROWID;

CREATE TABLE study_delivery (
    study_uid   TEXT NOT NULL,
    destination TEXT NOT NULL,
    state       TEXT NOT NULL,
    n           INTEGER NOT NULL,
    PRIMARY KEY (study_uid, destination, state)
) STRICT, WITHOUT ROWID;

-- Of a revision what a list of studies shows, apart from its findings, which are long.
CREATE TABLE brief (
    revision_id INTEGER PRIMARY KEY REFERENCES revision (id),
    text        TEXT NOT NULL DEFAULT '',   -- JSON: the findings without what they say of each slice, series and instance
    outcome     TEXT NOT NULL DEFAULT '',   -- positive, negative, reported, not processed; '' = not finished, or superseded
    finished_at INTEGER NOT NULL DEFAULT 0,
    took        INTEGER NOT NULL DEFAULT 0  -- ms from settled to finished
) STRICT;

ALTER TABLE study ADD COLUMN calling_ae TEXT NOT NULL DEFAULT '';   -- who sent its first instance
ALTER TABLE study ADD COLUMN accession TEXT NOT NULL DEFAULT '';    -- of the instance that came last with one
ALTER TABLE study ADD COLUMN flagged INTEGER NOT NULL DEFAULT 0;    -- instances
ALTER TABLE study ADD COLUMN result TEXT NOT NULL DEFAULT '';       -- positive, negative; '' while it is not reported

-- What there is already.
INSERT INTO received SELECT 1, COUNT(*), coalesce(SUM(size), 0), COUNT(*) FILTER (WHERE flag <> '') FROM instance;
INSERT INTO day
    SELECT day, SUM(instances), SUM(bytes)
    FROM (
        SELECT received_at / 86400000 AS day, 1 AS instances, size AS bytes FROM instance
        UNION ALL SELECT created_at / 86400000, 0, size FROM object)
    GROUP BY day;
INSERT INTO peer (calling_ae, instance_at, instances, bytes)
    SELECT calling_ae, MAX(received_at), COUNT(*), SUM(size) FROM instance GROUP BY calling_ae;
INSERT INTO destination (name, sent_at, failed_at)
    SELECT destination, MAX(sent_at), MAX(failed_at) FROM delivery GROUP BY destination;
INSERT INTO counter SELECT 'delivery', destination, state, COUNT(*) FROM delivery GROUP BY destination, state;
INSERT INTO counter
    SELECT 'commitment', destination, commitment, COUNT(*) FROM delivery WHERE commitment <> '' GROUP BY destination, commitment;
INSERT INTO counter SELECT 'notification', receiver, state, COUNT(*) FROM notification GROUP BY receiver, state;
INSERT INTO study_delivery
    SELECT r.study_uid, d.destination, d.state, COUNT(*)
    FROM delivery d
    JOIN object o ON o.id = d.object_id
    JOIN revision r ON r.id = o.revision_id
    GROUP BY r.study_uid, d.destination, d.state;
INSERT INTO brief (revision_id, text)
    SELECT id, CASE WHEN json_valid(findings) THEN json_remove(findings, '$.slices', '$.refused_instances', '$.refused_series',
        '$.settings', '$.notes', '$.models', '$.omitted', '$.notice') ELSE '' END
    FROM revision;
UPDATE brief
    SET finished_at = r.finished_at, took = r.finished_at - r.settled_at,
        outcome = CASE
            WHEN r.state = 'not processed' THEN 'not processed'
            WHEN json_extract(nullif(brief.text, ''), '$.decision.positive') = 1 THEN 'positive'
            WHEN json_extract(nullif(brief.text, ''), '$.decision.positive') = 0 THEN 'negative'
            ELSE 'reported' END
    FROM revision r
    WHERE r.id = brief.revision_id AND r.finished_at > 0 AND r.reason_code <> 'superseded';
INSERT INTO counter SELECT 'finished', '', outcome, COUNT(*) FROM brief WHERE outcome <> '' GROUP BY outcome;
UPDATE study
    SET calling_ae = coalesce((SELECT i.calling_ae FROM instance i WHERE i.study_uid = uid ORDER BY i.received_at LIMIT 1), ''),
        flagged = (SELECT COUNT(*) FROM instance i WHERE i.study_uid = uid AND i.flag <> ''),
        result = coalesce((
            SELECT CASE json_extract(nullif(b.text, ''), '$.decision.positive') WHEN 1 THEN 'positive' WHEN 0 THEN 'negative' END
            FROM revision r
            JOIN brief b ON b.revision_id = r.id
            WHERE r.study_uid = uid AND r.number = study.revision AND study.state = 'reported'), '');
INSERT INTO study_count SELECT state, calling_ae, result, COUNT(*) FROM study GROUP BY state, calling_ae, result;

-- Lists, each in the order of time, and what is not over. States stand in the statements that use the partial ones, too.
DROP INDEX study_state;
CREATE INDEX study_state ON study (state, last_at);
CREATE INDEX study_calling_ae ON study (calling_ae, last_at);
CREATE INDEX study_result ON study (result, last_at);
CREATE INDEX study_accession ON study (accession) WHERE accession <> '';
CREATE INDEX study_missing ON study (uid) WHERE files_missing = 1;
CREATE INDEX revision_open ON revision (state) WHERE state IN ('settled', 'processing');
CREATE INDEX brief_finished ON brief (finished_at, outcome, took) WHERE finished_at > 0;
DROP INDEX delivery_state;
CREATE INDEX delivery_waiting ON delivery (destination, created_at) WHERE state = 'waiting';
CREATE INDEX delivery_failed ON delivery (destination) WHERE state = 'failed';

CREATE TRIGGER instance_added AFTER INSERT ON instance BEGIN
    UPDATE received SET instances = instances + 1, bytes = bytes + new.size, flagged = flagged + (new.flag <> '');
    INSERT INTO day VALUES (new.received_at / 86400000, 1, new.size)
        ON CONFLICT (day) DO UPDATE SET instances = instances + 1, bytes = bytes + excluded.bytes;
    INSERT INTO peer (calling_ae, instance_at, instances, bytes) VALUES (new.calling_ae, new.received_at, 1, new.size)
        ON CONFLICT (calling_ae) DO UPDATE
        SET instance_at = max(instance_at, excluded.instance_at), instances = instances + 1, bytes = bytes + excluded.bytes;
    UPDATE study SET flagged = flagged + 1 WHERE uid = new.study_uid AND new.flag <> '';
END;
CREATE TRIGGER instance_flagged AFTER UPDATE OF flag ON instance WHEN (old.flag <> '') <> (new.flag <> '') BEGIN
    UPDATE received SET flagged = flagged + (new.flag <> '') - (old.flag <> '');
    UPDATE study SET flagged = flagged + (new.flag <> '') - (old.flag <> '') WHERE uid = new.study_uid;
END;
CREATE TRIGGER object_added AFTER INSERT ON object BEGIN
    INSERT INTO day VALUES (new.created_at / 86400000, 0, new.size)
        ON CONFLICT (day) DO UPDATE SET bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER study_added AFTER INSERT ON study BEGIN
    INSERT INTO study_count VALUES (new.state, new.calling_ae, new.result, 1)
        ON CONFLICT (state, calling_ae, result) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER study_counted AFTER UPDATE OF state, calling_ae, result ON study
WHEN old.state <> new.state OR old.calling_ae <> new.calling_ae OR old.result <> new.result BEGIN
    INSERT INTO study_count VALUES (old.state, old.calling_ae, old.result, -1)
        ON CONFLICT (state, calling_ae, result) DO UPDATE SET n = n - 1;
    INSERT INTO study_count VALUES (new.state, new.calling_ae, new.result, 1)
        ON CONFLICT (state, calling_ae, result) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER study_result AFTER UPDATE OF state ON study WHEN old.state <> new.state BEGIN
    UPDATE study
        SET result = coalesce((
            SELECT CASE json_extract(nullif(b.text, ''), '$.decision.positive') WHEN 1 THEN 'positive' WHEN 0 THEN 'negative' END
            FROM revision r
            JOIN brief b ON b.revision_id = r.id
            WHERE r.study_uid = new.uid AND r.number = new.revision AND new.state = 'reported'), '')
        WHERE uid = new.uid;
END;

CREATE TRIGGER revision_added AFTER INSERT ON revision BEGIN
    INSERT INTO brief (revision_id) VALUES (new.id);
END;
CREATE TRIGGER revision_found AFTER UPDATE OF findings ON revision BEGIN
    UPDATE brief
        SET text = CASE WHEN json_valid(new.findings) THEN json_remove(new.findings, '$.slices', '$.refused_instances',
            '$.refused_series', '$.settings', '$.notes', '$.models', '$.omitted', '$.notice') ELSE '' END
        WHERE revision_id = new.id;
END;
CREATE TRIGGER revision_finished AFTER UPDATE OF finished_at ON revision
WHEN old.finished_at = 0 AND new.finished_at > 0 AND new.reason_code <> 'superseded' BEGIN
    UPDATE brief
        SET finished_at = new.finished_at, took = new.finished_at - new.settled_at,
            outcome = CASE
                WHEN new.state = 'not processed' THEN 'not processed'
                WHEN json_extract(nullif(text, ''), '$.decision.positive') = 1 THEN 'positive'
                WHEN json_extract(nullif(text, ''), '$.decision.positive') = 0 THEN 'negative'
                ELSE 'reported' END
        WHERE revision_id = new.id;
    INSERT INTO counter SELECT 'finished', '', outcome, 1 FROM brief WHERE revision_id = new.id
        ON CONFLICT (kind, name, state) DO UPDATE SET n = n + 1;
END;

CREATE TRIGGER delivery_added AFTER INSERT ON delivery BEGIN
    INSERT INTO counter VALUES ('delivery', new.destination, new.state, 1)
        ON CONFLICT (kind, name, state) DO UPDATE SET n = n + 1;
    INSERT INTO study_delivery
        SELECT r.study_uid, new.destination, new.state, 1
        FROM object o
        JOIN revision r ON r.id = o.revision_id
        WHERE o.id = new.object_id
        ON CONFLICT (study_uid, destination, state) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER delivery_moved AFTER UPDATE OF state ON delivery WHEN old.state <> new.state BEGIN
    UPDATE counter SET n = n - 1 WHERE kind = 'delivery' AND name = old.destination AND state = old.state;
    INSERT INTO counter VALUES ('delivery', new.destination, new.state, 1)
        ON CONFLICT (kind, name, state) DO UPDATE SET n = n + 1;
    INSERT INTO study_delivery
        SELECT r.study_uid, moved.destination, moved.state, moved.n
        FROM object o
        JOIN revision r ON r.id = o.revision_id
        JOIN (
            SELECT old.destination AS destination, old.state AS state, -1 AS n
            UNION ALL SELECT new.destination, new.state, 1) moved
        WHERE o.id = new.object_id
        ON CONFLICT (study_uid, destination, state) DO UPDATE SET n = n + excluded.n;
END;
CREATE TRIGGER delivery_committed AFTER UPDATE OF commitment ON delivery WHEN old.commitment <> new.commitment BEGIN
    UPDATE counter SET n = n - 1 WHERE kind = 'commitment' AND name = old.destination AND state = old.commitment;
    INSERT INTO counter SELECT 'commitment', new.destination, new.commitment, 1 WHERE new.commitment <> ''
        ON CONFLICT (kind, name, state) DO UPDATE SET n = n + 1;
END;

CREATE TRIGGER notification_added AFTER INSERT ON notification BEGIN
    INSERT INTO counter VALUES ('notification', new.receiver, new.state, 1)
        ON CONFLICT (kind, name, state) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER notification_moved AFTER UPDATE OF state ON notification WHEN old.state <> new.state BEGIN
    UPDATE counter SET n = n - 1 WHERE kind = 'notification' AND name = old.receiver AND state = old.state;
    INSERT INTO counter VALUES ('notification', new.receiver, new.state, 1)
        ON CONFLICT (kind, name, state) DO UPDATE SET n = n + 1;
END;
