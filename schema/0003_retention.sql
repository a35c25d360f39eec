-- What retention has to remember about deleted events.

-- Deleted events whose contributors may still be listed. The contributors stay until then, so that a list does not bring a
-- deleted event back as a new one.
CREATE TABLE leftovers (
    event    INTEGER PRIMARY KEY, -- events.id of the deleted event
    until_ms INTEGER NOT NULL     -- until when its rows in contributors stay, by the operator's clock
) STRICT;
CREATE INDEX leftovers_by_time ON leftovers (until_ms);
