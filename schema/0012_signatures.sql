-- Signatures tell which texts a block of events cannot have, so that --search need not read them
-- (schema/signatures.py, docs/decisions/0009-signatures-of-texts.md). The writer signs each thousand events once
-- (kube9_operator/write/events/signing.py). Newer events, and those in unsigned_events, are always read.
CREATE TABLE signatures (
    last_event INTEGER PRIMARY KEY, -- events.id: the block has all events after the last one of the block before
    plain      INTEGER NOT NULL,    -- 1 if all of its texts are ASCII, and no metadata have a backslash
    bits       BLOB NOT NULL        -- of descriptions; of names of objects, titles, reasons and nodes; of metadata
) STRICT;

-- Events whose texts have changed since their block was signed.
CREATE TABLE unsigned_events (
    event INTEGER PRIMARY KEY -- events.id; retention may have deleted the event
) STRICT;

-- Whichever code changes a text: a signature that does not know it would hide the event.
CREATE TRIGGER unsign_inserted_text AFTER INSERT ON texts
    WHEN NEW.event <= (SELECT max(last_event) FROM signatures)
BEGIN
    INSERT OR IGNORE INTO unsigned_events VALUES (NEW.event);
END;
CREATE TRIGGER unsign_updated_text AFTER UPDATE OF description, metadata ON texts
    WHEN NEW.event <= (SELECT max(last_event) FROM signatures)
    AND (OLD.description, OLD.metadata) IS NOT (NEW.description, NEW.metadata)
BEGIN
    INSERT OR IGNORE INTO unsigned_events VALUES (NEW.event);
END;
CREATE TRIGGER unsign_updated_event AFTER UPDATE OF title, reason, node, object ON events
    WHEN NEW.id <= (SELECT max(last_event) FROM signatures)
    AND (OLD.title, OLD.reason, OLD.node, OLD.object) <> (NEW.title, NEW.reason, NEW.node, NEW.object)
BEGIN
    INSERT OR IGNORE INTO unsigned_events VALUES (NEW.id);
END;
