-- What the sink still has to send. The writer fills the table while a sink is configured
-- (kube9_operator/write/events/journal.py); otherwise it is empty.
CREATE TABLE changes (
    seq  INTEGER PRIMARY KEY, -- rises with each change; becomes the revision of the record. Begins with microseconds since 1970
    what INTEGER NOT NULL,    -- 0 an event changed, 1 an object (and so its events), 2 an event was merged into another, 3 nothing
    id   INTEGER NOT NULL     -- events.id or objects.id
) STRICT;

-- Which services a pod stood behind. Each event that is sent names them.
CREATE INDEX service_pods_by_uid ON service_pods (uid);
