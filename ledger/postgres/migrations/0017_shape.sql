-- What shapes the objects that a node makes, as one text: nodes that share a ledger are to have the same.
ALTER TABLE node ADD COLUMN shape TEXT COLLATE "C" NOT NULL DEFAULT '';
