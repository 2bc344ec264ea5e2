-- What is counted of all studies together was counted at the commit, row by row and under one lock, which every door and reader waited for
-- until the other's commit was on the disk. Now a statement leaves what it changes as rows of a tally, which nobody waits for, and readers
-- add them to what the tables of counters say (the views ..._now). Every 64th has the commit of its transaction put all of them into these
-- tables, unless another one holds what all studies share. What is counted of one study is counted at once, under the lock of the study.

-- Nodes of older programs go on meanwhile. Their transactions begin with the study, and so does this one: nobody waits in a circle.
LOCK TABLE study, instance, object, brief, delivery, notification IN ACCESS EXCLUSIVE MODE;

CREATE TABLE tally (
    id     BIGINT GENERATED ALWAYS AS IDENTITY,
    kind   TEXT COLLATE "C" NOT NULL,                -- instance, flagged, object, study, and the kinds of counter
    name   TEXT COLLATE "C" NOT NULL DEFAULT '',     -- instance and study: calling AE title
    state  TEXT COLLATE "C" NOT NULL DEFAULT '',
    result TEXT COLLATE "C" NOT NULL DEFAULT '',
    day    BIGINT NOT NULL DEFAULT 0,
    at     BIGINT NOT NULL DEFAULT 0,                -- instance: of the newest
    n      BIGINT NOT NULL DEFAULT 0,
    bytes  BIGINT NOT NULL DEFAULT 0
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE VIEW received_now AS
    SELECT CAST(SUM(instances) AS BIGINT) AS instances, CAST(SUM(bytes) AS BIGINT) AS bytes, CAST(SUM(flagged) AS BIGINT) AS flagged
    FROM (
        SELECT instances, bytes, flagged FROM received
        UNION ALL SELECT n, bytes, 0 FROM tally WHERE kind = 'instance'
        UNION ALL SELECT 0, 0, n FROM tally WHERE kind = 'flagged') parts;
CREATE VIEW day_now AS
    SELECT day, CAST(SUM(instances) AS BIGINT) AS instances, CAST(SUM(bytes) AS BIGINT) AS bytes
    FROM (
        SELECT day, instances, bytes FROM day
        UNION ALL SELECT day, n, bytes FROM tally WHERE kind IN ('instance', 'object')) parts
    GROUP BY day;
CREATE VIEW peer_now AS
    SELECT calling_ae, MAX(address) AS address, MAX(association_at) AS association_at, MAX(instance_at) AS instance_at,
        MAX(rejected_at) AS rejected_at, MAX(rejected_because) AS rejected_because, CAST(SUM(instances) AS BIGINT) AS instances,
        CAST(SUM(bytes) AS BIGINT) AS bytes
    FROM (
        SELECT calling_ae, address, association_at, instance_at, rejected_at, rejected_because, instances, bytes FROM peer
        UNION ALL SELECT name, '', 0, at, 0, '', n, bytes FROM tally WHERE kind = 'instance') parts
    GROUP BY calling_ae;
CREATE VIEW counter_now AS
    SELECT kind, name, state, CAST(SUM(n) AS BIGINT) AS n
    FROM (
        SELECT kind, name, state, n FROM counter
        UNION ALL SELECT kind, name, state, n FROM tally WHERE kind NOT IN ('instance', 'flagged', 'object', 'study')) parts
    GROUP BY kind, name, state;
CREATE VIEW study_count_now AS
    SELECT state, calling_ae, result, CAST(SUM(n) AS BIGINT) AS n
    FROM (
        SELECT state, calling_ae, result, n FROM study_count
        UNION ALL SELECT state, name, result, n FROM tally WHERE kind = 'study') parts
    GROUP BY state, calling_ae, result;

-- Peers are changed under this lock alone, the other tables of counters here alone.
CREATE FUNCTION fold_tally() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(4866899, 3) THEN
        RETURN NULL;
    END IF;
    WITH gone AS (DELETE FROM tally RETURNING *),
    of_all AS (
        UPDATE received r
        SET instances = r.instances + g.instances, bytes = r.bytes + g.bytes, flagged = r.flagged + g.flagged
        FROM (
            SELECT coalesce(SUM(n) FILTER (WHERE kind = 'instance'), 0) AS instances,
                coalesce(SUM(gone.bytes) FILTER (WHERE kind = 'instance'), 0) AS bytes,
                coalesce(SUM(n) FILTER (WHERE kind = 'flagged'), 0) AS flagged
            FROM gone) g),
    of_days AS (
        INSERT INTO day SELECT day, SUM(n), SUM(bytes) FROM gone WHERE kind IN ('instance', 'object') GROUP BY day
        ON CONFLICT (day) DO UPDATE SET instances = day.instances + excluded.instances, bytes = day.bytes + excluded.bytes),
    of_peers AS (
        INSERT INTO peer (calling_ae, instance_at, instances, bytes)
        SELECT name, MAX(at), SUM(n), SUM(bytes) FROM gone WHERE kind = 'instance' GROUP BY name
        ON CONFLICT (calling_ae) DO UPDATE
        SET instance_at = GREATEST(peer.instance_at, excluded.instance_at), instances = peer.instances + excluded.instances,
            bytes = peer.bytes + excluded.bytes),
    of_studies AS (
        INSERT INTO study_count
        SELECT state, name, result, SUM(n) FROM gone WHERE kind = 'study' GROUP BY state, name, result
        ON CONFLICT (state, calling_ae, result) DO UPDATE SET n = study_count.n + excluded.n)
    INSERT INTO counter
    SELECT kind, name, state, SUM(n)
    FROM gone
    WHERE kind NOT IN ('instance', 'flagged', 'object', 'study')
    GROUP BY kind, name, state
    ON CONFLICT (kind, name, state) DO UPDATE SET n = counter.n + excluded.n;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tally_folded AFTER INSERT ON tally DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.id % 64 = 0) EXECUTE FUNCTION fold_tally();

DROP TRIGGER instance_flags ON instance;
DROP TRIGGER instance_added ON instance;
DROP TRIGGER instance_flag_counted ON instance;
DROP FUNCTION instance_flags(), instance_added();
CREATE FUNCTION instances_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tally (kind, name, day, at, n, bytes)
    SELECT 'instance', calling_ae, received_at / 86400000, MAX(received_at), COUNT(*), SUM(size) FROM added GROUP BY 2, 3
    UNION ALL SELECT 'flagged', '', 0, 0, COUNT(*), 0 FROM added WHERE flag <> '' HAVING COUNT(*) > 0;
    UPDATE study
    SET flagged = flagged + f.n
    FROM (SELECT study_uid, COUNT(*) AS n FROM added WHERE flag <> '' GROUP BY study_uid) f
    WHERE uid = f.study_uid;
    RETURN NULL;
END $$;
CREATE TRIGGER instances_added AFTER INSERT ON instance REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION instances_added();

CREATE OR REPLACE FUNCTION instance_flagged() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    more BIGINT := CASE NEW.flag WHEN '' THEN -1 ELSE 1 END;
BEGIN
    UPDATE study SET flagged = flagged + more WHERE uid = NEW.study_uid;
    INSERT INTO tally (kind, n) VALUES ('flagged', more);
    RETURN NULL;
END $$;

DROP TRIGGER object_added ON object;
DROP FUNCTION object_added();
CREATE FUNCTION objects_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tally (kind, day, bytes) SELECT 'object', created_at / 86400000, SUM(size) FROM added GROUP BY 2;
    RETURN NULL;
END $$;
CREATE TRIGGER objects_added AFTER INSERT ON object REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION objects_added();

DROP TRIGGER study_added ON study;
DROP TRIGGER study_counted ON study;
CREATE OR REPLACE FUNCTION study_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tally (kind, name, state, result, n) VALUES ('study', NEW.calling_ae, NEW.state, NEW.result, 1);
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO tally (kind, name, state, result, n) VALUES ('study', OLD.calling_ae, OLD.state, OLD.result, -1);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER study_added AFTER INSERT ON study FOR EACH ROW EXECUTE FUNCTION study_counted();
CREATE TRIGGER study_counted AFTER UPDATE ON study
    FOR EACH ROW WHEN (OLD.state <> NEW.state OR OLD.calling_ae <> NEW.calling_ae OR OLD.result <> NEW.result)
    EXECUTE FUNCTION study_counted();

DROP TRIGGER brief_counted ON brief;
CREATE OR REPLACE FUNCTION brief_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tally (kind, state, n) VALUES ('finished', NEW.outcome, 1);
    RETURN NULL;
END $$;
CREATE TRIGGER brief_counted AFTER UPDATE OF finished_at ON brief FOR EACH ROW EXECUTE FUNCTION brief_counted();

DROP TRIGGER delivery_added ON delivery;
DROP TRIGGER delivery_moved ON delivery;
DROP TRIGGER delivery_added_of_all ON delivery;
DROP TRIGGER delivery_moved_of_all ON delivery;
DROP TRIGGER delivery_committed ON delivery;
DROP FUNCTION delivery_counted(), delivery_counted_of_all(), delivery_committed();
CREATE FUNCTION deliveries_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tally (kind, name, state, n)
    SELECT 'delivery', destination, state, COUNT(*) FROM added GROUP BY 2, 3
    UNION ALL SELECT 'commitment', destination, commitment, COUNT(*) FROM added WHERE commitment <> '' GROUP BY 2, 3;
    INSERT INTO study_delivery
    SELECT r.study_uid, d.destination, d.state, COUNT(*)
    FROM added d
    JOIN object o ON o.id = d.object_id
    JOIN revision r ON r.id = o.revision_id
    GROUP BY 1, 2, 3
    ON CONFLICT (study_uid, destination, state) DO UPDATE SET n = study_delivery.n + excluded.n;
    RETURN NULL;
END $$;
CREATE TRIGGER deliveries_added AFTER INSERT ON delivery REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION deliveries_added();
CREATE FUNCTION deliveries_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tally (kind, name, state, n)
    SELECT kind, destination, state, SUM(n)
    FROM (
        SELECT 'delivery' AS kind, destination, state, 1 AS n FROM after
        UNION ALL SELECT 'delivery', destination, state, -1 FROM before
        UNION ALL SELECT 'commitment', destination, commitment, 1 FROM after
        UNION ALL SELECT 'commitment', destination, commitment, -1 FROM before) changed
    WHERE state <> ''
    GROUP BY kind, destination, state
    HAVING SUM(n) <> 0;
    INSERT INTO study_delivery
    SELECT r.study_uid, d.destination, d.state, SUM(d.n)
    FROM (
        SELECT object_id, destination, state, 1 AS n FROM after
        UNION ALL SELECT object_id, destination, state, -1 FROM before) d
    JOIN object o ON o.id = d.object_id
    JOIN revision r ON r.id = o.revision_id
    GROUP BY 1, 2, 3
    HAVING SUM(d.n) <> 0
    ON CONFLICT (study_uid, destination, state) DO UPDATE SET n = study_delivery.n + excluded.n;
    RETURN NULL;
END $$;
CREATE TRIGGER deliveries_moved AFTER UPDATE ON delivery REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION deliveries_moved();

DROP TRIGGER notification_added ON notification;
DROP TRIGGER notification_moved ON notification;
CREATE OR REPLACE FUNCTION notification_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tally (kind, name, state, n) VALUES ('notification', NEW.receiver, NEW.state, 1);
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO tally (kind, name, state, n) VALUES ('notification', OLD.receiver, OLD.state, -1);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER notification_added AFTER INSERT ON notification FOR EACH ROW EXECUTE FUNCTION notification_counted();
CREATE TRIGGER notification_moved AFTER UPDATE OF state ON notification
    FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION notification_counted();

DROP FUNCTION counting(), count_up(TEXT, TEXT, TEXT, BIGINT), count_day(BIGINT, BIGINT, BIGINT), count_study(TEXT, TEXT, TEXT, BIGINT),
    count_delivery(BIGINT, TEXT, TEXT, BIGINT);
