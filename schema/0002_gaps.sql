-- A gap has an event, and a source has the time since when it is unavailable. New facts: health, unwritten_from_ms,
-- unwritten_to_ms.

ALTER TABLE gaps ADD COLUMN event INTEGER; -- events.id of the event about the gap, which retention may have deleted; gaps may share an event
CREATE INDEX gaps_by_event ON gaps (event);

ALTER TABLE sources ADD COLUMN unavailable_since_ms INTEGER; -- since when it is unavailable; NULL if it is not
