-- Whether a request for storage commitment was tried in the last minutes is asked of those that wait.
CREATE INDEX confirmation_tried ON confirmation_transaction (confirmation_id, at);
