-- The counters as they are now. Here they are what the tables say; in PostgreSQL, where several count at once, not all is in those yet.
CREATE VIEW received_now AS SELECT * FROM received;
CREATE VIEW day_now AS SELECT * FROM day;
CREATE VIEW peer_now AS SELECT * FROM peer;
CREATE VIEW counter_now AS SELECT * FROM counter;
CREATE VIEW study_count_now AS SELECT * FROM study_count;
