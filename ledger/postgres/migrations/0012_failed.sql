-- Studies of which something waits to be delivered, and of which something was given up.
CREATE INDEX study_delivery_waiting ON study_delivery (study_uid) WHERE state = 'waiting' AND n > 0;
CREATE INDEX study_delivery_failed ON study_delivery (study_uid) WHERE state = 'failed' AND n > 0;
