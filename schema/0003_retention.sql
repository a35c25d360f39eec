-- What retention needs to know of what it deleted.

-- Events that were deleted while what they are made of may still be listed: their contributors stay until then, so that what
-- was deleted does not come back as something new.
CREATE TABLE leftovers (
    event    INTEGER PRIMARY KEY, -- the events.id that was deleted
    until_ms INTEGER NOT NULL     -- until when its rows in contributors stay, by our own clock
) STRICT;
CREATE INDEX leftovers_by_time ON leftovers (until_ms);
