-- Class and instance under which an object went: another form of it, where the destination does not know its class. '' until sent.
ALTER TABLE delivery ADD COLUMN sent_class_uid TEXT NOT NULL DEFAULT '';
ALTER TABLE delivery ADD COLUMN sent_sop_uid TEXT NOT NULL DEFAULT '';
UPDATE delivery
    SET sent_class_uid = (SELECT class_uid FROM object WHERE id = object_id),
        sent_sop_uid = (SELECT sop_uid FROM object WHERE id = object_id)
    WHERE state = 'sent';
