-- A gap is also an event, and a source that may not be watched is known since when. New facts: health (JSON, as the
-- writer was told it last), unwritten_from_ms and unwritten_to_ms (when the database could last not be written).

ALTER TABLE gaps ADD COLUMN event INTEGER; -- events.id of the event that tells of it, which retention may have deleted; several gaps may share one
CREATE INDEX gaps_by_event ON gaps (event);

ALTER TABLE sources ADD COLUMN unavailable_since_ms INTEGER; -- since when `unavailable` says why; NULL where it can be watched
